"""Labels move as little as possible, keep their distance and their order."""

import numpy as np
import pytest
from scipy.optimize import minimize

from polytune.figures.axes import choose_ticks, round_ticks
from polytune.figures.labels import spread


@pytest.mark.parametrize("seed", range(5))
def test_labels_are_where_least_squares_puts_them(seed):
    wanted = np.sort(np.random.default_rng(seed).uniform(0.3, 0.7, 6))
    gap = 0.07
    limits = [{"type": "ineq", "fun": lambda p, i=i: p[i + 1] - p[i] - gap} for i in range(5)]
    best = minimize(lambda p: ((p - wanted) ** 2).sum(), np.arange(6) * gap, constraints=limits, tol=1e-12).x
    np.testing.assert_allclose(spread(wanted, gap, -9, 9), best, atol=1e-5)


def test_labels_with_room_stay_and_unsorted_ones_keep_their_order():
    wanted = np.array([0.9, 0.1, 0.5])
    np.testing.assert_allclose(spread(wanted, 0.1, 0, 1), wanted, atol=1e-12)
    crowded = np.array([0.51, 0.5, 0.49, 0.5])
    places = spread(crowded, 0.1, 0, 1)
    assert np.diff(np.sort(places)).min() >= 0.1 - 1e-12
    assert places[0] > places[1] > places[2]
    assert places.mean() == pytest.approx(crowded.mean())


def test_labels_stay_inside_even_if_they_must_touch():
    places = spread(np.array([0.99, 1.0, 1.0]), 0.2, 0, 1)
    assert places.max() <= 1 and np.diff(np.sort(places)).min() == pytest.approx(0.2)
    tight = spread(np.zeros(6), 0.5, 0, 1)
    assert tight.min() >= 0 and tight.max() <= 1 and len(set(tight.round(6))) == 6
    assert len(spread(np.array([]), 0.1, 0, 1)) == 0


def test_ticks_keep_the_ends_and_their_distance():
    counts = [0, 1, 2, 4, 8, 12, 16, 20, 25, 26, 32, 39, 45, 52]
    ticks = choose_ticks(counts, gap=4)
    assert ticks[0] == 0 and ticks[-1] == 52 and set(ticks) <= set(counts)
    assert min(np.diff(ticks)) >= 4
    assert round_ticks(counts, gap=4) == ticks  # 10, 20, 30 are not all there
    assert round_ticks(list(range(53)), gap=6) == [0, 10, 20, 30, 40, 52]
    assert round_ticks(list(range(53)), gap=2) == [*range(0, 51, 2), 52]
