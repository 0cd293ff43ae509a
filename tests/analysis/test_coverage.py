"""Simulated coverage: 95 % intervals hold the true value in 93 to 97 % of simulated studies."""

import math

import numpy as np
import pytest

from polytune.analysis import comparisons, intervals

STUDIES = 3000
"""The error of a coverage of 95 % is 0.4 points; the seeds are fixed."""


def holds(found, truth):
    """Return the share of intervals (low, high) that hold the truth."""
    return np.mean([low <= truth + 1e-12 and truth <= high + 1e-12 for low, high in found])


@pytest.mark.parametrize("items", [50, 96, 500])
@pytest.mark.parametrize(("gained", "lost"), [(0.08, 0.05), (0.2, 0.1), (0.3, 0.3)])
def test_difference_of_two_models_on_the_items_of_one_language(items, gained, lost):
    generator = np.random.default_rng(items)
    draws = generator.choice([1.0, -1.0, 0.0], p=[gained, lost, 1 - gained - lost], size=(STUDIES, items))
    found = [intervals.bounded_interval(values, -1, 1) for values in draws]
    assert 0.93 <= holds(found, gained - lost) <= 0.97


@pytest.mark.parametrize("prompts", [50, 100, 617])
@pytest.mark.parametrize(("win", "loss"), [(0.5, 0.5), (0.35, 0.25), (0.8, 0.1), (0.92, 0.06)])
def test_win_rates_with_ties(prompts, win, loss):
    generator = np.random.default_rng(prompts)
    draws = generator.choice([1.0, 0.0, 0.5], p=[win, loss, 1 - win - loss], size=(STUDIES, prompts))
    found = [intervals.bounded_interval(values) for values in draws]
    assert 0.93 <= holds(found, win + (1 - win - loss) / 2) <= 0.97
    assert all(0 <= low <= high <= 1 for low, high in found)


@pytest.mark.parametrize("items", [50, 96, 500])
def test_translations_that_succeed_together(items):
    """The mean over eleven languages of parallel items, whose naive error is too small."""
    generator = np.random.default_rng(items)
    studies, languages, truth = 600, 11, 0.1
    easy = generator.normal(0, 1.0, (studies, items, 1))
    values = (easy + generator.normal(0, 1, (studies, items, languages)) + truth).mean(axis=2)
    by_t = [(mean - half, mean + half) for mean, half in map(intervals.t_interval, values)]
    draws = intervals.cluster_draws(items, 1999, generator)
    low, high = intervals.expanded_interval(intervals.bootstrap_means(values.T, draws), items)
    assert 0.93 <= holds(by_t, truth) <= 0.97
    assert 0.93 <= holds(zip(low, high, strict=True), truth) <= 0.97
    naive = 1.96 * math.sqrt(2 / (items * languages))
    assert np.mean(abs(values.mean(axis=1) - truth) <= naive) < 0.7


def test_runs():
    generator = np.random.default_rng(8)
    sets = generator.normal(0, 1, (STUDIES, 3)), generator.normal(0, 1, (STUDIES, 3))
    for test in (comparisons.paired_t, comparisons.welch_t):
        found = [test(*pair)[:2] for pair in zip(*sets, strict=True)]
        assert 0.93 <= holds([(mean - half, mean + half) for mean, half in found], 0.0) <= 0.985
    found = [intervals.t_interval(values) for values in sets[0]]
    assert 0.93 <= holds([(mean - half, mean + half) for mean, half in found], 0.0) <= 0.97
