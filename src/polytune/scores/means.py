"""Means over the languages of an evaluation and their standard errors over items."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from polytune.scores.evaluations import Score

if TYPE_CHECKING:
    import pandas as pd


def item_score(values: np.ndarray) -> Score:
    """Return the mean of the items' values and its standard error, NaN for a single item."""
    return Score(float(values.mean()), standard_error(values), len(values))


def standard_error(values: np.ndarray) -> float:
    """Return the standard error of the mean, sd / sqrt(n); NaN for a single value, which says nothing about it."""
    return float(values.std(ddof=1) / math.sqrt(len(values))) if len(values) > 1 else math.nan


def mean_score(scores: dict[str, Score], weights: dict[str, float], errors_known: bool = True) -> Score:
    """Return the weighted mean over languages, each with its own, independent items.

    value = sum w v, stderr = sqrt(sum (w s)^2), with weights scaled to sum to 1; NaN unless `errors_known`.
    """
    total = sum(weights.values())
    shares = {language: weights[language] / total for language in scores}
    error = math.sqrt(sum((shares[language] * score.stderr) ** 2 for language, score in scores.items()))
    return Score(
        value=sum(shares[language] * score.value for language, score in scores.items()),
        stderr=error if errors_known else math.nan,
        items=sum(score.items for score in scores.values()),
    )


def clustered_score(items: pd.DataFrame, measure: str, equal_languages: bool = True) -> Score:
    """Return the mean over the languages of parallel items, with the items as clusters.

    The translations of one item, and the turns of one conversation, succeed and fail together, so they are no
    independent draws: the items are (Miller 2024, arXiv 2411.00640, section 2.2). `items` has the columns `language`,
    `item` and the measure; languages count equally, or each row does. With weights w that sum to 1 and e the
    difference from the language's mean, stderr = sqrt(G / (G - 1) sum over the G items of (sum w e)^2), which is
    sd / sqrt(G) of the items' means where all have the same rows.
    """
    groups = items.groupby("language", sort=False)[measure]
    weights = 1 / (groups.transform("size") * groups.ngroups) if equal_languages else 1 / len(items)
    sums = (weights * (items[measure] - groups.transform("mean"))).groupby(items["item"]).sum()
    clusters = len(sums)
    error = math.sqrt(clusters / (clusters - 1) * (sums**2).sum()) if clusters > 1 else math.nan
    value = groups.mean().mean() if equal_languages else items[measure].mean()
    return Score(float(value), error, len(items))
