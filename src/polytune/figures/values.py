"""Any measure against any coordinate, a panel for each benchmark, a line for each value of another coordinate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polytune.analysis.choices import Choice, Layout, Mean
from polytune.analysis.context import Context
from polytune.analysis.groups import choose_units
from polytune.analysis.measures import measure_info
from polytune.analysis.points import select_points
from polytune.config.kinds import Evaluation, Language
from polytune.figures.accuracy import label_page, letter, name_lines, panel_page
from polytune.figures.axes import Scale
from polytune.figures.drawing import Drawing
from polytune.figures.lines import Marks, draw_lines, interval_notes, make_lines, plotted, x_label

if TYPE_CHECKING:
    import pandas as pd

    from polytune.analysis.items import Items

MANY = 16
"""More words than these on an axis have a panel as wide as the page."""


def draw_values(
    scores: pd.DataFrame,
    runs: pd.DataFrame,
    context: Context,
    items: Items,
    choice: Choice,
    layout: Layout,
    benchmarks: list[Evaluation],
    languages: list[Language] | None = None,
    mean: Mean = "mean",
    marks: Marks = "points",
) -> Drawing:
    """Draw points, bars or curves of each benchmark in a panel of its own.

    What is drawn is the mean over languages; single languages where `languages` are listed or `language` is one of the
    coordinates; means over exposure groups where `exposure` is one.
    """
    rows = choose_units(scores, context, items, choice, layout.used, benchmarks, languages, mean)
    points = select_points(rows, runs, choice, layout)
    scale = Scale.of(points, layout.against)
    across = 1 if len(scale.words) > MANY else 4
    figure, axes = panel_page(len(benchmarks), 2.5 if scale.words else 2.0, across)
    drawn = []
    for place, benchmark in enumerate(benchmarks):
        lines = make_lines(points[points["evaluation"] == benchmark], layout, context, among=points)
        draw_lines(axes[place], lines, scale, choice, context, marks)
        number = f"({letter(place)}) " if len(benchmarks) > 1 else ""
        axes[place].set_title(f"{number}{context.title(benchmark, choice.origin)}", loc="left", fontsize=6.5)
        drawn += lines
    label_page(axes, len(benchmarks), measure_info(choice.measure).axis, x_label([], layout.against))
    name_lines(figure, drawn)
    return Drawing(figure, plotted(drawn), notes=interval_notes(drawn, scale, named=False))
