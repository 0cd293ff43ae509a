"""Differences of two estimates from their intervals alone, and intervals that hold for several at once."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import norm, t
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from polytune.analysis.intervals import subtract_intervals, widen


def wilson(right: int, items: int) -> tuple[float, float, float]:
    return right / items, *proportion_confint(right, items, method="wilson")


def test_the_printed_example_comes_out():
    """Newcombe 1998, table II, example (a): 56/70 - 48/80, method 10: 0.0524 to 0.3339."""
    difference, low, high = subtract_intervals(wilson(56, 70), wilson(48, 80))
    assert (round(difference, 4), round(low, 4), round(high, 4)) == (0.2, 0.0524, 0.3339)


@pytest.mark.parametrize(("first", "other"), [((9, 10), (3, 10)), ((10, 10), (0, 20)), ((5, 56), (0, 29))])
def test_shares_have_the_interval_of_another_library(first, other):
    expected = confint_proportions_2indep(*first, *other, method="newcomb", compare="diff")
    assert subtract_intervals(wilson(*first), wilson(*other))[1:] == pytest.approx(expected, abs=1e-9)


def test_normal_estimates_have_the_usual_interval():
    difference, low, high = subtract_intervals(
        (5.0, 5 - 1.96 * 0.3, 5 + 1.96 * 0.3), (3.0, 3 - 1.96 * 0.4, 3 + 1.96 * 0.4)
    )
    assert difference == 2.0
    assert (low, high) == pytest.approx((2 - 1.96 * 0.5, 2 + 1.96 * 0.5))


def test_several_intervals_hold_at_once():
    assert widen((2.0, 1.0, 4.0), 1) == pytest.approx((2.0, 1.0, 4.0))
    factor = norm.ppf(1 - 0.025 / 20) / norm.ppf(0.975)
    assert widen((2.0, 1.0, 4.0), 20) == pytest.approx((2.0, 2 - factor, 2 + 2 * factor))


@pytest.mark.parametrize("freedom", [2, 3.4, 50])
def test_an_interval_by_students_t_excludes_zero_as_its_p_says(freedom):
    """Its arms reach zero exactly where p is 0.05 / comparisons."""
    edge = t.ppf(1 - 0.025 / 20, freedom)
    half = t.ppf(0.975, freedom)
    assert widen((edge, edge - half, edge + half), 20, freedom) == pytest.approx((edge, 0.0, 2 * edge))
    assert widen((1.0, 0.0, 2.0), 20, 1e9)[1] == pytest.approx(widen((1.0, 0.0, 2.0), 20)[1], rel=1e-6)


def test_at_most_one_family_in_twenty_has_an_interval_that_misses():
    """Twelve estimates without any effect, 4,000 times: the share of families in which some interval excludes zero."""
    generator, sds = np.random.default_rng(1), 1.0
    values = generator.normal(0.0, sds, size=(4000, 12))
    half = widen((0.0, -norm.ppf(0.975), norm.ppf(0.975)), 12)[2]
    missed = (np.abs(values) > half).any(axis=1).mean()
    assert missed == pytest.approx(0.05, abs=3 * math.sqrt(0.05 * 0.95 / 4000))
