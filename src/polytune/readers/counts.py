"""How many rows a file of records has, where that is known within a moment."""

from __future__ import annotations

import gzip
from functools import cache
from pathlib import Path

from polytune.errors import InputError
from polytune.readers.records import read_records

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
        if not is_counted(file):
            return _estimate_rows(file)
        records = [record for _, record in read_records(file)]
    except (OSError, ValueError, InputError):
        return None  # its reader will say what is wrong with it
    return len(records), sum(len(str(value).encode()) for record in records for value in record.values())


def is_counted(file: Path) -> bool:
    """Return whether `count_rows` counts the rows of a file, and does not estimate them from its beginning."""
    return file.suffix == ".parquet" or file.stat().st_size <= LARGEST_BYTES


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
