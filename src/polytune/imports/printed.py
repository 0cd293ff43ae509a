"""What a file of results says: one printed number, and which file said it where."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Printed:
    """One number of a file: a measure of a task, or of a group of tasks, as the harness calls them."""

    task: str
    measure: str
    """`acc`; with the filter's name behind a comma where that is not `none`."""
    value: float
    """NaN where the file says that there is none."""
    line: int
    """Line of the file, from 1."""
    stderr: float = math.nan
    version: str = ""
    """Version of the task; empty where it is not known, as for groups of old versions."""
    shots: str = ""
    items: int = 0
    """0 where the file does not say it."""
    decimals: int = 0
    """Decimals that value and standard error were rounded to; 0 where they were not."""
    from_samples: bool = False
    """Whether it was worked out from a file of items."""


@dataclass(frozen=True)
class ResultFile:
    """One file that holds results."""

    path: Path
    digest: str
    """SHA-256 of its bytes."""
    printed: tuple[Printed, ...]
    harness: str = ""
    """Version of lm-evaluation-harness (or its commit), empty where the file does not say it."""
    limit: str = ""
    """What the evaluation was limited to, empty if it was not."""


def task_name(cell: str) -> str:
    """Return the name of a task without the marks that show how deep it stands in a group: ` - xcopa_et`."""
    return cell.strip().removeprefix("- ").strip()


def measure_name(metric: str, filter_name: str) -> str:
    """Return how a metric is called here: with its filter, unless that is `none`."""
    return metric if filter_name in ("", "none") else f"{metric},{filter_name}"
