"""The table of items, written evaluation by evaluation: at full scale it has millions of rows."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from polytune.files import atomic_path
from polytune.scores.spec import EvaluationSpec

if TYPE_CHECKING:
    import pandas as pd

WORDS = ("run", "evaluation", "origin", "language", "measure", "judge", "protocol", "opponent")
"""Columns that repeat few words; stored as a dictionary."""


class ItemsWriter:
    """Writes items as rows `run evaluation origin language item measure judge protocol opponent value`."""

    def __init__(self, path: Path) -> None:
        import pyarrow as pa

        word = pa.dictionary(pa.int32(), pa.string())
        names = [*WORDS[:4], "item", *WORDS[4:], "value"]
        types = {"item": pa.int32(), "value": pa.float64()}
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

    def add(self, run: str, evaluation: EvaluationSpec, items: pd.DataFrame) -> None:
        """Write the items of one run's evaluation: columns `language`, `item` and one per measure."""
        import pyarrow as pa

        long = items.melt(["language", "item"], var_name="measure", value_name="value")
        same = {"run": run, "evaluation": evaluation.name, "origin": evaluation.origin}
        long = long.assign(**same, judge="", protocol="", opponent="")
        self._writer.write_table(pa.Table.from_pandas(long[self._schema.names], self._schema, preserve_index=False))
