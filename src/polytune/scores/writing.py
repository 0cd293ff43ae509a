"""The table of items, written evaluation by evaluation: at full scale it has millions of rows."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from polytune.files import atomic_path

if TYPE_CHECKING:
    import pandas as pd

WORDS = ("run", "evaluation", "origin", "language", "category", "measure", "judge", "protocol", "opponent")
"""Columns that repeat few words; stored as a dictionary."""


class ItemsWriter:
    """Writes items as rows: run evaluation origin language category item turn measure judge protocol opponent value."""

    def __init__(self, path: Path) -> None:
        import pyarrow as pa

        word = pa.dictionary(pa.int32(), pa.string())
        names = [*WORDS[:5], "item", "turn", *WORDS[5:], "value"]
        types = {"item": pa.int32(), "turn": pa.int8(), "value": pa.float64()}
        self._schema = pa.schema([(name, types.get(name, word)) for name in names])
        self._path, self._files = path, ExitStack()

    def __enter__(self) -> ItemsWriter:
        import pyarrow.parquet as pq

        temporary = self._files.enter_context(atomic_path(self._path))
        self._writer = self._files.enter_context(pq.ParquetWriter(temporary, self._schema, compression="zstd"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._files.__exit__(kind, error, trace)

    def add(self, items: pd.DataFrame, **words: str) -> None:
        """Write items: `language`, `item`, maybe `turn` and `category`, and a column per measure; NaN are not written.

        `words` are the values of `WORDS` that are the same for all of them; those left out are empty.
        """
        import pyarrow as pa

        items = items.assign(**{name: value for name, value in (("turn", 1), ("category", "")) if name not in items})
        places = ["language", "category", "item", "turn"]
        long = items.melt(places, var_name="measure", value_name="value").dropna(subset="value")
        long = long.assign(**dict.fromkeys(("judge", "protocol", "opponent"), "") | words)
        self._writer.write_table(pa.Table.from_pandas(long[self._schema.names], self._schema, preserve_index=False))
