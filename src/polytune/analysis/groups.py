"""Means over groups of an evaluation's languages, with errors that know which items are parallel."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import TYPE_CHECKING

from polytune.analysis.choices import PARTS, Choice, choose_scores
from polytune.analysis.context import Context
from polytune.analysis.parts import part_scores
from polytune.errors import InputError
from polytune.scores.spec import IMPORTED

if TYPE_CHECKING:
    import pandas as pd

    from polytune.analysis.items import Items

KEYS = ["run", "judge", "protocol", "opponent"]
"""What has items of its own."""


def choose_units(
    scores: pd.DataFrame,
    context: Context,
    items: Items,
    choice: Choice,
    told: Collection[str],
    evaluations: list[str] | None,
    languages: list[str] | None,
    mean: str | None,
) -> pd.DataFrame:
    """Return the rows to show: single languages, means over exposure groups or over all languages; of each category
    or turn of the questions where these are told apart.

    Single languages if some are listed or `language` is among the columns `told` apart, exposure groups if `exposure`
    is. `mean` is the mean over all languages, or over the listed ones where some are.
    """
    if parts := [column for column in PARTS if column in told]:
        rows = choose_scores(scores, choice, evaluations, languages)
        return part_scores(rows, parts, "language" in told or (languages is not None and mean is None), context, items)
    if "exposure" in told:
        return mean_scores(choose_scores(scores, choice, evaluations, languages), "exposure", context, items)
    if "language" in told or (languages is not None and mean is None):
        return choose_scores(scores, choice, evaluations, languages)
    if languages is None:
        if choice.own:
            raise InputError(
                "own: a mean needs the option 'languages': those that the runs of this family are tuned on"
            )
        return choose_scores(scores, choice, evaluations, aggregate=mean or "mean")
    if mean == "group":
        raise InputError("mean: 'group' is the mean over all languages; the mean over listed 'languages' is 'mean'")
    rows = choose_scores(scores, choice, evaluations, languages)
    lacking = rows.groupby(["run", "evaluation"])["language"].nunique() < len(languages)
    if lacking.any():
        run, evaluation = lacking.idxmax()
        raise InputError(f"languages: {run} has no score of all of {' '.join(languages)} in {evaluation}")
    return mean_scores(rows.assign(every="mean"), "every", context, items).drop(columns="every")


def mean_scores(rows: pd.DataFrame, column: str, context: Context, items: Items) -> pd.DataFrame:
    """Return the mean over the languages of each run, evaluation and value of `column`, in the layout of the scores.

    `rows` are scores of single languages of one measure; the value of `column` becomes the `aggregate` of the means.
    The standard error is that of a mean of independent languages, or, where the items are parallel, clustered by item.
    """
    from polytune.scores.evaluations import Score
    from polytune.scores.means import clustered_score, mean_score

    means = []
    for (name, origin), part in rows.groupby(["evaluation", "origin"], sort=False):
        parallel = context.evaluation(name, origin).parallel
        measure = part["measure"].iloc[0]
        by_run = dict(iter(items.read(name, origin, measure).groupby(KEYS))) if parallel else {}
        for (*key, value), group in part.groupby([*KEYS, column], sort=False):
            errors = (group["stderr"] ** 2 - group["drift"] ** 2).clip(
                lower=0
            ) ** 0.5  # drift is common to all languages
            parts = zip(group["language"], group["value"], errors, group["items"], group["clusters"], strict=True)
            scores = {language: Score(*score) for language, *score in parts}
            mean = mean_score(scores, dict.fromkeys(scores, 1.0))
            stderr, clusters = mean.stderr, mean.clusters
            if parallel and origin == IMPORTED and tuple(key) not in by_run:
                stderr = math.nan  # a log says nothing of how its items go together
            elif parallel:
                own = by_run[tuple(key)]
                clustered = clustered_score(own[own["language"].isin(scores)], "value")
                stderr, clusters = clustered.stderr, clustered.clusters
            first = group.iloc[0].to_dict()
            means.append(
                {**first, "language": "", "aggregate": value, "value": mean.value,
                 "stderr": math.hypot(stderr, first["drift"]), "items": mean.items, "clusters": clusters,
                 "missing": int(group["missing"].sum()), "tuned": None}
            )  # fmt: skip
    return rows.__class__(means)
