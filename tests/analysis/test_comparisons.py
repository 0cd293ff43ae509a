"""Comparisons of runs against scipy and against loops over every pairing and division."""

import math
from itertools import combinations, permutations

import numpy as np
import pytest
from scipy import stats

from polytune.analysis import comparisons, intervals

VALUES = np.array([51.2, 52.9, 50.8, 53.3])
REFERENCE = np.array([50.1, 51.7, 50.9, 50.2])


def test_mean_and_half_are_the_papers_formula():
    mean, half = intervals.t_interval(VALUES[:3])
    assert mean == pytest.approx(51.6333333333)
    assert half == pytest.approx(stats.t.ppf(0.975, 2) * np.std(VALUES[:3], ddof=1) / math.sqrt(3), rel=1e-12)
    assert half == pytest.approx(4.3027 * 1.1150485 / math.sqrt(3), rel=1e-4)  # t of the textbook's table
    assert math.isnan(intervals.t_interval(VALUES[:1])[1])


def test_paired_and_unpaired_t_are_scipys():
    for ours, theirs in (
        (comparisons.paired_t(VALUES, REFERENCE), stats.ttest_rel(VALUES, REFERENCE)),
        (comparisons.welch_t(VALUES, REFERENCE[:3]), stats.ttest_ind(VALUES, REFERENCE[:3], equal_var=False)),
    ):
        difference, half, p = ours
        low, high = theirs.confidence_interval()
        assert (difference - half, difference + half, p) == pytest.approx((low, high, theirs.pvalue), rel=1e-9)


def test_without_a_spread_there_is_no_test():
    for test in (comparisons.paired_t, comparisons.welch_t):
        with np.errstate(all="raise"):
            assert test([0.3, 0.3], [0.1, 0.1])[0] == pytest.approx(0.2)
            assert np.isnan(test([0.3, 0.3], [0.1, 0.1])[1:]).all()
            assert np.isnan(test([0.3], [0.1])[1:]).all()
    assert np.isnan(comparisons.all_pairings([0.3, 0.3], [0.1, 0.1])).all()
    assert math.isnan(comparisons.standardized_difference([0.3, 0.3], [0.1, 0.1], paired=True))


def test_the_range_over_pairings_is_that_of_a_loop():
    found = [stats.ttest_rel(VALUES, [REFERENCE[place] for place in order]).pvalue for order in permutations(range(4))]
    assert comparisons.all_pairings(VALUES, REFERENCE) == pytest.approx((min(found), max(found)), rel=1e-9)
    assert max(found) > 4 * min(found)  # an arbitrary pairing decides what is "significant"
    assert np.isnan(comparisons.all_pairings(VALUES, REFERENCE[:3])).all()
    generator = np.random.default_rng(0)
    low, high = comparisons.all_pairings(generator.normal(0.5, 1, 12), generator.normal(size=12))
    assert 0 < low < high <= 1


def test_partition_p_is_a_loop_over_all_divisions():
    pooled, observed = [*VALUES, *REFERENCE[:3]], abs(VALUES.mean() - REFERENCE[:3].mean())
    larger = 0
    for chosen in combinations(range(7), 4):
        others = [pooled[place] for place in range(7) if place not in chosen]
        larger += abs(np.mean([pooled[place] for place in chosen]) - np.mean(others)) >= observed - 1e-9
    assert comparisons.partition_p(VALUES, REFERENCE[:3]) == pytest.approx(larger / math.comb(7, 4))
    assert comparisons.partition_p([1.0, 2.0, 3.0], [7.0, 8.0, 9.0]) == pytest.approx(0.1)
    assert comparisons.smallest_partition_p(3, 3) == pytest.approx(0.1)
    assert comparisons.partition_p([9.0], [7.0, 7.9]) == comparisons.smallest_partition_p(1, 2) == pytest.approx(1 / 3)


def test_partition_p_of_many_runs_is_scipys_within_its_own_error():
    generator = np.random.default_rng(4)
    values, reference = generator.normal(0.6, 1, 15), generator.normal(size=14)
    theirs = stats.permutation_test(
        (values, reference), lambda a, b: a.mean() - b.mean(), n_resamples=9999, rng=np.random.default_rng(5)
    ).pvalue
    assert comparisons.partition_p(values, reference) == pytest.approx(theirs, abs=4 * math.sqrt(2 * theirs / 9999))


def test_effect_sizes_are_the_textbooks():
    pooled = math.sqrt((VALUES.var(ddof=1) + REFERENCE.var(ddof=1)) / 2)
    expected = (VALUES.mean() - REFERENCE.mean()) / pooled * (1 - 3 / 23)
    assert comparisons.standardized_difference(VALUES, REFERENCE, paired=False) == pytest.approx(expected)
    differences = VALUES - REFERENCE
    expected = differences.mean() / differences.std(ddof=1) * (1 - 3 / 11)
    assert comparisons.standardized_difference(VALUES, REFERENCE, paired=True) == pytest.approx(expected)


def test_two_pairs_have_no_hedges_correction():
    """1 - 3 / (4 - 1) is 0: two pairs that differ by many standard deviations would have no effect."""
    assert math.isnan(comparisons.standardized_difference([5.0, 6.0], [1.0, 1.5], paired=True))
    assert math.isnan(comparisons.standardized_difference([5.0, 6.0], [1.0], paired=False))
    assert comparisons.standardized_difference([5.0, 6.0], [1.0, 1.5], paired=False) > 0
