"""Labels move as little as possible, keep their distance and their order."""

import numpy as np
import pytest
from scipy.optimize import minimize

from polytune.figures.axes import choose_ticks, round_ticks
from polytune.figures.labels import LineLabel, label_dots, spread
from polytune.figures.style import new_figure, use_style
from tests.cases.drawn import overlaps, texts_of


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


@pytest.mark.parametrize("seed", range(3))
def test_names_of_dots_that_lie_on_each_other_can_be_read(seed):
    """Six languages at share 0, nearly on one height, and a column of eleven: no name covers another or leaves."""
    use_style()
    figure, (axes,) = new_figure(3.3, 2.5)
    random = np.random.default_rng(seed)
    x, y = np.repeat([0.0, 4.76], [6, 11]), np.concatenate([random.uniform(0.3, 0.7, 6), random.uniform(0, 7, 11)])
    axes.plot(x, y, "o")
    axes.set(xlim=(-0.4, 5.2), ylim=(-1.5, 9))
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    names = [f"l{number}" for number in range(17)]
    label_dots(axes, [LineLabel(*label, "black") for label in zip(names, x, y, strict=True)])
    boxes = texts_of(figure)
    assert set(names) <= {text for text, *_ in boxes} and overlaps(boxes) == []
    box = axes.get_window_extent()
    for side, found in (("x0", box.x0), ("y0", box.y0)):
        assert all(getattr(text.get_window_extent(), side) >= found - 1 for text in axes.texts)
    # on each side the names stand in the order of their dots
    for column in (0.0, 4.76):
        for side in ("left", "right"):
            there = [text for text in axes.texts if text.get_ha() == side and text.xy[0] == column]
            heights = [text.get_window_extent().y0 for text in sorted(there, key=lambda text: text.xy[1])]
            assert heights == sorted(heights)


def test_a_name_with_room_stands_at_the_height_of_its_dot():
    use_style()
    figure, (axes,) = new_figure(3.3, 2.5)
    figure.draw_without_rendering()
    label_dots(axes, [LineLabel("a", 0.2, 0.2, "black"), LineLabel("b", 0.7, 0.8, "black")])
    assert [text.get_position()[1] for text in axes.texts] == [0.0, 0.0] and not axes.lines
