"""Two sets of runs against each other: paired or not, with every pairing, with permutations. docs/statistics.md.

`values` and `reference` are the scores of the runs of two models, one number per run. Where runs belong together (the
same seed, the same generated world) they stand in the same places; where the pairing is arbitrary (language sets paired
by the number of the run), a paired test depends on it, and `all_pairings` says how much.
"""

from __future__ import annotations

import math
from itertools import combinations, permutations

import numpy as np

from polytune.analysis.intervals import LEVEL, t_quantile

PAIRINGS = 5040
"""All pairings of up to seven runs are looked at; of more, as many random ones."""
PARTITIONS = 9999
"""The most partitions of the runs into two sets that a permutation test enumerates; of more, as many are drawn."""
TIE = 1e-9
"""A permuted difference this close to the observed one, relative to the values, counts as equal."""
NO_SPREAD = 1e-12
"""Differences whose standard deviation is below this share of the values are all equal: no test is possible."""


def paired_t(values: np.ndarray, reference: np.ndarray) -> tuple[float, float, float]:
    """Return the mean difference, half of its 95 % interval and p (two-sided) of runs paired by their places.

    t = mean(d) / (sd(d) / sqrt(n)), n - 1 degrees of freedom (Student 1908). Half and p are NaN for a single pair and
    where all differences are equal.
    """
    differences = np.asarray(values, dtype=float) - np.asarray(reference, dtype=float)
    return _student(float(differences.mean()), _error(differences), len(differences) - 1, _scale(values, reference))


def welch_t(values: np.ndarray, reference: np.ndarray) -> tuple[float, float, float]:
    """Return the difference of the means, half of its 95 % interval and p (two-sided) of unpaired runs.

    The variances may differ; degrees of freedom by Welch and Satterthwaite (Welch 1947). NaN as in `paired_t`.
    """
    values, reference = np.asarray(values, dtype=float), np.asarray(reference, dtype=float)
    difference = float(values.mean() - reference.mean())
    if min(len(values), len(reference)) < 2:
        return difference, math.nan, math.nan
    errors = [_error(values) ** 2, _error(reference) ** 2]
    total = sum(errors)
    parts = errors[0] ** 2 / (len(values) - 1) + errors[1] ** 2 / (len(reference) - 1)
    freedom = total**2 / parts if parts else math.nan
    return _student(difference, math.sqrt(total), freedom, _scale(values, reference))


def all_pairings(values: np.ndarray, reference: np.ndarray) -> tuple[float, float]:
    """Return the smallest and the largest p of `paired_t` over the pairings of as many runs with each other.

    All n! of them for up to seven runs, else 5,040 random ones. Pairings without a spread are left out; NaN if none is
    left or the numbers of runs differ.
    """
    from scipy.special import stdtr

    values, reference = np.asarray(values, dtype=float), np.asarray(reference, dtype=float)
    count = len(values)
    if count != len(reference) or count < 2:
        return math.nan, math.nan
    if math.factorial(min(count, 20)) <= PAIRINGS:
        orders = np.array(list(permutations(range(count))))
    else:
        orders = np.random.default_rng(1).permuted(np.tile(np.arange(count), (PAIRINGS, 1)), axis=1)
    differences = values - reference[orders]  # pairings x runs
    spread = differences.std(axis=1, ddof=1)
    spread = spread[spread > NO_SPREAD * _scale(values, reference)]
    if not len(spread):
        return math.nan, math.nan
    t = abs(values.mean() - reference.mean()) / (spread / math.sqrt(count))
    p = 2 * stdtr(count - 1, -t)
    return float(p.min()), float(p.max())


def partition_p(values: np.ndarray, reference: np.ndarray) -> float:
    """Return the two-sided permutation p of the difference of means: no pairing, no normal distribution (Fisher 1935).

    The share of the divisions of all runs into two sets of these sizes whose means differ at least as much: exact for
    up to 9,999 divisions, else (1 + count) / (1 + 9,999) of random ones (Phipson & Smyth 2010). Three runs against
    three cannot come below 2 / 20 = 0.1.
    """
    values, reference = np.asarray(values, dtype=float), np.asarray(reference, dtype=float)
    pooled, first = np.concatenate([values, reference]), len(values)
    total, every = len(pooled), math.comb(len(pooled), first)
    if every <= PARTITIONS:
        chosen = np.zeros((every, total))
        places = np.array(list(combinations(range(total), first)))
        np.put_along_axis(chosen, places, 1.0, axis=1)
    else:
        shuffled = np.random.default_rng(1).permuted(np.tile(np.arange(total), (PARTITIONS, 1)), axis=1)
        chosen = (shuffled < first).astype(float)
    means = chosen @ pooled / first
    differences = np.abs(means - (pooled.sum() - first * means) / (total - first))
    observed = abs(values.mean() - reference.mean())
    count = int((differences >= observed - TIE * _scale(values, reference)).sum())
    return count / every if every <= PARTITIONS else (count + 1) / (PARTITIONS + 1)


def smallest_partition_p(first: int, second: int) -> float:
    """Return the smallest p that `partition_p` can give: the two extreme divisions of all."""
    return (2 if first == second else 1) / math.comb(first + second, first)


def standardized_difference(values: np.ndarray, reference: np.ndarray, paired: bool) -> float:
    """Return Hedges' g: the mean difference in standard deviations, corrected for few runs (Hedges 1981).

    Of pairs the standard deviation is that of the differences (d_z, Lakens 2013), else the pooled one of the two sets.
    The correction is 1 - 3 / (4 df - 1). NaN without a spread, and with a single degree of freedom (two pairs), where
    no correction exists: the mean of the uncorrected difference is infinite, and the formula gives 0.
    """
    values, reference = np.asarray(values, dtype=float), np.asarray(reference, dtype=float)
    if paired:
        freedom = len(values) - 1
        spread = (values - reference).std(ddof=1) if freedom else math.nan
    else:
        freedom = len(values) + len(reference) - 2
        squares = sum(((group - group.mean()) ** 2).sum() for group in (values, reference))
        spread = math.sqrt(squares / freedom) if freedom else math.nan
    if freedom < 2 or not spread > NO_SPREAD * _scale(values, reference):
        return math.nan
    return float((values.mean() - reference.mean()) / spread * (1 - 3 / (4 * freedom - 1)))


def _error(values: np.ndarray) -> float:
    return float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else math.nan


def _scale(*values: np.ndarray) -> float:
    return max(float(np.abs(np.asarray(group)).max(initial=0.0)) for group in values)


def _student(difference: float, error: float, freedom: float, scale: float) -> tuple[float, float, float]:
    """Return a difference, half of its interval and its p."""
    from scipy.special import stdtr

    if not error > NO_SPREAD * scale:
        return difference, math.nan, math.nan
    p = 2 * float(stdtr(freedom, -abs(difference) / error))
    return difference, t_quantile(freedom, LEVEL) * error, p
