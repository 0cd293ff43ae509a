"""What the reported runs took, from their manifests: the ledger's lines as they stand in the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from polytune.costs.ledger import OTHERS, measured, sum_runs
from polytune.study.plan import Plan


@dataclass(frozen=True)
class Line:
    """One line of the table."""

    study: str
    cells: tuple[str, ...]


HEADER = (
    "step",
    "device or judge",
    "done",
    "device-hours",
    "seconds each",
    "kWh",
    "million tokens",
    "judge's calls",
    "price",
)


def sum_up(plans: Sequence[Plan]) -> list[Line]:
    """Return the lines of every study of the plans, and those of all together, each result once."""
    if not plans:
        return []
    lines = []
    for (study, rule, device), entry in sum_runs(*plans).items():
        if study == OTHERS:
            continue
        cells = (
            rule,
            device,
            f"{entry.runs:,}",
            measured(entry.device_hours),
            "" if entry.device_hours is None else f"{3600 * entry.device_hours / entry.runs:,.1f}",
            measured(entry.energy_kwh),
            f"{entry.tokens / 1e6:,.2f}" if entry.tokens else "",
            f"{entry.judge_calls:,.0f}" if entry.judge_calls else "",
            f"{entry.price:,.2f}" if rule == "judge" else "",
        )
        lines.append(Line("all studies" if study == "all" else study, cells))
    return lines
