"""The tables of the studies that the explorer shows, and what of them is the generated world."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from polytune.config.paths import Paths
from polytune.errors import InputError, nearest
from polytune.readers.parquet import read_table
from polytune.scores.spec import NULL

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

SCORES = (
    "run", "evaluation", "benchmark", "origin", "language", "measure", "judge", "protocol", "opponent", "aggregate",
    "value", "stderr", "items", "missing", "exposure", "digest",
)  # fmt: skip
ITEMS = (
    "run", "evaluation", "origin", "language", "item", "turn", "measure", "judge", "protocol", "opponent", "value",
)  # fmt: skip
MEASURE = ("measure", "judge", "protocol", "opponent")
"""What a measure is told from another by."""
MOST_VALUES = 36
"""Different values of a measure whose items are kept: digits and letters stand for them."""
WORLD, REAL = "world", "real"
"""Where a number comes from: the generated world, or real models and data. The two never stand in one chart."""


@dataclass(frozen=True)
class StudyTables:
    """The tables of one study at one scale, without null responders (they tell of the judge, not of a model)."""

    study: str
    scale: str
    scores: pd.DataFrame
    runs: pd.DataFrame
    items: pd.DataFrame
    """Those of measures with at most `MOST_VALUES` different values; the columns of words are categories."""
    many_valued: tuple[str, ...] = ()
    """The measures of the other items."""


def read_studies(paths: Paths, names: Collection[str] = ()) -> list[StudyTables]:
    """Return the tables of every study with scores below `paths.results`, or of those named `study/scale`.

    Raises `InputError` if there are no scores, or a named study has none.
    """
    folders = {
        f"{path.parts[-3]}/{path.parts[-2]}": path
        for path in sorted(Path(paths.results).glob("scores/*/*/scores.parquet"))
    }
    if not folders:
        raise InputError(f"{paths.results}: no scores below scores/; run the workflow, or polytune collect-scores")
    for name in names:
        if name not in folders:
            raise InputError(
                f"--study {name}: no scores of it{nearest(name, folders)}; there are: {', '.join(folders)}"
            )
    return [_read(paths, *name.split("/")) for name in names or folders]


def _read(paths: Paths, study: str, scale: str) -> StudyTables:
    scores = read_table(paths.scores(study, scale), SCORES).to_pandas()
    runs = read_table(paths.runs_table(study, scale)).to_pandas()
    runs = runs[runs["method"] != NULL]
    known = set(runs["run"])
    items, many_valued = _read_items(paths.items(study, scale))
    scores, items = scores[scores["run"].isin(known)], items[items["run"].isin(known)]
    return StudyTables(study, scale, scores, runs, items, many_valued)


def _read_items(path: str) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return the items of few-valued measures, and the names of the other measures.

    A study at full scale has tens of millions of items: what is left out leaves before pandas has it.
    """
    import pyarrow
    from pyarrow import compute

    table = read_table(path, ITEMS, coded=[name for name in ITEMS if name not in ("turn", "value")])
    table = table.unify_dictionaries()  # each part of the file has its own
    counts = table.select(["measure", "value"]).group_by("measure").aggregate([("value", "count_distinct")])
    many = sorted(row["measure"] for row in counts.to_pylist() if row["value_count_distinct"] > MOST_VALUES)
    kept = [row["measure"] for row in counts.to_pylist() if row["measure"] not in many]
    few = compute.is_in(table["measure"].cast(pyarrow.string()), pyarrow.array(kept, pyarrow.string()))
    return table.filter(few).to_pandas(), tuple(many)


def data_origin(tables: StudyTables, rows: pd.DataFrame) -> np.ndarray:
    """Return for each row of scores or items whether it is of the world: by its scale, its run or its data."""
    import numpy as np

    runs_of_world = tables.runs.loc[tables.runs["world"] != "", "run"].unique()
    of_world = (rows["origin"] == WORLD) | rows["run"].isin(runs_of_world) | (tables.scale == WORLD)
    return np.where(of_world, WORLD, REAL)
