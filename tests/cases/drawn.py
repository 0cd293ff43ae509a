"""What a figure really shows: its texts, and the numbers that its lines, bars and bands stand at."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import FillBetweenPolyCollection
from matplotlib.container import BarContainer, ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox


def texts_of(figure: Figure) -> dict[tuple[str, int, int], Bbox]:
    """The boxes of all texts that are really drawn, in pixels, by (text, place)."""
    drawn = []
    draw_text = Text.draw
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Text, "draw", lambda text, renderer: (drawn.append(text), draw_text(text, renderer)))
        figure.draw_without_rendering()
    boxes = [(text.get_text(), text.get_window_extent()) for text in drawn if text.get_text().strip()]
    return {(text, round(box.x0), round(box.y0)): box for text, box in boxes}


def overlaps(boxes: dict[tuple[str, int, int], Bbox]) -> list[tuple]:
    """The pairs of texts that overlap by more than a pixel."""
    found = []
    for (first, one), (second, other) in combinations(boxes.items(), 2):
        across = min(one.x1, other.x1) - max(one.x0, other.x0)
        upward = min(one.y1, other.y1) - max(one.y0, other.y0)
        if across > 1 and upward > 1:
            found.append((first, second))
    return found


def drawn_values(figure: Figure) -> Counter:
    """How often each (value, low, high) is drawn, over all curves with bands, points with bars, and bars."""
    found: Counter = Counter()
    for axes in figure.axes:
        bands = [item for item in axes.collections if isinstance(item, FillBetweenPolyCollection)]
        curves = [line for line in axes.lines if len(line.get_xdata()) and line.get_marker() in "o^DvPX"]
        for band, curve in zip(bands, [line for line in curves if line.get_linestyle() == "-"], strict=False):
            corners = band.get_paths()[0].vertices if band.get_paths() else np.empty((0, 2))
            for x, value in zip(*curve.get_data(), strict=True):
                heights = corners[np.isclose(corners[:, 0], x), 1]
                found[_rounded(value, min(heights, default=np.nan), max(heights, default=np.nan))] += 1
        for container in axes.containers:
            if isinstance(container, ErrorbarContainer):
                line, _, (arms,) = container.lines
                for value, segment in zip(line.get_ydata(), arms.get_segments(), strict=True):
                    found[_rounded(value, *(segment[:, 1] if len(segment) else (np.nan, np.nan)))] += 1
            elif isinstance(container, BarContainer):
                assert all(bar.get_y() == 0 for bar in container)
    return found


def csv_values(table: pd.DataFrame) -> Counter:
    """How often each (value, low, high) stands in a figure's table."""
    return Counter(_rounded(*row) for row in table[["value", "low", "high"]].itertuples(index=False))


def _rounded(*values: float) -> tuple:
    return tuple("none" if value != value else float(f"{value:.9g}") for value in values)
