"""What `polytune import` has read, as evaluations like our own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from polytune.config.paths import Paths
from polytune.files import digest
from polytune.readers.parquet import read_table
from polytune.scores.evaluations import Evaluation, Score
from polytune.scores.measures import measure_items
from polytune.scores.spec import RunSpec

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pyarrow as pa

COLUMNS = (
    "run", "evaluation", "language", "aggregate", "measure", "value", "stderr", "items", "file", "line", "digest",
)  # fmt: skip


Sources = dict[tuple[str, str, str], str]
"""File and line of each number, by aggregate, language and measure."""


@dataclass(frozen=True)
class Imported:
    """One import of a study: its table of scores and its items."""

    path: Path

    def find(self, run: RunSpec, name: str) -> tuple[Evaluation, pd.DataFrame, Sources] | None:
        """Return a run's evaluation, its items (none where only means are known) and sources; None if there is none.

        Items are in the layout of `measures.read_items`.
        """
        rows = self._scores.get((run.run, name))
        if rows is None:
            return None
        scores: dict[str, dict[str, Score]] = {}
        groups: dict[str, float] = {}
        for row in rows.itertuples():
            if row.aggregate:
                groups[row.measure] = row.value
            else:
                scores.setdefault(row.measure, {})[row.language] = Score(row.value, row.stderr, row.items)
        digests = sorted(set(rows["digest"]))
        combined = digests[0] if len(digests) == 1 else digest(digests)
        sources = {(row.aggregate, row.language, row.measure): f"{row.file}:{row.line}" for row in rows.itertuples()}
        return Evaluation(self.path, scores, groups, {}, combined, imported=True), self._items(run, name), sources

    def _items(self, run: RunSpec, name: str) -> pd.DataFrame:
        import pandas as pd

        rows = self._rows_of_items.get((run.run, name))
        if rows is None:
            return pd.DataFrame(columns=["language", "item"])
        return measure_items(self._samples.take(rows), self._samples_path)

    @property
    def _samples_path(self) -> Path:
        return self.path.with_suffix(".samples.parquet")

    @cached_property
    def _scores(self) -> dict[tuple[str, str], pd.DataFrame]:
        table = read_table(self.path, COLUMNS).to_pandas()
        return dict(iter(table.groupby(["run", "evaluation"], sort=False)))

    @cached_property
    def _samples(self) -> pa.Table:
        return read_table(self._samples_path)

    @cached_property
    def _rows_of_items(self) -> dict[tuple[str, str], np.ndarray]:
        keys = ["run", "evaluation"]
        return self._samples.select(keys).to_pandas().groupby(keys, observed=True).indices


def read_imports(paths: Paths, study: str, runs: tuple[RunSpec, ...]) -> dict[str, Imported]:
    """Return the imports that the runs of a study come from, by name."""
    names = dict.fromkeys(run.imported for run in runs if run.imported)
    return {name: Imported(Path(paths.imported(study, name))) for name in names}
