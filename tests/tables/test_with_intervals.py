"""A value with its interval in a cell: ± where its arms are alike, the interval itself where they are not."""

import math

import pandas as pd

from polytune.tables.rendering import with_intervals


def points(*rows):
    return pd.DataFrame(rows, columns=["value", "low", "high"])


def test_like_arms_are_one_number():
    assert with_intervals(points((50.0, 46.0, 54.0), (48.0, 44.0, 52.0)), 1) == ["50.0 ± 4.0", "48.0 ± 4.0"]


def test_an_end_of_the_measure_makes_all_cells_say_their_interval():
    """0 of 50 may be 7 of 100, but never less than none, as 0.0 ± 3.7 would say."""
    texts = with_intervals(points((0.0, 0.0, 7.47), (50.0, 36.0, 64.0)), 1)
    assert texts == ["0.0 [0.0, 7.5]", "50.0 [36.0, 64.0]"]


def test_a_value_without_an_interval():
    assert with_intervals(points((1.0, math.nan, math.nan), (2.0, 1.0, 3.0)), 2) == ["1.00", "2.00 ± 1.00"]
