"""Imported rows: a printed number with its run, its place among the benchmarks and its provenance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from polytune.imports.mapping import ImportedRun
from polytune.imports.printed import Printed
from polytune.imports.tasks import Wanted

if TYPE_CHECKING:
    import pandas as pd

    from polytune.imports.check import Checked

OF_RUNS = ("run", "base", "method", "variant", "selection", "size", "seed", "languages")
OF_SCORES = (
    "evaluation", "benchmark", "language", "aggregate", "measure", "value", "stderr", "items", "task", "version",
    "shots", "harness", "file", "line", "digest",
)  # fmt: skip
"""Columns of the imported table; between them stand the further columns of the mapping."""


@dataclass(frozen=True)
class Row:
    """One number of one run."""

    run: ImportedRun
    wanted: Wanted
    language: str
    """Our code; empty for a group."""
    printed: Printed
    file: str
    digest: str
    harness: str = ""

    @property
    def place(self) -> str:
        """Return file and line, as messages begin."""
        return f"{self.file}: line {self.printed.line}"

    @property
    def key(self) -> tuple[str, str, str, str]:
        """Return what there may be one number of."""
        return self.run.path, *self.task

    @property
    def task(self) -> tuple[str, str, str]:
        """Return evaluation, language and measure."""
        return self.wanted.name, self.language, self.printed.measure


def build_table(checked: Checked) -> pd.DataFrame:
    """Return the table of imported scores, ordered by run and task: `OF_RUNS`, further columns, `OF_SCORES`.

    `aggregate` is empty for one language and `group` for a printed group, whose `language` is empty; `items` is 0 where
    nothing says how many there were.
    """
    import pandas as pd

    more = list(dict.fromkeys(name for row in checked.rows for name in row.run.more))
    records = [{**_of_run(row.run, more), **_of_score(row, checked.items_of(row))} for row in checked.rows]
    table = pd.DataFrame(records, columns=[*OF_RUNS, *more, *OF_SCORES])
    for name in ("size", *more):
        table[name] = _column(table[name])
    order = ["run", "evaluation", "aggregate", "language", "measure"]
    return table.sort_values(order, kind="stable", ignore_index=True)


def _of_run(run: ImportedRun, more: list[str]) -> dict[str, Any]:
    own = {name: getattr(run, name) for name in OF_RUNS if name not in ("run", "languages")}
    own |= {"run": run.path, "languages": list(run.languages), "method": run.method if run.languages else "base"}
    return {**own, **{name: run.more.get(name, "") for name in more}}


def _of_score(row: Row, items: int) -> dict[str, Any]:
    printed = row.printed
    return {
        "evaluation": row.wanted.name,
        "benchmark": row.wanted.benchmark.benchmark,
        "language": row.language,
        "aggregate": "" if row.language else "group",
        "measure": printed.measure,
        "value": printed.value,
        "stderr": printed.stderr,
        "items": items,
        "task": printed.task,
        "version": printed.version,
        "shots": printed.shots,
        "harness": row.harness,
        "file": row.file,
        "line": printed.line,
        "digest": row.digest,
    }


def _column(values: pd.Series) -> pd.Series:
    """Return a column of the mapping as numbers, NaN where a cell is empty, or as text."""
    filled = [value for value in values if value != ""]
    if filled and all(isinstance(value, int | float) for value in filled):
        return values.map(lambda value: math.nan if value == "" else value).astype(float)
    return values.astype(str)
