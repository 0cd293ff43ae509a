"""The parquet file of one language of a source: columns id, key (uint64), instruction, input, output."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from polytune.columns import number_column, text_column, write_columns
from polytune.data.rows import Row, row_key
from polytune.readers.parquet import read_table as read_table

if TYPE_CHECKING:
    import pyarrow


def write_rows(rows: Sequence[Row], path: Path) -> None:
    """Write the rows of a language; atomically."""
    columns = {"id": text_column([row.id for row in rows])}
    columns["key"] = number_column([row_key(row.id) for row in rows], np.uint64)
    for name in ("instruction", "input", "output"):
        columns[name] = text_column([getattr(row, name) for row in rows])
    write_columns(columns, path)


def keys_of(table: pyarrow.Table) -> np.ndarray:
    """Return the row keys of a table, uint64 [rows]."""
    return np.from_dlpack(table.column("key").combine_chunks())
