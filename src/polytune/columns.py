"""Columns of parquet files, built from buffers.

pyarrow's convenience functions import pandas to see whether they were given some of it, and the start of a short step
would be mostly that import.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from polytune.files import atomic_path

if TYPE_CHECKING:
    import pyarrow


def text_column(texts: Sequence[str]) -> pyarrow.LargeStringArray:
    """Return texts as a column."""
    import pyarrow

    written = [text.encode() for text in texts]
    buffers = pyarrow.py_buffer(_ends([len(text) for text in written])), pyarrow.py_buffer(b"".join(written))
    return pyarrow.LargeStringArray.from_buffers(len(written), *buffers)


def texts_column(lists: Sequence[Sequence[str]]) -> pyarrow.LargeListArray:
    """Return lists of texts as a column."""
    import pyarrow

    ends = _ends([len(texts) for texts in lists])
    offsets = pyarrow.Int64Array.from_buffers(pyarrow.int64(), len(ends), [None, pyarrow.py_buffer(ends)])
    return pyarrow.LargeListArray.from_arrays(offsets, text_column([text for texts in lists for text in texts]))


def number_column(numbers: Sequence[float] | np.ndarray, dtype: np.dtype | type) -> pyarrow.Array:
    """Return numbers as a column of a type of numpy's."""
    import pyarrow

    values = np.ascontiguousarray(numbers, dtype)
    kind = pyarrow.from_numpy_dtype(values.dtype)
    return pyarrow.Array.from_buffers(kind, len(values), [None, pyarrow.py_buffer(values)])


def write_columns(columns: Mapping[str, pyarrow.Array], path: Path) -> None:
    """Write a table, with a checksum of each page; atomically."""
    import pyarrow
    import pyarrow.parquet

    with atomic_path(path) as temporary:
        table = pyarrow.table(dict(columns))
        pyarrow.parquet.write_table(table, temporary, compression="zstd", write_page_checksum=True)


def write_rows(rows: Sequence[Mapping[str, Any]], kinds: Mapping[str, type | None], path: Path) -> None:
    """Write rows as a table with the columns `kinds`: a type of numpy's each, None for text; atomically."""
    columns = {name: [row[name] for row in rows] for name in kinds}
    write_columns(
        {
            name: text_column(columns[name]) if kind is None else number_column(columns[name], kind)
            for name, kind in kinds.items()
        },
        path,
    )


def _ends(lengths: Sequence[int]) -> np.ndarray:
    """Return where each part begins and the last one ends, int64 [parts + 1]."""
    ends = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(np.asarray(lengths, np.int64), out=ends[1:])
    return ends
