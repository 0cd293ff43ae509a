"""How small a difference of two models can be and still be found: docs/statistics.md. Imports nothing heavy at once."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import cache
from statistics import NormalDist

SIGNIFICANCE, POWER = 0.05, 0.80
LIMIT = NormalDist().inv_cdf(1 - SIGNIFICANCE / 2)
QUANTILES = LIMIT + NormalDist().inv_cdf(POWER)
"""1.96 + 0.84: of a known error, a difference of so many is found at 5 %, two-sided, in 80 % of the studies."""
KNOWN = 1e5
"""Degrees of freedom from which on Student's t is the normal distribution."""
SPLITS = 200
"""Ratios of the variances of two samples that the power of Welch's test is the mean over."""

Part = tuple[float, float]
"""A part of the variance of one model's score, and the degrees of freedom that a test estimates it with."""


def detectable_difference(parts: Iterable[Part], paired: bool = True) -> float:
    """Return the smallest difference of two models that is found in 80 % of studies, in the unit of their scores.

    Parts that many items tell have infinite degrees of freedom. NaN if there is no variance, or none that can be
    estimated: a single run has no degree of freedom. (Cohen 1988, section 2.2; Miller 2024, arXiv 2411.00640.)
    """
    variance, freedom = combine(parts)
    return errors_needed(freedom, paired) * math.sqrt(2 * variance) if variance > 0 and freedom > 0 else math.nan


def combine(parts: Iterable[Part]) -> Part:
    """Return the sum of the parts and its degrees of freedom (Satterthwaite 1946), 0 if a part has none."""
    parts = [part for part in parts if part[0] > 0]
    total = sum(variance for variance, _ in parts)
    if any(freedom <= 0 for _, freedom in parts):
        return total, 0.0
    weight = sum(variance**2 / freedom for variance, freedom in parts)
    return total, total**2 / weight if weight else math.inf


def find_power(errors: float, freedom: float, paired: bool = True) -> float:
    """Return how often a difference of so many standard errors is found at 5 %, two-sided.

    `freedom` is that of one model's variance. Paired: Student's t of the differences, with as many. Else Welch's t,
    whose degrees of freedom hang on the ratio of the two estimated variances: the mean over ratios (for two equal
    variances the share of one in their sum has a beta distribution, independent of the sum and so of t).
    """
    from scipy.special import betaincinv, nctdtr, stdtrit

    if freedom > KNOWN:
        return NormalDist().cdf(errors - LIMIT)
    if paired:
        return 1 - float(nctdtr(freedom, errors, stdtrit(freedom, 1 - SIGNIFICANCE / 2)))
    import numpy as np

    share = betaincinv(freedom / 2, freedom / 2, (np.arange(SPLITS) + 0.5) / SPLITS)
    limit = stdtrit(freedom / (share**2 + (1 - share) ** 2), 1 - SIGNIFICANCE / 2)
    return 1 - float(nctdtr(2 * freedom, errors, limit).mean())


@cache
def errors_needed(freedom: float, paired: bool = True) -> float:
    """Return how many standard errors a difference must have to be found in 80 % of studies: 2.80 of a known error."""
    if freedom > KNOWN:
        return QUANTILES
    low, high = QUANTILES, 2 * QUANTILES
    while find_power(high, freedom, paired) < POWER:
        low, high = high, 2 * high
    while high - low > 1e-6 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if find_power(middle, freedom, paired) < POWER else (low, middle)
    return high


def share_variance(share: float, items: int, correlation: float = 0.0) -> float:
    """Return the variance of the share of right answers, of `items` independent ones.

    With the `correlation` of two models' answers to the same items, the part of it that does not cancel when the two
    are compared: p (1 - p) (1 - r) / n.
    """
    return share * (1 - share) * (1 - correlation) / items
