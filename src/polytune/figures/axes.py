"""Axes of accuracy against the number of languages: limits, ticks, chance, names of the languages added."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from polytune.figures.style import GREY

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def set_limits(axes: Axes, points: pd.DataFrame, chance: float | None) -> None:
    """Set the limits around the points and their intervals; draw chance (percent) where it is near enough to matter."""
    from matplotlib.ticker import MaxNLocator

    low, high = points["low"].min(), points["high"].max()
    room = max(high - low, 2.0)
    if chance is not None and low - 0.25 * room <= chance <= high:
        low = min(low, chance - 0.07 * room)
        axes.axhline(chance, color=GREY, lw=0.7, ls=(0, (1, 1.5)), zorder=1)
        # below the line: base models are rather a little above chance than a little below
        style = {"color": GREY, "fontsize": 5.5, "ha": "right", "va": "top"}
        axes.annotate("chance", (1, chance), (-2, -1), ("axes fraction", "data"), "offset points", **style)
    height = 72 * axes.figure.get_size_inches()[1] / axes.get_subplotspec().get_gridspec().nrows
    axes.yaxis.set_major_locator(MaxNLocator(nbins=int(height / 20), steps=[1, 2, 5, 10], integer=True))
    axes.set_ylim(low - 0.05 * room, high + 0.05 * room)
    largest = points["n_languages"].max()
    axes.set_xlim(-0.03 * largest, 1.02 * largest)


def set_ticks(axes: Axes, counts: list[int], width: float) -> None:
    """Put ticks at the numbers of languages that were tuned on, as many as fit on `width` points."""
    largest = max(counts)
    axes.set_xticks(round_ticks(counts, gap=15 * largest / width))
    axes.set_xticks(counts, minor=True)
    axes.tick_params(axis="x", which="minor", length=1.5, width=0.4)


def round_ticks(counts: list[int], gap: float) -> list[int]:
    """Return round numbers at least `gap` apart and the largest count, if all round numbers are among the counts.

    Otherwise return what `choose_ticks` does.
    """
    for step in (1, 2, 5, 10, 20, 50):
        ticks = list(range(0, max(counts) + 1, step))
        if step >= gap and set(ticks[1:]) <= set(counts):
            return [tick for tick in ticks if tick <= max(counts) - gap] + [max(counts)]
    return choose_ticks(counts, gap)


def choose_ticks(counts: list[int], gap: float) -> list[int]:
    """Return both ends and, from the largest down, every count at least `gap` away from those chosen before.

    The ends are what readers look for, so they win over their neighbours.
    """
    chosen = [max(counts), min(counts)]
    for count in sorted(counts, reverse=True):
        if min(abs(count - other) for other in chosen) >= gap:
            chosen.append(count)
    return sorted(set(chosen))


def name_added(axes: Axes, points: pd.DataFrame, width: float) -> None:
    """Write the language added last above each model, on `width` points; overlapping names are left out."""
    places = points.drop_duplicates("n_languages")
    places = places[places["n_languages"] > 0]
    shown = choose_ticks(list(places["n_languages"]), gap=6.5 * points["n_languages"].max() / width)
    places = places[places["n_languages"].isin(shown)]
    top = axes.secondary_xaxis("top")
    top.set_xticks(places["n_languages"], places["added"], rotation=90, fontsize=5.5, color=GREY)
    top.tick_params(axis="x", length=1.5, width=0.4, pad=1.5, color=GREY)
    top.spines["top"].set_visible(False)
    top.set_xlabel("language added last", fontsize=5.5, color=GREY, labelpad=2)


def panel_width(axes: Axes) -> float:
    """Return roughly how wide the axes will be, in points, before the figure is laid out."""
    figure = axes.figure
    columns = axes.get_subplotspec().get_gridspec().ncols
    return float(np.clip(72 * figure.get_size_inches()[0] / columns - 45, 60, None))
