"""Progress bars on standard error that stay readable in a log file."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any


def track(items: Iterable, description: str, total: int | None = None, unit: str = "it", **options: Any):
    """Wrap `items` in a progress bar: live on a terminal, a line every ten seconds in a log."""
    from tqdm import tqdm

    on_terminal = sys.stderr.isatty()
    return tqdm(
        items,
        desc=description,
        total=total,
        unit=unit,
        mininterval=0.2 if on_terminal else 10.0,
        dynamic_ncols=on_terminal,
        **options,
    )
