"""Any measure against any coordinate, a panel for each benchmark or language, a line for each value of another one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from polytune.analysis.choices import Choice, Layout, Mean
from polytune.analysis.context import Context
from polytune.analysis.groups import choose_units
from polytune.analysis.points import coverage_notes, select_points
from polytune.analysis.published import join_published
from polytune.config.kinds import Evaluation, Language, Published
from polytune.errors import InputError
from polytune.figures.accuracy import label_page, letter, name_lines, panel_page
from polytune.figures.axes import Scale
from polytune.figures.drawing import Drawing
from polytune.figures.lines import Marks, count_models, draw_lines, interval_notes, make_lines, plotted, x_label

if TYPE_CHECKING:
    import pandas as pd

    from polytune.analysis.items import Items

MANY = 16
"""More words than these on an axis have a panel as wide as the page."""
LONG = 50
"""Letters of a measure's name, beyond which it takes more than two lines beside a low panel."""


def draw_values(
    scores: pd.DataFrame,
    runs: pd.DataFrame,
    context: Context,
    items: Items,
    published_folder: Path,
    choice: Choice,
    layout: Layout,
    benchmarks: list[Evaluation],
    languages: list[Language] | dict[Evaluation, list[Language]] | None = None,
    mean: Mean | None = None,
    marks: Marks = "points",
    panels: Literal["evaluation", "language"] = "evaluation",
    values: Literal["linear", "logarithmic"] = "linear",
    published: Published | None = None,
) -> Drawing:
    """Draw points, bars or curves of each benchmark, or of each language, in a panel of its own.

    What is drawn is the mean over languages; single languages where `languages` are listed, unless their `mean` is
    asked for, or where `language` is one of the coordinates or tells the panels; means over exposure groups where
    `exposure` is a coordinate. A mapping lists `languages` for each benchmark. `published` has columns called like the
    coordinates, and `value`.
    """
    import pandas as pd

    told = (*layout.used, panels)
    by_benchmark = languages if isinstance(languages, dict) else dict.fromkeys(benchmarks, languages)
    if lacking := [name for name in benchmarks if name not in by_benchmark]:
        raise InputError(f"languages: none are listed for the benchmark '{lacking[0]}'")
    rows = pd.concat(
        [choose_units(scores, context, items, choice, told, [name], by_benchmark[name], mean) for name in benchmarks]
    )
    if isinstance(languages, dict):
        languages = list(dict.fromkeys(code for codes in languages.values() for code in codes))
    points = select_points(rows, runs, choice, layout)
    scale = Scale.of(points, layout.against)
    points, said = join_published(points, published and published_folder / published, layout, context)
    pages = list(dict.fromkeys(points[["evaluation", panels]].itertuples(index=False, name=None)))
    if panels == "language" and languages is not None:
        pages.sort(key=lambda page: languages.index(page[1]))
    across = 1 if len(scale.words) > MANY else 3 if len(pages) in (5, 6) else 4
    height = 2.5 if scale.words or len(choice.info.axis) > LONG else 2.0
    figure, axes = panel_page(len(pages), height, across)
    drawn = []
    for place, (benchmark, panel) in enumerate(pages):
        here = points[(points["evaluation"] == benchmark) & (points[panels] == panel)]
        lines = make_lines(here, layout, context, among=points, panels=("evaluation", panels))
        draw_lines(axes[place], lines, scale, choice, context, marks, values == "logarithmic")
        number = f"({letter(place)}) " if len(pages) > 1 else ""
        title = context.title(benchmark, choice.origin)
        if panels == "language":
            title = ", ".join([context.language(panel), *[title] * (len(benchmarks) > 1)])
        axes[place].set_title(f"{number}{title}", loc="left", fontsize=6.5)
        drawn += lines
    label_page(axes, len(pages), choice.info.axis, x_label([], layout.against))
    name_lines(figure, drawn)
    notes = interval_notes(drawn, scale, count_models(rows, runs, choice, layout), named=False)
    if own := [name for name in choice.own if choice.families is None or name in choice.families]:
        notes.append(f"{', '.join(own)}: in each language the model tuned on it alone, all counted as one.")
    notes += [*coverage_notes(points, choice.info), *said]
    return Drawing(figure, plotted(drawn), notes=notes)
