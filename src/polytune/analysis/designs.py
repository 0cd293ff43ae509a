"""The items of a study as complete arrays: models x draws x seeds x judges x items, for each language.

What is not complete is left out and said: a model with fewer seeds than the others, an item that a run lacks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from polytune.analysis.choices import Choice, choose_runs, coordinates, name_models, without_world
from polytune.analysis.components import Component, estimate, estimate_mean, language_component
from polytune.errors import InputError, nearest

if TYPE_CHECKING:
    import pandas as pd

    from polytune.analysis.context import Context
    from polytune.analysis.items import Items


@dataclass(frozen=True)
class Design:
    """The values of one evaluation by models of one base (and one world, protocol and opponent)."""

    models: tuple[str, ...]
    left_out: tuple[str, ...]
    """Models without as many draws and seeds as the others."""
    arrays: dict[str, np.ndarray]
    """For each language: models x draws x seeds x judges x items."""

    @property
    def runs(self) -> int:
        """Return the number of runs of each model."""
        return int(np.prod(next(iter(self.arrays.values())).shape[1:3]))


def name_groups(runs: pd.DataFrame, choice: Choice, against: str, over: list[str]) -> pd.DataFrame:
    """Return the chosen runs with `base` (without the world), `group` (the model) and `draw` (the columns `over`)."""
    import pandas as pd

    known = coordinates(runs)
    for option, column in (("against", against), *(("over", name) for name in over)):
        if column not in known:
            raise InputError(f"{option}: no column '{column}'{nearest(column, known)}; there are: {', '.join(known)}")
    chosen = choose_runs(runs, choice).drop_duplicates("run")
    chosen = chosen.assign(base=without_world(chosen["base"], chosen["world"]))
    chosen["mixture"] = without_world(chosen["mixture"], chosen["world"])
    chosen["model"] = pd.concat([name_models(part.assign(base="")) for _, part in chosen.groupby("base", sort=False)])
    draws = [tuple(row) for row in chosen[list(over)].itertuples(index=False)]
    chosen = chosen.assign(group=chosen[against].astype(str), draw=pd.Series(draws, index=chosen.index, dtype=object))
    return chosen[~chosen["group"].isin(["", "nan"])]


def find_designs(answers: pd.DataFrame, named: pd.DataFrame) -> Iterator[tuple[str, Design]]:
    """Yield (base, design) for each base, world, protocol and opponent; `answers` are items, `named` the runs."""
    merged = answers.merge(named[["run", "base", "world", "group"]], on="run")
    for (base, world, *_), part in merged.groupby(["base", "world", "protocol", "opponent"], sort=False):
        runs = named[(named["base"] == base) & (named["world"] == world) & named["run"].isin(part["run"].unique())]
        grid, left_out = _choose_grid(runs)
        judges = list(dict.fromkeys(part["judge"]))
        arrays = {}
        for language, own in part.groupby("language", sort=False):
            # the turns of an item are averaged
            wide = own.groupby(["item", "run", "judge"])["value"].mean().unstack(["run", "judge"]).dropna()
            columns = [(run, judge) for draws in grid.values() for seeds in draws for run in seeds for judge in judges]
            shape = (len(grid), len(next(iter(grid.values()))), len(next(iter(grid.values()))[0]), len(judges))
            if set(columns) <= set(wide.columns) and len(wide) > 1:
                arrays[language] = wide[columns].to_numpy().T.reshape(*shape, len(wide))
        if arrays:
            yield base, Design(tuple(grid), left_out, arrays)


def _choose_grid(runs: pd.DataFrame) -> tuple[dict[str, list[list[str]]], tuple[str, ...]]:
    """Return the runs of models x draws x seeds with the most degrees of freedom, and the models that do not have them.

    A model's own grid are its draws and the fewest seeds of a draw; models with more are cut.
    """
    by_model = {
        model: [list(own.sort_values("seed")["run"]) for _, own in part.groupby("draw", sort=False)]
        for model, part in runs.groupby("group", sort=False)
    }
    shapes = {(len(draws), min(map(len, draws))) for draws in by_model.values()}

    def fitting(shape: tuple[int, int]) -> list[str]:
        return [model for model, draws in by_model.items() if sum(len(one) >= shape[1] for one in draws) >= shape[0]]

    draws, seeds = max(shapes, key=lambda shape: (len(fitting(shape)) * (shape[0] * shape[1] - 1), len(fitting(shape))))
    kept = fitting((draws, seeds))
    grid = {model: [one[:seeds] for one in by_model[model] if len(one) >= seeds][:draws] for model in kept}
    return grid, tuple(model for model in by_model if model not in kept)


def measure_components(
    items: Items,
    context: Context,
    named: pd.DataFrame,
    measure: str,
    evaluations: list[tuple[str, str]],
) -> Iterator[tuple[dict[str, str], list[Component], list[Design]]]:
    """Yield (evaluation, origin, base and language), sources of error and designs; language empty: the mean over all.

    `evaluations` are names and origins, `named` is from `name_groups`. Components of several generated worlds (or
    protocols, opponents) are averaged: each has items of its own.
    """
    for name, origin in evaluations:
        answers = items.read(name, origin, measure)
        parallel = context.evaluation(name, origin).parallel
        by_base: dict[str, list[Design]] = {}
        for base, design in find_designs(answers, named):
            by_base.setdefault(base, []).append(design)
        for base, designs in by_base.items():
            line = {"evaluation": name, "origin": origin, "base": base}
            for language in dict.fromkeys(code for design in designs for code in design.arrays):
                here = [design for design in designs if language in design.arrays]
                yield line | {"language": language}, _average([estimate(one.arrays[language]) for one in here]), here
            if len(designs[0].arrays) > 1:
                yield line | {"language": ""}, _average([_of_mean(one, parallel) for one in designs]), designs


def _of_mean(design: Design, parallel: bool) -> list[Component]:
    """Return the sources of error of the mean over languages, and what another choice of languages would add."""
    arrays = list(design.arrays.values())
    parallel = parallel and len({values.shape for values in arrays}) == 1
    return [*estimate_mean(arrays, parallel), language_component(arrays, parallel)]


def _average(found: list[list[Component]]) -> list[Component]:
    return [replace(one, own=one.own / len(found), shared=one.shared / len(found)) for each in found for one in each]
