"""Whether files without ids are translations of each other, row by row.

The rows of alpaca-style files are parallel by their position. Two things survive a translation: a row without input
stays without, and a long prompt stays long. Both are kept per position in the report of the rows, two bits a row, so
that a mixture can tell files that correspond from files that were filtered, cut or shuffled differently.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np

LARGEST = 1_000_000  # rows described; the report stays below the megabyte that the workflow compares by content
BLOCK = 256  # rows that are compared at a time, so that a row lost in the middle shows
MOVED_INPUTS = 0.05  # share of a block's rows that may lose or gain their input in translation
AGREEMENT = 0.2  # Cohen's kappa of long prompts: translations have 0.6 to 0.9, strangers 0 with an error of 0.06
FEWEST_LENGTHS = 64  # rows below which kappa says nothing


def describe_positions(empty_inputs: list[bool], prompt_lengths: list[int]) -> dict[str, Any]:
    """Return what a report says of the positions: `rows`, and `empty_input` and `long_prompt` as bits in base64.

    A prompt is long if it has more characters than the median of its file.
    """
    lengths = np.array(prompt_lengths[:LARGEST], np.int64)
    bits = {"empty_input": np.array(empty_inputs[:LARGEST], bool), "long_prompt": lengths > np.median(lengths)}
    packed = {name: base64.b64encode(np.packbits(values).tobytes()).decode() for name, values in bits.items()}
    return {"rows": len(empty_inputs), **packed}


def correspond(reports: Mapping[str, Mapping[str, Any]]) -> str | None:
    """Return in words why the rows of these languages do not stand in the same places, None if they may well do.

    `reports` are the reports of one source by language; of a source with ids nothing is said.
    """
    described = {language: report["positions"] for language, report in reports.items() if report.get("positions")}
    if len(described) < 2:
        return None
    first, *others = described
    for other in others:
        counts = [described[language]["rows"] for language in (first, other)]
        if counts[0] != counts[1]:
            return (
                f"{first} has {counts[0]} rows and {other} has {counts[1]}: without ids rows are parallel by their "
                "position, and these are not"
            )
        if difference := _differ(described[first], described[other]):
            return f"the rows of {other} do not stand where those of {first} do: {difference}"
    return None


def _differ(one: Mapping[str, Any], other: Mapping[str, Any]) -> str | None:
    inputs, lengths = ([_bits(rows, name) for rows in (one, other)] for name in ("empty_input", "long_prompt"))
    for start in range(0, len(inputs[0]), BLOCK):
        block = slice(start, start + BLOCK)
        where = f"rows {start + 1} to {min(start + BLOCK, len(inputs[0]))}"
        moved = int((inputs[0][block] != inputs[1][block]).sum())
        if moved > 1 and moved > MOVED_INPUTS * len(inputs[0][block]):
            return f"in {where}, {moved} have an input in one language only"
        if len(lengths[0][block]) >= FEWEST_LENGTHS and _kappa(lengths[0][block], lengths[1][block]) < AGREEMENT:
            return f"in {where}, long and short prompts do not agree"
    return None


def _bits(positions: Mapping[str, Any], name: str) -> np.ndarray:
    """Return one bit of every described row, bool [rows]."""
    packed = np.frombuffer(base64.b64decode(positions[name]), np.uint8)
    return np.unpackbits(packed, count=min(positions["rows"], LARGEST)).astype(bool)


def _kappa(one: np.ndarray, other: np.ndarray) -> float:
    """Return Cohen's kappa: the agreement beyond chance, 1 where chance alone explains nearly everything."""
    means = one.mean(), other.mean()
    by_chance = means[0] * means[1] + (1 - means[0]) * (1 - means[1])
    return 1.0 if by_chance > 0.9 else ((one == other).mean() - by_chance) / (1 - by_chance)
