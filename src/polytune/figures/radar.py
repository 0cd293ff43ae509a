"""Radar charts: a measure of each category and turn of the questions, a polygon for each mixture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from polytune.analysis.choices import PARTS, Choice, Layout, Mean, choose_runs
from polytune.analysis.context import Context
from polytune.analysis.groups import choose_units
from polytune.analysis.points import coverage_notes, select_points
from polytune.config.kinds import Coordinate, Evaluation, Language
from polytune.errors import InputError
from polytune.figures import style
from polytune.figures.accuracy import letter, write_legend
from polytune.figures.drawing import Drawing

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.projections.polar import PolarAxes

    from polytune.analysis.items import Items

FEWEST = 3
"""Spokes that a polygon needs."""
SPREAD = math.radians(8)
"""Angle that the marks of one spoke take beside each other, or their intervals would hide each other."""

SHAPE = 0.85
"""Height of a panel as a share of its width: the names stand beside the circle rather than above it."""


def draw_radar(
    scores: pd.DataFrame,
    runs: pd.DataFrame,
    context: Context,
    items: Items,
    choice: Choice,
    benchmark: Evaluation,
    by: Coordinate = "family",
    turns: Literal["apart", "together"] = "apart",
    languages: list[Language] | None = None,
    mean: Mean | None = None,
    panels: Literal["base", "language"] = "base",
) -> Drawing:
    """Draw a spoke for each category of the questions and, unless they are taken together, each turn.

    A panel for each base, of means over the languages (`mean: mean` over the listed ones), or of one base for each
    language. The centre is 0. A spoke on which a mixture has no value breaks its polygon, and is marked.
    """
    import pandas as pd

    parts = PARTS if turns == "apart" else PARTS[:1]
    told = (*parts, *([panels] if panels == "language" else []))
    rows = choose_units(scores, context, items, choice, told, [benchmark], languages, mean)
    if panels == "base":
        bases = dict.fromkeys(choose_runs(runs, choice)["base"])
        pieces = [select_points(rows, runs, replace(choice, bases=[base]), Layout("category", by)) for base in bases]
    else:
        pieces = [select_points(rows, runs, choice, Layout("category", by))]
    points = pd.concat(pieces, ignore_index=True)
    points["spoke"] = points["category"] if turns == "together" else [
        f"{category} {turn}" for category, turn in zip(points["category"], points["turn"], strict=True)
    ]  # fmt: skip
    spokes = list(points.drop_duplicates("spoke").sort_values([*parts])["spoke"])
    if len(spokes) < FEWEST:
        raise InputError(f"radar: {', '.join(spokes)}: a polygon needs {FEWEST} spokes; draw 'values' against category")
    names = [name for name in dict.fromkeys(points[by]) if name != ""]
    if len(names) > len(style.PALETTE):
        raise InputError(f"figure: {len(names)} colours are too many, {len(style.PALETTE)} are readable")
    looks = {name: (style.PALETTE[place], style.MARKERS[place], "-") for place, name in enumerate(names)}
    looks |= {"": (style.GREY, "o", "--")} if (points[by] == "").any() else {}
    pages = list(dict.fromkeys(points[panels]))
    columns = min(len(pages), 2 if turns == "apart" else 3)
    width = style.PAGE if columns > 1 else style.COLUMN
    size = (width, math.ceil(len(pages) / columns) * SHAPE * width / columns + 0.3)
    figure, axes = style.new_figure(*size, math.ceil(len(pages) / columns), columns, projection="polar")
    for unused in axes[len(pages) :]:
        unused.set_visible(False)
    top = points["high"].max()
    for place, page in enumerate(pages):
        here = points[points[panels] == page]
        for name, look in looks.items():
            own = here[here[by] == name].set_index("spoke").reindex(spokes)
            _draw_polygon(axes[place], own, look, list(looks).index(name) - (len(looks) - 1) / 2, len(looks), top)
        _name_spokes(axes[place], spokes, top)
        axes[place].set_title(f"({letter(place)}) {context.word(panels, page)}", loc="left", fontsize=6.5)
    write_legend(figure, _signs(looks, bool(points["value"].isna().any())))
    asked = " and turn (1, 2)" if turns == "apart" else ""
    notes = [f"{choice.info.axis.capitalize()} of each category{asked}, 0 in the centre; bars: 95 % intervals over "
             f"questions ({_counts(points)} answers each)."]  # fmt: skip
    marked = ", but for what is marked as missing." if points["value"].isna().any() else "."
    notes += [said.removesuffix(".") + marked for said in coverage_notes(points.dropna(subset="value"), choice.info)]
    return Drawing(figure, points, notes=notes)


def _draw_polygon(
    axes: PolarAxes, own: pd.DataFrame, look: tuple[str, str, str], place: float, count: int, top: float
) -> None:
    """Draw a mixture: marks beside each other on a spoke, edges between neighbours that have values."""
    color, marker, dashes = look
    step = 2 * math.pi / len(own)
    angles = [step * spoke + SPREAD * place / count for spoke in range(len(own))]
    known = own.assign(angle=angles).dropna(subset="value")
    arms = [known["value"] - known["low"], known["high"] - known["value"]]
    axes.errorbar(known["angle"], known["value"], arms, fmt=marker, color=color, ms=2.5, mew=0, lw=0.6)
    corners = [*zip(angles, own["value"], strict=True), (angles[0] + 2 * math.pi, own["value"].iloc[0])]
    for (start, first), (end, second) in pairwise(corners):
        if first == first and second == second:
            axes.plot([start, end], [first, second], color=color, ls=dashes, lw=0.9)
    lacking = [angle for angle, value in zip(angles, own["value"], strict=True) if value != value]
    axes.plot(lacking, [top] * len(lacking), ls="none", marker="x", color=color, ms=3.5, mew=0.8)


def _name_spokes(axes: PolarAxes, names: Sequence[str], top: float) -> None:
    """Write the names around the circle, each away from it."""
    from matplotlib.ticker import MaxNLocator

    angles = [2 * math.pi * place / len(names) for place in range(len(names))]
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4, steps=[1, 2, 5, 10]))
    axes.set_theta_zero_location("N")
    axes.set_theta_direction(-1)
    axes.set_ylim(0, 1.05 * top)
    axes.set_xticks(angles, names)
    for angle, label in zip(angles, axes.get_xticklabels(), strict=True):
        across = math.sin(angle)
        label.set_horizontalalignment("center" if abs(across) < 0.1 else "left" if across > 0 else "right")
    axes.tick_params(axis="x", pad=-1, labelsize=6)
    axes.tick_params(axis="y", labelsize=5, labelcolor=style.GREY)
    axes.set_rlabel_position(180 / len(names))
    axes.grid(True, axis="both")
    axes.spines["polar"].set_color("#BBBBBB")


def _signs(looks: dict[str, tuple[str, str, str]], missing: bool) -> list:
    """Return the signs of the legend."""
    from matplotlib.lines import Line2D

    signs = [Line2D([], [], color=color, marker=marker, ls=dashes, mew=0, label=name or "base model")
             for name, (color, marker, dashes) in looks.items()]  # fmt: skip
    return signs + [Line2D([], [], color=style.GREY, marker="x", ls="none", label="missing")] * missing


def _counts(points: pd.DataFrame) -> str:
    """Return how many answers a value is of, from the least to the most."""
    items = points.loc[points["value"].notna(), "items"]
    least, most = items.min(), items.max()
    return f"{least:,}" if least == most else f"{least:,} to {most:,}"
