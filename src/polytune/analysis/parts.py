"""Scores of parts of a prompt set: of each category of its questions, of each turn."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from polytune.analysis.choices import JUDGED
from polytune.analysis.context import Context
from polytune.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from polytune.analysis.items import Items

ASKED = "answer_characters"
"""A measure that every answer has, whatever a judge said of it."""
PLACE = ["language", "item", "turn"]


def part_scores(
    rows: pd.DataFrame, parts: list[str], by_language: bool, context: Context, items: Items
) -> pd.DataFrame:
    """Return the scores of each combination of `parts` (category, turn), of single languages or of their mean.

    `rows` are scores of single languages of one measure; the result has their columns and those of `parts`. Errors are
    clustered by question. What was asked and has no value is counted as missing; a part of which a run has no value in
    some language has a value of NaN, so that it can be shown as missing. Raises `InputError` for a benchmark, and for
    questions without categories.
    """
    from polytune.scores.means import clustered_scores, mean_score

    found = []
    for (name, origin), scores in rows.groupby(["evaluation", "origin"], sort=False):
        answers = _answers(scores, items)
        if "category" in parts and not answers["category"].any():
            raise InputError(f"category: the questions of {name} have none")
        first = scores.drop_duplicates(["run", *JUDGED]).set_index(["run", *JUDGED], drop=False)
        for key, part in answers.groupby(["run", *JUDGED, *parts]):
            values = clustered_scores(*(part[column].to_numpy() for column in ("language", "item", "value")))
            mean = values.mean
            if not context.evaluation(name, origin).parallel:
                mean = mean_score(values.languages, dict.fromkeys(values.languages, 1.0))
            score = first.loc[key[:4]].to_dict() | dict(zip(parts, key[4:], strict=True))
            missing = part["value"].isna().groupby(part["language"]).sum()
            shown = values.languages.items() if by_language else [("", mean)]
            for language, one in shown:
                found.append(
                    {**score, "language": language, "aggregate": "" if language else "mean", "value": one.value,
                     "stderr": math.hypot(one.stderr, score["drift"]), "items": one.items,
                     "clusters": one.clusters, "tuned": None,
                     "missing": int(missing[language] if language else missing.sum())}
                )  # fmt: skip
    return rows.__class__(found)


def _answers(scores: pd.DataFrame, items: Items) -> pd.DataFrame:
    """Return all answers that were asked for, with their value or NaN: run, who judged, place, category, value."""
    first, keys = scores.iloc[0], ["run", *JUDGED]
    asked = items.read(first["evaluation"], first["origin"], ASKED, categories=True)
    measured = items.read(first["evaluation"], first["origin"], first["measure"])
    wanted = scores[[*keys, "language"]].merge(asked[["run", *PLACE, "category"]], on=["run", "language"])
    return wanted.merge(measured[[*keys, *PLACE, "value"]], on=[*keys, *PLACE], how="left")
