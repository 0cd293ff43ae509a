"""The items of two runs side by side: which tables hold them, and whether they are the same questions."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polytune.analysis.context import Context, EvaluationInfo
from polytune.analysis.items import Items
from polytune.config.paths import Paths
from polytune.errors import InputError, nearest
from polytune.files import read_json
from polytune.languages.codes import languages as language_table

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Measured:
    """A run in the scores of one study at one scale."""

    run: str
    study: str
    scale: str
    world: str


@dataclass(frozen=True)
class PairedItems:
    """The items of two runs from the tables of one or two studies, of chosen languages; read like `Items`."""

    paths: Paths
    runs: tuple[Measured, ...]
    languages: Collection[str]
    """Languages to read, none: all."""

    def read(self, evaluation: str, origin: str, measure: str) -> pd.DataFrame:
        """Return the items of both runs, as `Items.read` does."""
        import pandas as pd

        tables = []
        for one in self.runs:
            table = Items(Path(self.paths.items(one.study, one.scale))).read(evaluation, origin, measure)
            chosen = table["run"] == one.run
            tables.append(table[chosen & table["language"].isin(self.languages)] if self.languages else table[chosen])
        return pd.concat(tables, ignore_index=True)


def find_runs(paths: Paths, names: tuple[str, str], study: str = "") -> tuple[Measured, Measured]:
    """Return both runs in the scores of a common study if there is one, else each in the first that has it.

    `study` chooses one. Raises `InputError` for a run that no study has, and for two runs whose items are not the same
    questions: of two scales, or of two generated worlds.
    """
    known = list(_measured(paths, study))
    if not known:
        of_study = f"{study}/" if study else ""
        raise InputError(f"{paths.results}/scores/{of_study}: no scores; make them first (snakemake scores)")
    places: list[dict[tuple[str, str], Measured]] = []
    for name in names:
        run = name.removeprefix(f"{paths.results}/").removeprefix("runs/").rstrip("/").removesuffix("/model")
        mine = {(one.study, one.scale): one for one in known if one.run == run}
        if not mine:
            raise InputError(f"RUN: no scores of a run '{run}'{nearest(run, {one.run for one in known})}")
        places.append(mine)
    common = [place for place in places[0] if place in places[1]]
    first, second = (mine[common[0]] if common else next(iter(mine.values())) for mine in places)
    if first.run == second.run:
        raise InputError(f"RUN: '{first.run}' is given twice; name two runs")
    if first.scale != second.scale:
        raise InputError(
            f"RUN: '{first.run}' is of scale {first.scale}, '{second.run}' of scale {second.scale}: different questions"
        )
    if first.world != second.world:
        raise InputError(
            f"RUN: '{first.run}' is of {first.world or 'no world'}, '{second.run}' of {second.world or 'no world'}: "
            "each generated world has questions of its own"
        )
    return first, second


def _measured(paths: Paths, study: str) -> Iterator[Measured]:
    import pandas as pd

    for file in sorted(Path(paths.results, "scores").glob(f"{study or '*'}/*/runs.parquet")):
        table = pd.read_parquet(file, columns=["run", "world"]).drop_duplicates("run")
        for run, world in table.itertuples(index=False):
            yield Measured(run, file.parent.parent.name, file.parent.name, world)


def read_scores(paths: Paths, runs: tuple[Measured, Measured]) -> pd.DataFrame:
    """Return the scores of both runs."""
    import pandas as pd

    tables = []
    for one in runs:
        table = pd.read_parquet(paths.scores(one.study, one.scale))
        tables.append(table[table["run"] == one.run])
    return pd.concat(tables, ignore_index=True)


def read_context(paths: Paths, runs: tuple[Measured, Measured]) -> Context:
    """Return what the specs of the scores say of the evaluations: which have items that are translations of each other.

    Raises `InputError` where the spec is gone.
    """
    known: dict[tuple[str, str], EvaluationInfo] = {}
    for one in runs:
        place = paths.spec(f"scores/{one.study}/{one.scale}", "*")
        files = list(Path(place).parent.glob("*.json"))
        if not files:
            raise InputError(f"{place}: no such file; collect the scores of {one.study} again (snakemake {one.study})")
        spec: dict[str, Any] = read_json(files[0])
        for entry in [*spec["evaluations"], *spec.get("answers", ())]:
            name, origin = entry["name"], entry["origin"]
            known[name, origin] = EvaluationInfo(name, origin, name, float("nan"), entry["parallel"])
    worlds = tuple(sorted({one.world for one in runs} - {""}))
    names = {code: entry.name for code, entry in language_table().items()}
    return Context(runs[0].study, runs[0].scale, worlds, tuple(known.values()), names)
