"""What a file of results says: one printed number, and which file said it where."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from pathlib import Path

from polytune.errors import InputError, shown

MOST_ITEMS = 2**31
MISSING = ("N/A", "", " ", None)
"""What stands in result files where there is no number."""


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


def count_of(value: object) -> int:
    """Return a number of items as a file has it, 0 for anything else."""
    return value if type(value) is int and 0 < value < MOST_ITEMS else 0


def number_of(value: object, what: str) -> float:
    """Return a number of a JSON file, NaN where it says that there is none; `what` begins the message otherwise."""
    if value in MISSING:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > sys.float_info.max:
        raise InputError(f"{what} is {shown(value)}, expected a number")
    return float(value)
