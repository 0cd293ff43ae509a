"""The parquet file of one language of a source: columns id, key (uint64), instruction, input, output.

Columns are built from buffers and read as whole files: pyarrow's convenience functions import pandas to see whether
they were given some of it, and the start of these short steps would be mostly that.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from polytune.data.rows import Row, row_key
from polytune.files import atomic_path
from polytune.readers.parquet import read_table as read_table

if TYPE_CHECKING:
    import pyarrow


def text_column(texts: Sequence[str]) -> pyarrow.LargeStringArray:
    """Return texts as a column."""
    import pyarrow

    written = [text.encode() for text in texts]
    ends = np.zeros(len(written) + 1, np.int64)
    np.cumsum([len(text) for text in written], out=ends[1:])
    buffers = pyarrow.py_buffer(ends), pyarrow.py_buffer(b"".join(written))
    return pyarrow.LargeStringArray.from_buffers(len(written), *buffers)


def write_rows(rows: Sequence[Row], path: Path) -> None:
    """Write the rows of a language; atomically."""
    import pyarrow
    import pyarrow.parquet

    keys = np.array([row_key(row.id) for row in rows], np.uint64)
    columns = {"id": text_column([row.id for row in rows])}
    columns["key"] = pyarrow.UInt64Array.from_buffers(pyarrow.uint64(), len(rows), [None, pyarrow.py_buffer(keys)])
    for name in ("instruction", "input", "output"):
        columns[name] = text_column([getattr(row, name) for row in rows])
    with atomic_path(path) as temporary:
        pyarrow.parquet.write_table(pyarrow.table(columns), temporary, compression="zstd", write_page_checksum=True)


def keys_of(table: pyarrow.Table) -> np.ndarray:
    """Return the row keys of a table, uint64 [rows]."""
    return np.from_dlpack(table.column("key").combine_chunks())
