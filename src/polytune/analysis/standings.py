"""The models of a study ranked by a measure, benchmark by benchmark, base by base."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from polytune.analysis.items import Items, item_values
from polytune.analysis.ranks import Ranks, draw_means, rank_models
from polytune.scores.spec import UNTUNED

if TYPE_CHECKING:
    import pandas as pd

    from polytune.analysis.context import Context

LINE = ["base", "world", "judge", "protocol", "opponent"]
"""What has a ranking of its own."""


def rank_study(
    items: Items,
    context: Context,
    named: pd.DataFrame,
    measure: str,
    higher_is_better: bool,
    evaluations: list[tuple[str, str]],
    languages: list[str] | None,
) -> Iterator[tuple[dict[str, str], list[str], Ranks]]:
    """Yield (evaluation, origin, `LINE` and language), models and their ranks, in single languages or in their mean.

    `named` are the runs with `group`, the model, and `draw` (`designs.name_groups`): the runs of one draw are averaged.
    Items that a run lacks are left out of all.
    """
    for name, origin in evaluations:
        answers = items.read(name, origin, measure).merge(named[["run", "base", "world", "group"]], on="run")
        parallel = context.evaluation(name, origin).parallel
        for line, part in answers.groupby(LINE, sort=False):
            wide = item_values(part, "value", ["run"])
            members = named[named["run"].isin(wide.columns)]
            about = {"evaluation": name, "origin": origin, **dict(zip(LINE, line, strict=True))}
            if languages is None:
                tables = [wide.groupby("item").mean()] if parallel else [own for _, own in wide.groupby("language")]
                yield about | {"language": ""}, *_rank(tables, members, higher_is_better)
            for language in languages or ():
                if language in wide.index:
                    own = wide.loc[language].dropna(axis=1, how="all")  # a model is not set beside itself
                    there = members[members["run"].isin(own.columns)]
                    yield about | {"language": language}, *_rank([own], there, higher_is_better)


def _rank(tables: list[pd.DataFrame], members: pd.DataFrame, higher_is_better: bool) -> tuple[list[str], Ranks]:
    """Return the models of items x runs, a table for each set of items, and their ranks."""
    tables = [table.dropna() for table in tables]
    groups = {model: [list(draw["run"]) for _, draw in part.groupby("draw", sort=False)]
              if part["draw"].iloc[0] else [[run] for run in part["run"]]
              for model, part in members.groupby("group", sort=False)}  # fmt: skip
    models = [
        [np.stack([table[list(draw)].mean(axis=1).to_numpy() for draw in draws]) for table in tables]
        for draws in groups.values()
    ]
    untuned = members.groupby("group", sort=False)["method"].first() == UNTUNED
    values = np.array([np.mean([part.mean() for part in model]) for model in models])
    return list(groups), rank_models(values, draw_means(models, list(untuned)), higher_is_better)
