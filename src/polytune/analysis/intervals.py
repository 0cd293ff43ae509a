"""Intervals of means and shares that hold for few runs and few items. Formulas and sources: docs/statistics.md.

Simulated coverage of all of them lies between 93 and 97 % at 50, 96 and 500 items (tests/analysis/test_coverage.py).
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

from polytune.analysis.wilson import wilson_interval

LEVEL = 0.95
"""Confidence level of every interval, unless it is said."""


def t_quantile(freedom: float, level: float = LEVEL) -> float:
    """Return the quantile of Student's t of a two-sided interval; NaN without a degree of freedom."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 0.5 + level / 2)) if freedom > 0 else math.nan


def t_interval(values: np.ndarray, level: float = LEVEL) -> tuple[float, float]:
    """Return the mean of independent values and half of its interval, t(n - 1) s / sqrt(n) (Student 1908).

    A single value has no interval: the half is NaN.
    """
    values = np.asarray(values, dtype=float)
    count = len(values)
    if count < 2:
        return float(values.mean()), math.nan
    return float(values.mean()), t_quantile(count - 1, level) * float(values.std(ddof=1)) / math.sqrt(count)


def bounded_interval(
    values: np.ndarray, low: float = 0.0, high: float = 1.0, level: float = LEVEL
) -> tuple[float, float]:
    """Return the interval of the mean of values that lie in [low, high]: accuracies, win rates, paired differences.

    Wilson's score interval (1927) with the effective number of items p (1 - p) / (s^2 / n), p the mean scaled to
    [0, 1], and the quantile of Student's t (Korn & Graubard 1998; Franco et al. 2019). For values that are 0 or 1 this
    is Wilson's interval but for the quantile; ties, half points and means over the languages of a parallel item have a
    smaller variance and a narrower interval. It stays within the bounds and has a width where all values are equal:
    then the number of items is taken for the effective one. NaN for a single value.
    """
    values = (np.asarray(values, dtype=float) - low) / (high - low)
    count = len(values)
    if count < 2:
        return math.nan, math.nan
    share, variance = float(values.mean()), float(values.var(ddof=1))
    effective = count * share * (1 - share) / variance if variance > 1e-12 else count
    ends = wilson_interval(share, effective, t_quantile(count - 1, level))
    return low + (high - low) * ends[0], low + (high - low) * ends[1]


def cluster_draws(clusters: int, resamples: int, generator: np.random.Generator) -> np.ndarray:
    """Return how often each cluster is drawn with replacement, resamples x clusters; rows sum to `clusters`."""
    return generator.multinomial(clusters, np.full(clusters, 1 / clusters), size=resamples).astype(float)


def bootstrap_means(values: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """Return the resampled means of the columns of `values` (clusters x columns), resamples x columns.

    The clusters are parallel items: a row holds what one item contributes to each column, so that the translations of
    an item are drawn together (Field & Welsh 2007). NaN, an item that a column lacks, counts neither above nor below.
    """
    missing = np.isnan(values)
    if not missing.any():
        return draws @ values / len(values)
    return (draws @ np.where(missing, 0.0, values)) / (draws @ ~missing)


def expanded_interval(resampled: np.ndarray, clusters: int, level: float = LEVEL) -> tuple[np.ndarray, np.ndarray]:
    """Return the percentile interval of each column of `resampled` (resamples x columns), widened for few clusters.

    The bootstrap's spread is too small by sqrt((n - 1) / n) and its tails are the normal's; the percentiles are those
    of level Phi(-+ t(n - 1) sqrt(n / (n - 1))) (Hesterberg 2015, "expanded percentile interval").
    """
    from scipy.special import ndtr

    tail = ndtr(-t_quantile(clusters - 1, level) * math.sqrt(clusters / (clusters - 1)))
    low, high = np.quantile(resampled, [tail, 1 - tail], axis=0)
    return low, high


Interval = tuple[float, float, float]
"""Estimate, lower and upper end of its interval."""


def widen(interval: Interval, comparisons: int, freedom: float = math.inf) -> Interval:
    """Return a 95 % interval widened so that `comparisons` of them hold at once with 95 % (Bonferroni).

    Its arms are stretched by the ratio of the quantiles of 1 - 0.025 / comparisons and 0.975: of the normal
    distribution, or of Student's t where the interval was made with `freedom` degrees of freedom. Exact for a normal
    estimate and for a t interval, which then excludes zero where its p is at most 0.05 / comparisons; near enough for
    Wilson's interval, which the stretched one may leave the bounds of.
    """
    value, low, high = interval
    level = 1 - (1 - LEVEL) / max(comparisons, 1)
    factor = _quantile(freedom, level) / _quantile(freedom, LEVEL)
    return value, value - factor * (value - low), value + factor * (high - value)


def _quantile(freedom: float, level: float) -> float:
    return NormalDist().inv_cdf(0.5 + level / 2) if math.isinf(freedom) else t_quantile(freedom, level)


def subtract_intervals(first: Interval, second: Interval) -> Interval:
    """Return the difference of two independent estimates with its interval, from their own intervals alone.

    Each end combines the arms that face it (Newcombe 1998, method 10, of Wilson's intervals; Zou & Donner 2008 of any).
    Estimates from the same items correlate positively: for them the interval is rather too wide than too narrow.
    """
    (value, low, high), (other, other_low, other_high) = first, second
    difference = value - other
    below, above = math.hypot(value - low, other_high - other), math.hypot(high - value, other - other_low)
    return difference, difference - below, difference + above
