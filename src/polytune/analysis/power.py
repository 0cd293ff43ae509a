"""How small a difference of two models can be and still be found: docs/statistics.md. Imports nothing heavy."""

from __future__ import annotations

import math
from statistics import NormalDist

SIGNIFICANCE, POWER = 0.05, 0.80
QUANTILES = NormalDist().inv_cdf(1 - SIGNIFICANCE / 2) + NormalDist().inv_cdf(POWER)
"""1.96 + 0.84: a difference of so many standard errors is found at 5 %, two-sided, in 80 % of the studies."""


def detectable_difference(variance: float) -> float:
    """Return the smallest difference of two models that is found; `variance` is that of one model's score.

    (z(0.975) + z(0.80)) sqrt(2 variance) (Cohen 1988, section 2.2; Miller 2024, arXiv 2411.00640, section 5).
    """
    return QUANTILES * math.sqrt(2 * variance)


def share_variance(share: float, items: int, correlation: float = 0.0) -> float:
    """Return the variance of the share of right answers, of `items` independent ones.

    With the `correlation` of two models' answers to the same items, the part of it that does not cancel when the two
    are compared: p (1 - p) (1 - r) / n.
    """
    return share * (1 - share) * (1 - correlation) / items
