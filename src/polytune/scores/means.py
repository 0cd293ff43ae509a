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


def clustered_score(items: pd.DataFrame, measure: str) -> Score:
    """Return the mean over the languages of parallel items, with the items as clusters.

    The translations of one item succeed and fail together, so the languages are no independent draws: the item means
    are (Miller 2024, arXiv 2411.00640, section 2.2, for clusters of equal size). `items` has the columns `language`,
    `item` and the measure, every language with the same items.
    """
    means = items.groupby("item", sort=True)[measure].mean().to_numpy()
    return Score(float(items[measure].mean()), standard_error(means), len(items))
