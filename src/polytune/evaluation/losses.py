"""The loss of a model on right answers: nats per supervised token, language by language.

A row is encoded as for training (`data.tokens`): prompt, answer, end-of-sequence; the loss is on answer and end. So it
is what training lowers, on rows that it has not seen. It needs no generation, and moves long before accuracies do.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from polytune.columns import write_rows
from polytune.errors import InputError
from polytune.files import digest, write_json

if TYPE_CHECKING:
    from polytune.data.templates import Template
    from polytune.evaluation.model import PolytuneLM

COLUMNS = {"language": None, "item": np.int32, "turn": np.int8, "nats": np.float64, "tokens": np.int32}
"""Of a table of losses, with the types of numbers."""


@dataclass(frozen=True)
class Row:
    """A question and its right answer; the same `item` is the same question in every language."""

    item: int
    instruction: str
    input: str
    output: str


def measure_losses(lm: PolytuneLM, rows: Mapping[str, Sequence[Row]], template: Template) -> list[dict[str, Any]]:
    """Return the loss on each answer, in nats, and its supervised tokens: `COLUMNS`, in the order of `rows`."""
    from polytune.data.boundaries import read_pieces
    from polytune.data.tokens import encode_rows

    encoder_decoder = lm.backend == "seq2seq"
    pieces = None if encoder_decoder else read_pieces(lm.tokenizer.backend)
    asked = [(language, row) for language, of_language in rows.items() for row in of_language]
    ids, sizes, prompt_sizes = encode_rows(
        [template.prompt(row.instruction, row.input) for _, row in asked],
        [template.response(row.output) for _, row in asked],
        lm.tokenizer,
        encoder_decoder,
        pieces,
    )
    starts = np.cumsum(sizes) - sizes
    pairs = [
        (ids[start : start + prompt].tolist(), ids[start + prompt : start + size].tolist())
        for start, size, prompt in zip(starts, sizes, prompt_sizes, strict=True)
    ]
    if len(ids) and (highest := int(ids.max())) >= lm.vocabulary:
        raise InputError(
            f"{lm.tokenizer.directory}: gives token id {highest}, the model has {lm.vocabulary} embeddings; is it "
            "another model's tokenizer?"
        )
    names = [f"language '{language}', item {row.item}" for language, row in asked]
    nats = -lm.score_answers(pairs, names)
    return [
        {"language": language, "item": row.item, "turn": 1, "nats": float(loss), "tokens": len(answer)}
        for (language, row), loss, (_, answer) in zip(asked, nats, pairs, strict=True)
    ]


def per_token(nats: np.ndarray, tokens: np.ndarray) -> tuple[float, float]:
    """Return the loss per token, sum of `nats` over sum of `tokens`, and its standard error over rows.

    The error is that of a ratio (Cochran 1977, section 2.11): the residuals nats - loss x tokens over the mean number
    of tokens; NaN for a single row.
    """
    loss = float(nats.sum() / tokens.sum())
    residuals = (nats - loss * tokens) / tokens.mean()
    rows = len(nats)
    return loss, float(residuals.std(ddof=1) / math.sqrt(rows)) if rows > 1 else math.nan


def write_losses(rows: Sequence[Mapping[str, Any]], samples: Path, marker: Path, header: Mapping[str, Any]) -> str:
    """Write a table of losses and, last, its marker with loss and error of each language; return them in a line."""
    write_rows(rows, COLUMNS, samples)
    found: dict[str, dict[str, float | None]] = {}
    for language in dict.fromkeys(row["language"] for row in rows):
        nats, tokens = (
            np.array([row[name] for row in rows if row["language"] == language]) for name in ("nats", "tokens")
        )
        loss, stderr = per_token(nats, tokens)
        found[language] = {"nats_per_token": loss, "stderr": None if math.isnan(stderr) else stderr}
        found[language] |= {"rows": len(nats), "tokens": int(tokens.sum())}
    content = [[row[name] for name in COLUMNS] for row in rows]
    write_json(marker, {**header, "languages": found, "digest": digest(content)})
    each = ", ".join(f"{language} {values['nats_per_token']:.3f}" for language, values in found.items())
    return f"nats per token: {each}"
