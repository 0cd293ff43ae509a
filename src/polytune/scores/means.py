"""Means over the languages of an evaluation and their standard errors over items."""

from __future__ import annotations

import math
from dataclasses import dataclass
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
        shared=sum(score.clusters for score in scores.values()),
    )


@dataclass(frozen=True)
class ClusteredScores:
    """Scores of every language, their plain mean, and the mean weighted by values."""

    languages: dict[str, Score]
    mean: Score
    group: Score


def clustered_scores(languages: np.ndarray, items: np.ndarray, values: np.ndarray) -> ClusteredScores:
    """Return means of values with the items as clusters; NaN are left out. One language, item and value per row.

    The translations of one item, and the turns of one conversation, succeed and fail together, so they are no
    independent draws: the items are (Miller 2024, arXiv 2411.00640, section 2.2). With weights w that sum to 1 and e
    the difference from the language's mean, stderr = sqrt(G / (G - 1) sum over the G items of (sum w e)^2), which is
    sd / sqrt(G) of the items' means where all have the same rows. A language without a value has a score of NaN, and
    then so have the means.
    """
    names, language = np.unique(languages, return_inverse=True)
    known = ~np.isnan(values)
    _, item = np.unique(items, return_inverse=True)
    sums, counts = np.zeros((2, item.max(initial=-1) + 1, len(names)))
    np.add.at(sums, (item[known], language[known]), values[known])
    np.add.at(counts, (item[known], language[known]), 1)
    total = counts.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = sums.sum(axis=0) / total
        residuals = sums - counts * means  # items x languages
        shares = residuals / total
        single = {
            str(name): _score(float(means[place]), shares[:, place], counts[:, place])
            for place, name in enumerate(names)
        }
        rows, every = int(total.sum()), counts.sum(axis=1)
        mean = _score(float(means.mean()), shares.mean(axis=1), every)
        group = _score(float(sums.sum() / rows), residuals.sum(axis=1) / rows, every)
    return ClusteredScores(single, mean, group)


def clustered_score(items: pd.DataFrame, measure: str) -> Score:
    """Return the mean over the languages of parallel items: columns `language`, `item` and the measure."""
    columns = (items[column].to_numpy() for column in ("language", "item", measure))
    return clustered_scores(*columns).mean


def _score(value: float, sums: np.ndarray, counts: np.ndarray) -> Score:
    """Return a score with its error from the sums of each item; those without a value are no clusters."""
    clusters = int((counts > 0).sum())
    error = math.sqrt(clusters / (clusters - 1) * float((sums**2).sum())) if clusters > 1 else math.nan
    return Score(value, error, int(counts.sum()), clusters)
