"""How many rows files of the user's own have, where that is known within a moment."""

from __future__ import annotations

import gzip
from functools import cache
from pathlib import Path

from polytune.errors import InputError
from polytune.readers.records import FORMATS, read_records

LARGEST_BYTES = 2**20  # of a file that is read whole for this; of a larger one its beginning tells


@cache
def count_rows(file: Path) -> tuple[int, int] | None:
    """Return rows and bytes of their values, or None where the file is not readable as a table.

    Of a large file that is not parquet both are estimated from its first mebibyte of text.
    """
    try:
        if file.suffix == ".parquet":
            import pyarrow.parquet

            about = pyarrow.parquet.read_metadata(file)
            return about.num_rows, sum(about.row_group(one).total_byte_size for one in range(about.num_row_groups))
        if file.stat().st_size > LARGEST_BYTES:
            return _estimate_rows(file)
        records = [record for _, record in read_records(file)]
    except (OSError, ValueError, InputError):
        return None  # its reader will say what is wrong with it
    return len(records), sum(len(str(value).encode()) for record in records for value in record.values())


def _estimate_rows(file: Path) -> tuple[int, int] | None:
    """Return rows and bytes of a large text: its lines, or if it has few, the objects of a list."""
    with open(file, "rb") as stream:
        unpacked = gzip.GzipFile(fileobj=stream) if file.suffix == ".gz" else stream
        beginning = unpacked.read(LARGEST_BYTES)
        read = stream.tell() if file.suffix == ".gz" else len(beginning)
    lists = beginning.lstrip().startswith(b"[")
    rows = beginning.count(b"},") if lists else beginning.count(b"\n")
    whole = file.stat().st_size / max(read, 1)
    return (round(rows * whole), round(len(beginning) * whole)) if rows else None


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
