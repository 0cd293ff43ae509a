"""Language tuned on against language asked in, as a heatmap whose columns are coloured one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from polytune.analysis.choices import Choice, Layout, choose_scores
from polytune.analysis.context import Context
from polytune.analysis.points import coverage_notes, select_points
from polytune.analysis.side_by_side import add_own, is_own
from polytune.config.kinds import Evaluation, Language
from polytune.errors import InputError
from polytune.figures import style
from polytune.figures.drawing import Drawing
from polytune.scores.spec import UNTUNED

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

CELL = 0.3
"""Side of a cell, inches."""
FEWEST = 4
"""A figure is as high as if it had so many rows at least."""
FOOTER = 0.5
"""Inches that the notes below the figure need."""
LETTER = 0.055
"""Width of a letter of the labels, inches."""


def draw_matrix(
    scores: pd.DataFrame,
    runs: pd.DataFrame,
    context: Context,
    choice: Choice,
    benchmark: Evaluation,
    languages: list[Language] | None = None,
    scale: Literal["column", "all"] = "column",
    labels: dict[Language, str] | None = None,
    labels_say: str = "",
) -> Drawing:
    """Draw a row for each language that a model was tuned on alone, a column for each language that it was asked in.

    `scale: column` colours each column from its smallest to its largest value: judges score languages differently, so
    that columns say nothing about each other. A model in its own language against itself is 50 and has no colour.
    `labels` are words that stand beside the names of languages, `labels_say` is what they mean. Languages stand in the
    order of `languages`, else those with labels first, in the order of these.
    """
    rows = add_own(choose_scores(scores, choice, [benchmark], languages), runs, choice)
    points = select_points(rows, runs, choice, Layout("tuned_on"))
    points = points[points["method"] != UNTUNED]
    known = dict.fromkeys(rows["language"])
    asked = list(languages or dict.fromkeys([*(code for code in labels or () if code in known), *known]))
    tuned = [code for code in asked if code in set(points["tuned_on"])]
    tuned += [code for code in dict.fromkeys(points["tuned_on"]) if code not in tuned]
    if not tuned:
        raise InputError("families: none of the models is tuned on one language alone")
    values = points.pivot(index="tuned_on", columns="language", values="value").loc[tuned, asked]
    own = points.assign(own=is_own(points)).pivot(index="tuned_on", columns="language", values="own")
    own = own.loc[tuned, asked].eq(True)
    words = [context.language(code) + (f"\n{labels[code]}" if labels and code in labels else "") for code in tuned]
    names = [context.language(code) for code in asked]
    left = LETTER * max(len(part) for word in words for part in word.split("\n")) + 0.35
    below = LETTER * max(map(len, names)) + 0.35
    width = max(style.COLUMN, CELL * len(asked) + left)
    figure, (axes,) = style.new_figure(width, CELL * max(len(tuned), FEWEST) + below + FOOTER)
    _draw_cells(axes, values, own, points, choice, scale)
    axes.set_xticks(range(len(asked)), names, rotation=90)
    axes.set_yticks(range(len(tuned)), words)
    axes.set_ylabel("tuned on")
    axes.set_xlabel("asked in")
    half = ((points["high"] - points["low"]) / 2)[~is_own(points)].median()
    whole, label = "each column" if scale == "column" else "the figure", choice.info.label.capitalize()
    notes = [
        f"{label}{choice.info.unit_in_brackets}; colours from the smallest to the largest value of {whole}. Half of a "
        f"95 % interval is {half:.0f} in the median."
    ]
    if labels_say:
        notes.append(f"Beside the languages: {labels_say}.")
    if choice.measure == "win":
        notes.append("Bold: the interval does not hold 50.")
    if own.any(axis=None):
        notes.append("Grey: a model against itself.")
    return Drawing(figure, points, notes=[*notes, *coverage_notes(points, choice.info)])


def _draw_cells(
    axes: Axes, values: pd.DataFrame, own: pd.DataFrame, points: pd.DataFrame, choice: Choice, scale: str
) -> None:
    """Colour the cells and write whole numbers into them."""
    import numpy as np

    shown = np.ma.masked_invalid(values.mask(own).to_numpy(float))
    along = 0 if scale == "column" else None
    low, high = shown.min(axis=along), shown.max(axis=along)
    spread = np.ma.maximum(high - low, 1e-9)
    shades = (shown - low) / spread
    axes.imshow(shades, cmap="Blues", vmin=0, vmax=1.15, aspect="equal")
    apart = points.assign(sure=(choice.measure == "win") & ((points["low"] > 50) | (points["high"] < 50)))
    sure = apart.pivot(index="tuned_on", columns="language", values="sure").loc[values.index, list(values)].eq(True)
    for row, code in enumerate(values.index):
        for column, asked in enumerate(values):
            if (value := values.at[code, asked]) != value:
                continue
            dark = not own.at[code, asked] and shades[row, column] > 0.65
            weight = "bold" if sure.at[code, asked] else "normal"
            color = style.GREY if own.at[code, asked] else "white" if dark else "black"
            axes.text(column, row, f"{value:.0f}", ha="center", va="center", fontsize=6, color=color, weight=weight)
    axes.set_facecolor("#E8E8E8")
    axes.grid(False)
    axes.spines[["top", "right"]].set_visible(True)
    axes.tick_params(length=0)
