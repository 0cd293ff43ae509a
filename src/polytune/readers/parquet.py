"""Parquet files, whose library has a dozen ways to say that one is broken."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from polytune.errors import InputError, nearest, short
from polytune.readers.text import GZIP, first_bytes, read_bytes

if TYPE_CHECKING:
    import pyarrow

MARK = b"PAR1"
"""The first bytes of every parquet file."""

Result = TypeVar("Result")


def read_table(path: Path | str, columns: Sequence[str] | None = None, coded: Sequence[str] = ()) -> pyarrow.Table:
    """Return the table of a parquet file, or some of its columns; nothing else is read.

    Columns of words that are `coded` keep each distinct word once, which spares most of the memory of a large table.
    Pages that carry a checksum are compared with it. Raises `InputError` for a file that is missing, a pointer of Git
    LFS, corrupt or cut, that lacks a column or has one twice.
    """
    first = first_bytes(path, len(MARK))
    if not first.startswith((MARK, GZIP)):
        raise InputError(f"{path}: not a parquet file: it does not begin with 'PAR1'")
    import pyarrow
    import pyarrow.parquet

    source = str(path) if first == MARK else pyarrow.BufferReader(read_bytes(path))

    def read() -> pyarrow.Table:
        with pyarrow.parquet.ParquetFile(source, page_checksum_verification=True, read_dictionary=list(coded)) as file:
            names = file.schema_arrow.names
            if twice := [name for name in names if names.count(name) > 1]:
                raise InputError(f"{path}: the column '{short(twice[0])}' stands twice")
            if lacking := [name for name in columns or () if name not in names]:
                known = ", ".join(map(short, names))
                raise InputError(f"{path}: no column '{lacking[0]}'{nearest(lacking[0], names)}; there are: {known}")
            table = file.read(columns)
        table.validate(full=True)
        return table

    return refuse_broken(path, read)


def refuse_broken(path: Path | str, read: Callable[[], Result]) -> Result:
    """Return what `read` returns; whatever the library raises about the content of `path` is an `InputError`."""
    import pyarrow

    try:
        return read()
    # a broken page is an OSError, a value that Python cannot hold a ValueError or worse
    except (pyarrow.ArrowException, OSError, ValueError, TypeError, ArithmeticError, MemoryError) as error:
        if getattr(error, "errno", None):  # of the disk, not of the content
            raise
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{path}: not a readable parquet file, it is corrupt or cut: {reason}") from None
