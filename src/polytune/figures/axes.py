"""Axes of a measure against a coordinate: places, limits, ticks, chance, names of the languages added."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from polytune.analysis.measures import MeasureInfo
from polytune.figures.style import GREY
from polytune.scores.exposure import EXPOSURES
from polytune.scores.spec import UNTUNED

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

USUAL = 12
"""Letters of a tick's word, standing upright, that a page has room for."""
FEW = 1000
"""Up to this largest number the ticks are the coordinate's own values; beyond, round ones of matplotlib's choice."""
LOGARITHMIC = ("parameters",)
"""Coordinates of which ratios count; each value has a tick."""


@dataclass(frozen=True)
class Scale:
    """Where the values of a coordinate stand: numbers where they are, words side by side in the order given.

    Numbers of a `LOGARITHMIC` coordinate stand at their decimal logarithms.
    """

    column: str
    numbers: tuple[float, ...]
    words: tuple[Any, ...] = ()

    @staticmethod
    def of(points: pd.DataFrame, column: str) -> Scale:
        """Return the scale of all points' values of `column`; NaN and empty words have no place."""
        values = list(dict.fromkeys(value for value in points[column] if value == value and value != ""))
        if column == "exposure":
            values.sort(key=EXPOSURES.index)
        if points[column].dtype.kind in "iuf":
            return Scale(column, tuple(_place(column, value) for value in sorted(values)))
        return Scale(column, tuple(map(float, range(len(values)))), tuple(values))

    @property
    def low(self) -> float:
        """Return where the axis begins: at 0 if the numbers begin near it."""
        if self.words or not self.numbers:
            return -0.5
        return 0.0 if 0 <= self.numbers[0] <= 0.5 * self.numbers[-1] else self.numbers[0]

    @property
    def span(self) -> float:
        """Return the length of the axis without margins; 1 for a single number."""
        if self.words or not self.numbers:
            return float(max(len(self.words), 1))
        return self.numbers[-1] - self.low or 1.0

    @property
    def apart(self) -> bool:
        """Return whether there is room beside each value: beside words, and beside the only number."""
        return bool(self.words) or len(self.numbers) == 1

    @property
    def edge(self) -> float:
        """Return where a base model stands that has no value of its own: left of all values."""
        return -0.45 if self.words else self.low - 0.04 * self.span

    def places(self, values: Iterable[Any]) -> list[float]:
        """Return where values stand, NaN for those without a place."""
        if not self.words:
            return [_place(self.column, value) for value in values]
        return [float(self.words.index(value)) if value in self.words else math.nan for value in values]


def _place(column: str, value: float) -> float:
    return math.log10(value) if column in LOGARITHMIC else float(value)


MARK = 4.0
"""Points from the centre of an outermost mark to the frame."""
LINEAR = 0.4 / (1 - 1 / 10)
"""Length of the linear part of a logarithmic axis with a zero, in decades: matplotlib's for `linscale=0.4`."""


def linear_note(figure: Figure) -> list[str]:
    """Return where a figure's logarithmic axes are linear, in words; nothing where none is."""
    partly = (axes for axes in figure.axes if axes.get_visible() and axes.get_yscale() == "symlog")
    ends = sorted({axes.yaxis.get_transform().linthresh for axes in partly})
    below = f"{ends[0]:g}" if len(ends) == 1 else " or ".join(f"{end:g}" for end in ends)
    return [f"Axis: linear from 0 to {below}, logarithmic above."] if ends else []


def set_logarithmic_limits(axes: Axes, points: pd.DataFrame) -> None:
    """Set a logarithmic axis around the values; where one is 0, the axis is linear below the smallest of the others.

    The outermost marks have room within the frame.
    """
    from matplotlib.ticker import FixedLocator, LogLocator, NullFormatter

    values, high, room = points.loc[points["value"] > 0, "value"], points["high"].max(), MARK / panel_height(axes)
    if len(values) and (points["value"] <= 0).any():
        smallest = 10.0 ** math.floor(math.log10(values.min()))
        axes.set_yscale("symlog", linthresh=smallest, linscale=0.4)
        decades = math.log10(high / smallest)
        length = (decades + LINEAR) / (1 - 2 * room)  # of the axis, in decades
        low = min(points["low"].min(), -room * length / LINEAR * smallest)
        axes.set_ylim(low, high * 10 ** (room * length))
        decades = [smallest * 10**step for step in range(math.ceil(decades) + 2)]
        axes.yaxis.set_major_locator(FixedLocator([0.0, *(part * decade for decade in decades for part in (1, 2, 5))]))
    else:
        axes.set_yscale("log")
        if len(values):
            low = min(values.min(), points.loc[points["low"] > values.min() / 3, "low"].min())
            beyond = 10 ** (room * math.log10(high / low) / (1 - 2 * room))
            axes.set_ylim(min(0.9, 1 / beyond) * low, max(1.1, beyond) * high)
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter(NullFormatter())


def set_limits(axes: Axes, points: pd.DataFrame, info: MeasureInfo, chance: float | None, zero: bool = False) -> None:
    """Set the limits around the points and their intervals; draw chance where it is near enough to matter.

    `chance` is in the measure's unit; `zero` keeps 0 in sight, as bars need it. Points without an interval (a single
    item) and all equal ones are given room.
    """
    from matplotlib.ticker import MaxNLocator

    low, high = points[["low", "value"]].min(axis=None), points[["high", "value"]].max(axis=None)
    if zero:
        low, high = min(low, 0.0), max(high, 0.0) or 1.0  # nothing but zeros has a scale, too
    room = max(high - low, 2.0 if info.percent else 0.02 * max(abs(low), abs(high), 1.0))
    height = panel_height(axes)
    if chance is not None and low - 0.25 * room <= chance <= high:
        low = min(low, chance - max(0.07, 8 / height) * room)
        axes.axhline(chance, color=GREY, lw=0.7, ls=(0, (1, 1.5)), zorder=1)
        # below the line, unless a base model is a little below chance: its line would strike the word through
        bases = points.loc[points["method"] == UNTUNED, "value"]
        above = bases.between(chance - 12 / height * room, chance).any()
        style = {"color": GREY, "fontsize": 5.5, "ha": "right", "va": "bottom" if above else "top"}
        offset = (-2, 1 if above else -1)
        paper = {"fc": "white", "ec": "none", "pad": 0.3, "alpha": 0.8}  # bars may end behind it
        axes.annotate("chance", (1, chance), offset, ("axes fraction", "data"), "offset points", bbox=paper, **style)
    ticks = {"nbins": max(int(height / 14), 2), "steps": [1, 2, 5, 10], "integer": info.percent}
    axes.yaxis.set_major_locator(MaxNLocator(**ticks))
    middle, half = (low + high) / 2, max(high - low, 0.1 * room) / 2 + 0.05 * room
    axes.set_ylim(0.0 if zero and low == 0 else middle - half, middle + half)


def set_ticks(axes: Axes, scale: Scale, width: float, edge: bool, words: list[str]) -> None:
    """Put ticks at the values of a coordinate, as many as fit on `width` points; `words` names them if they are words.

    `edge` leaves room for base models left of all values. Words that would touch stand upright.
    """
    axes.set_xlim(scale.low - (0.07 if edge else 0.03) * scale.span, scale.low + 1.02 * scale.span)
    if len(scale.numbers) == 1 and not scale.words:
        axes.set_xlim(scale.numbers[0] - 0.6, scale.numbers[0] + 0.6)
    if scale.words:
        axes.set_xlim(-0.6 if edge else -0.5, len(scale.words) - 0.5)
        upright = max(map(len, words)) * 4.2 > width / len(words)
        axes.set_xticks(scale.numbers, words, rotation=90 if upright else 0)
        if upright:
            _make_room(axes, max(map(len, words)))
        return
    if not scale.numbers or scale.numbers[-1] > FEW:
        return
    if scale.column in LOGARITHMIC:
        if len(scale.numbers) > 1:
            axes.set_xlim(scale.low - 0.06 * scale.span, scale.low + 1.06 * scale.span)
        shown = choose_ticks(list(scale.numbers), gap=22 * scale.span / width)
        axes.set_xticks(shown, [magnitude(10**place) for place in shown])
        axes.set_xticks(scale.numbers, minor=True)
        return
    axes.set_xticks(round_ticks(list(scale.numbers), gap=15 * scale.span / width))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_xticks(scale.numbers, minor=True)
    axes.tick_params(axis="x", which="minor", length=1.5, width=0.4)


def _make_room(axes: Axes, letters: int) -> None:
    """Make a page higher by what upright words of so many letters take beyond a word of `USUAL` length, once a row."""
    if axes.get_subplotspec().colspan.start == 0:
        width, height = axes.figure.get_size_inches()
        axes.figure.set_size_inches(width, height + max(letters - USUAL, 0) * 3.6 / 72)


def magnitude(number: float) -> str:
    """Return a large number with two digits: 560M, 1.1B, 130K."""
    for size, sign in ((1e9, "B"), (1e6, "M"), (1e3, "K")):
        if number >= 0.9995 * size:
            return f"{round(number / size, 1 if number < 10 * size else 0):g}{sign}"
    return f"{number:.0f}"


def round_ticks(counts: list[float], gap: float) -> list[float]:
    """Return round numbers at least `gap` apart and the largest count, if all round numbers are among the counts.

    Otherwise, or where that leaves less than half of them, return what `choose_ticks` does.
    """
    chosen = choose_ticks(counts, gap)
    for step in (1, 2, 5, 10, 20, 50):
        ticks = [tick for tick in range(0, int(max(counts)) + 1, step) if tick or 0 in counts]
        if step >= gap and set(ticks) <= set(counts) and len(ticks) >= len(chosen) / 2:
            return [tick for tick in ticks if tick <= max(counts) - gap] + [max(counts)]
    return chosen


def choose_ticks(counts: list[float], gap: float) -> list[float]:
    """Return both ends and, from the largest down, every count at least `gap` away from those chosen before.

    The ends are what readers look for, so they win over their neighbours.
    """
    chosen = [max(counts), min(counts)]
    for count in sorted(counts, reverse=True):
        if min(abs(count - other) for other in chosen) >= gap:
            chosen.append(count)
    return sorted(set(chosen))


def name_added(axes: Axes, points: pd.DataFrame, scale: Scale, width: float) -> None:
    """Write the language added last above each model, on `width` points; overlapping names are left out."""
    places = points.drop_duplicates(scale.column)
    places = places[places["added"] != ""]
    if places.empty:
        return
    shown = choose_ticks(list(places[scale.column]), gap=6.5 * scale.span / width)
    places = places[places[scale.column].isin(shown)]
    top = axes.secondary_xaxis("top")
    top.set_xticks(places[scale.column], places["added"], rotation=90, fontsize=5.5, color=GREY)
    top.tick_params(axis="x", length=1.5, width=0.4, pad=1.5, color=GREY)
    top.spines["top"].set_visible(False)
    top.set_xlabel("language added last", fontsize=5.5, color=GREY, labelpad=2)


def panel_width(axes: Axes) -> float:
    """Return roughly how wide the axes will be, in points, before the figure is laid out."""
    figure = axes.figure
    columns = axes.get_subplotspec().get_gridspec().ncols
    return max(72 * figure.get_size_inches()[0] / columns - 45, 60.0)


def panel_height(axes: Axes) -> float:
    """Return roughly how high the axes will be, in points, before the figure is laid out."""
    figure = axes.figure
    return max(72 * figure.get_size_inches()[1] / axes.get_subplotspec().get_gridspec().nrows - 45, 50.0)
