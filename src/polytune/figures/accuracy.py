"""A measure against a coordinate of the runs: Lucky 52's figures 1 to 4 (arXiv 2404.04850) and their relatives."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from polytune.analysis.choices import (
    Choice,
    Exposure,
    Layout,
    Mean,
    RunChoice,
    choose_runs,
    choose_scores,
    find_languages,
    without_world,
)
from polytune.analysis.context import Context
from polytune.analysis.points import select_points
from polytune.config.kinds import Evaluation, Language
from polytune.errors import InputError
from polytune.figures import style
from polytune.figures.axes import Scale, name_added, panel_width
from polytune.figures.drawing import Drawing
from polytune.figures.lines import (
    Line,
    count_models,
    draw_lines,
    interval_notes,
    line_labels,
    make_lines,
    plotted,
    x_label,
)
from polytune.scores.spec import UNTUNED

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MEANS = {"mean": "mean over languages", "group": "mean over items"}


def draw_means(
    scores: pd.DataFrame,
    runs: pd.DataFrame,
    context: Context,
    choice: Choice,
    layout: Layout,
    benchmarks: list[Evaluation],
    mean: Mean = "mean",
) -> Drawing:
    """Draw the mean of each benchmark (figure 1a).

    `mean` is the plain mean over languages, or `group`: weighted by items, which is the harness's group score.
    """
    rows = choose_scores(scores, choice, benchmarks, aggregate=mean)
    points = select_points(rows, runs, choice, layout)
    lines, scale = make_lines(points, layout, context), Scale.of(points, layout.against)
    figure, (axes,) = style.new_figure(style.PAGE, 0.45 * style.PAGE)
    draw_lines(axes, lines, scale, choice, context)
    info = choice.info
    axes.set_ylabel(f"{info.label}, {MEANS[mean]}{info.unit_in_brackets}")
    name_added(axes, lines[0].points, scale, panel_width(axes))
    notes = interval_notes(lines, scale, count_models(rows, runs, choice, layout))
    return _with_names(Drawing(figure, plotted(lines), notes=notes), axes, lines, scale)


def draw_languages(
    scores: pd.DataFrame,
    runs: pd.DataFrame,
    context: Context,
    choice: Choice,
    layout: Layout,
    benchmark: Evaluation,
    languages: list[Language] | None = None,
    exposure: Exposure | None = None,
) -> Drawing:
    """Draw one or more languages of a benchmark (figures 1b to 4b).

    The languages are listed, or those of an exposure group; where both are given, each listed one must be in the group.
    """
    scores = scores[scores["run"].isin(choose_runs(runs, choice)["run"])]
    chosen = find_languages(choose_scores(scores, choice, [benchmark]), benchmark, languages, exposure)
    if not chosen:
        raise InputError(f"no language of {benchmark} is in the exposure group '{exposure}'")
    rows = choose_scores(scores, choice, [benchmark], chosen)
    rows = rows.iloc[rows["language"].map(chosen.index).argsort(kind="stable")]  # lines in the order that is given
    points = select_points(rows, runs, choice, layout)
    lines, scale = make_lines(points, layout, context), Scale.of(points, layout.against)
    figure, (axes,) = style.new_figure(style.COLUMN, 0.72 * style.COLUMN)
    draw_lines(axes, lines, scale, choice, context)
    axes.set_ylabel(choice.info.axis)
    title = context.title(benchmark, choice.origin)
    single = f"{context.language(chosen[0])}, {title}{_entry(lines[0])}"
    axes.set_title(single if len(chosen) == 1 else title, loc="left")
    notes = interval_notes(lines, scale, count_models(rows, runs, choice, layout))
    return _with_names(Drawing(figure, plotted(lines), notes=notes), axes, lines, scale)


def draw_exposure(
    scores: pd.DataFrame,
    runs: pd.DataFrame,
    context: Context,
    choice: Choice,
    layout: Layout,
    exposure: Exposure,
    benchmarks: list[Evaluation],
) -> Drawing:
    """Draw a panel for every language of an exposure group, over several benchmarks (figures 2, 3 and 4 as a page)."""
    panels: list[tuple[str, list[Line]]] = []
    scores = scores[scores["run"].isin(choose_runs(runs, choice)["run"])]
    rows = choose_scores(scores, choice, benchmarks)
    for place, benchmark in enumerate(benchmarks):
        for code in find_languages(rows, benchmark, None, exposure):
            points = select_points(choose_scores(scores, choice, [benchmark], [code]), runs, choice, layout)
            lines = make_lines(points, layout, context)
            if layout.by is None:  # then the colour tells the benchmarks apart
                lines = [Line(line.points, line.name, style.PALETTE[place % 6]) for line in lines]
            panels.append((f"{context.language(code)}, {context.title(benchmark, choice.origin)}", lines))
    if not panels:
        raise InputError(f"no language of {', '.join(benchmarks)} is in the exposure group '{exposure}'")
    figure, axes = panel_page(len(panels))
    every = [line for _, lines in panels for line in lines]
    scale = Scale.of(plotted(every), layout.against)
    for place, (name, lines) in enumerate(panels):
        draw_lines(axes[place], lines, scale, choice, context)
        axes[place].set_title(f"({letter(place)}) {name}", loc="left", fontsize=6.5)
    label_page(axes, len(panels), choice.info.axis, x_label([], layout.against))
    name_lines(figure, panels[0][1])
    models = count_models(rows, runs, choice, layout)
    return Drawing(figure, plotted(every), notes=interval_notes(every, scale, models, named=False))


def panel_page(count: int, height: float = 1.55, across: int = 4) -> tuple[Figure, list[Axes]]:
    """Return a figure of `count` panels of `height` inches, `across` in a row, and its axes; unused ones are hidden."""
    columns = min(count, across)
    rows = math.ceil(count / columns)
    width = style.PAGE if columns > 2 or across == 1 else 0.5 * columns * style.PAGE
    figure, axes = style.new_figure(width, height * rows + 0.3, rows, columns)
    for unused in axes[count:]:
        unused.set_visible(False)
    return figure, axes


def label_page(axes: list[Axes], count: int, y_label: str, below: str) -> None:
    """Write the axes' labels at the left and at the bottom of a page of panels only."""
    columns = axes[0].get_subplotspec().get_gridspec().ncols
    for place in range(count):
        axes[place].set_ylabel(y_label if place % columns == 0 else "")
        axes[place].set_xlabel(below if place + columns >= count else "")


def name_lines(figure: Figure, lines: list[Line]) -> None:
    """Name the lines of a page of panels above it, if there are several."""
    from matplotlib.lines import Line2D

    named = {line.name: line for line in lines}
    if len({(line.color, line.marker) for line in lines}) > 1:
        signs = [
            Line2D([], [], color=line.color, marker=line.marker, mew=0, ls="-" if len(line.tuned) else "--", label=name)
            for name, line in named.items()
        ]
        write_legend(figure, signs)


def write_legend(figure: Figure, signs: list[Artist]) -> None:
    """Write the labels of `signs` above a page, in as many columns as fit."""
    letters = 72 * figure.get_size_inches()[0] / 3.9  # of average width at this size
    longest = max(len(sign.get_label()) for sign in signs)
    columns = max(1, min(len(signs), int(letters / (longest + 10))))
    figure.legend(handles=signs, loc="outside upper left", ncols=columns, frameon=False, fontsize=6.5)


def model_note(runs: pd.DataFrame, choice: RunChoice) -> str:
    """Return bases and methods of the chosen runs, for figures whose panels and axes do not say them."""
    chosen = choose_runs(runs, choice)
    bases = dict.fromkeys(without_world(chosen["base"], chosen["world"]))
    methods = [name for name in dict.fromkeys(chosen["method"]) if name != UNTUNED]
    return f"Models: {', '.join(bases)}; tuned: {', '.join(methods) or 'none'}."


def letter(place: int) -> str:
    """Return a, b, ..., z, aa, ab, ... for 0, 1, ..., 25, 26, 27, ..."""
    return (letter(place // 26 - 1) if place >= 26 else "") + chr(ord("a") + place % 26)


def _with_names(drawing: Drawing, axes: Axes, lines: list[Line], scale: Scale) -> Drawing:
    """Return the drawing with the lines' names: beside their ends, or above where words stand on the axis."""
    if scale.words:
        name_lines(drawing.figure, lines)
    else:
        drawing.labels.append((axes, line_labels(lines, scale)))
    return drawing


def _entry(line: Line) -> str:
    """Return when the line's language enters, in words."""
    entry = line.entering
    if entry is None or entry["added"] != entry["language"]:
        return ""
    return f"; added as language {entry['n_languages']}"
