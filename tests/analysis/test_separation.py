"""How many seeds separate two models: enough for Welch's t, one fewer is not."""

import math

import numpy as np
import pytest
from scipy.special import stdtr

from polytune.analysis.components import Component
from polytune.analysis.separation import _seeds_needed

ONE = {"seed": -2}
"""From the three seeds that were run to one."""


def parts(of_items, of_seeds):
    """Return components of models with three seeds."""
    return [Component(("item",), of_items, 9.0, {"item": 100}), Component(("seed",), of_seeds / 3, 0.0, {"seed": 3})]


def power(difference, seeds):
    generator = np.random.default_rng(1)
    first, second = generator.normal(0, 1, (2, 40000, seeds))
    errors = [side.var(axis=1, ddof=1) / seeds for side in (first, second)]
    freedom = sum(errors) ** 2 / sum(error**2 for error in errors) * (seeds - 1)
    t = (difference + first.mean(axis=1) - second.mean(axis=1)) / np.sqrt(sum(errors))
    return np.mean(2 * stdtr(freedom, -np.abs(t)) < 0.05)


@pytest.mark.parametrize(("spread", "expected"), [(4.0, 3), (1.8, 4), (1.3, 6), (0.6, 23)])
def test_welchs_t_finds_the_difference_with_so_many_seeds_and_not_with_one_fewer(spread, expected):
    seeds = _seeds_needed(parts(0.0, 1.0), spread, ONE)
    assert seeds == expected
    assert power(spread * math.sqrt(2), expected - 1) < 0.8 <= power(spread * math.sqrt(2), expected) + 0.01


def test_what_the_items_leave_no_seeds_separate():
    assert _seeds_needed(parts(1.0, 1.0), 2.8, ONE) == math.inf  # 2.80 errors of the items alone
    assert 14 <= _seeds_needed(parts(1.0, 1.0), 2.9, ONE) < 20
    assert _seeds_needed(parts(1.0, 0.0), 2.9, ONE) == 1  # seeds add nothing that was seen
    assert math.isnan(_seeds_needed(parts(0.0, 0.0), 1.0, ONE))  # no error that was seen is no error of 0
    assert math.isnan(_seeds_needed(parts(1.0, 0.0)[:1], 1.0, {}))
