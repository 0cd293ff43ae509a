"""Axes of figures: every value has a place on them."""

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from polytune.figures.accuracy import panel_page
from polytune.figures.axes import Scale, linear_note, set_logarithmic_limits, set_ticks


@pytest.mark.parametrize(("values", "scale"), [([0.0, 0.0, 7.0, 60.0], "symlog"), ([3.0, 60.0], "log")])
def test_zero_has_a_place_on_a_logarithmic_axis(values, scale):
    points = pd.DataFrame(
        {"value": values, "low": [0.9 * value for value in values], "high": [1.1 * v for v in values]}
    )
    figure, axes = plt.subplots()
    set_logarithmic_limits(axes, points)
    low, high = axes.get_ylim()
    assert axes.get_yscale() == scale
    assert all(low < value < high for value in values)
    figure.canvas.draw()
    heights = axes.transData.transform([(0, value) for value in values])[:, 1] * 72 / figure.dpi
    frame = axes.get_window_extent()
    assert heights.min() - frame.y0 * 72 / figure.dpi > 2.5 and frame.y1 * 72 / figure.dpi - heights.max() > 2.5
    assert linear_note(figure) == ["Axis: linear from 0 to 1, logarithmic above."] * (scale == "symlog")
    shown = [label.get_text() for label, tick in zip(axes.get_yticklabels(), axes.get_yticks(), strict=True)
             if low <= tick <= high]  # fmt: skip
    assert ("0" in shown) == (scale == "symlog") and {"5", "10", "20", "50"} <= set(shown)
    plt.close(figure)


def test_the_highest_tick_is_near_the_highest_value():
    figure, (axes,) = panel_page(1)
    set_logarithmic_limits(axes, pd.DataFrame({"value": [0.0, 1.1, 84.0], "low": [0, 0.9, 80], "high": [0, 1.9, 86]}))
    figure.canvas.draw()
    assert 100 in axes.get_yticks() and axes.get_ylim()[1] > 100
    plt.close(figure)


def test_nothing_but_zeros_has_an_axis():
    figure, axes = plt.subplots()
    set_logarithmic_limits(axes, pd.DataFrame({"value": [0.0], "low": [0.0], "high": [0.0]}))
    plt.close(figure)


@pytest.mark.parametrize(("letters", "grows"), [(3, 0.0), (12, 0.0), (32, 1.0)])
def test_a_page_grows_with_long_words_below_its_panels(letters, grows):
    """20 letters more take an inch; a row of panels makes room once."""
    words = [letter * letters for letter in "abcdefgh"]
    figure, axes = panel_page(2)
    before = figure.get_size_inches()[1]
    for panel in axes:
        set_ticks(panel, Scale("mixture", tuple(map(float, range(8))), tuple(words)), 150, True, words)
    assert figure.get_size_inches()[1] == pytest.approx(before + grows)
