"""How many items the user's own data of a benchmark has, where that is known within a moment."""

from __future__ import annotations

from pathlib import Path

from polytune.readers.counts import count_rows
from polytune.readers.records import FORMATS


def count_items(folder: Path, split: str) -> tuple[int, int] | None:
    """Return rows and bytes of all files of a split below a data set's folder, or None if one cannot be counted."""
    files = [file for file in folder.rglob("*") if file.name.removesuffix(".gz").endswith(FORMATS)]
    counts = [count_rows(file) for file in files if _names(file.relative_to(folder), split)]
    if not counts or not all(counts):
        return None
    return sum(rows for rows, _ in counts), sum(size for _, size in counts)


def _names(path: Path, split: str) -> bool:
    """Return whether a path says that it holds a split: `en/test/0.parquet`, `en/test-00.jsonl`, `test.en.jsonl`."""
    return any(split in part.replace("-", ".").split(".") for part in path.parts)
