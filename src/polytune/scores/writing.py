"""The table of items: at full scale it has millions of rows, of which an analysis reads those of one measure."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from polytune.files import atomic_path

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

WORDS = ("run", "evaluation", "origin", "language", "category", "measure", "judge", "protocol", "opponent")
"""Columns that repeat few words; stored as a dictionary."""
GROUP_ROWS = 100_000
"""Rows of one evaluation, origin and measure that are written together: a reader skips the groups of other ones."""


class ItemsWriter:
    """Writes items as rows: run evaluation origin language category item turn measure judge protocol opponent value."""

    def __init__(self, path: Path) -> None:
        import pyarrow as pa

        word = pa.dictionary(pa.int32(), pa.string())
        names = [*WORDS[:5], "item", "turn", *WORDS[5:], "value"]
        types = {"item": pa.int32(), "turn": pa.int8(), "value": pa.float64()}
        self._schema = pa.schema([(name, types.get(name, word)) for name in names])
        self._path, self._files = path, ExitStack()
        self._waiting: dict[tuple[str, str, str], list[pa.Table]] = {}

    def __enter__(self) -> ItemsWriter:
        import pyarrow.parquet as pq

        temporary = self._files.enter_context(atomic_path(self._path))
        self._writer = self._files.enter_context(pq.ParquetWriter(temporary, self._schema, compression="zstd"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            for key in list(self._waiting):
                self._write(key)
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
        table, start = pa.Table.from_pandas(long[self._schema.names], self._schema, preserve_index=False), 0
        for measure, rows in long["measure"].value_counts(sort=False).items():  # one after the other, as melted
            key = words["evaluation"], words["origin"], measure
            waiting = self._waiting.setdefault(key, [])
            waiting.append(table.slice(start, rows))
            start += rows
            if sum(map(len, waiting)) >= GROUP_ROWS:
                self._write(key)

    def _write(self, key: tuple[str, str, str]) -> None:
        """Write what waits of an evaluation, origin and measure as one group of rows."""
        import pyarrow as pa

        table = pa.concat_tables(self._waiting.pop(key)).unify_dictionaries().combine_chunks()
        self._writer.write_table(table, row_group_size=max(1, len(table)))
