"""Lines of groups of languages, each with the dots of its languages."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from polytune.analysis.choices import Choice, Layout, choose_scores
from polytune.analysis.context import Context, coordinate_word
from polytune.analysis.groups import mean_scores
from polytune.analysis.points import coverage_notes, select_points
from polytune.analysis.side_by_side import EQUAL, add_own, is_own
from polytune.config.kinds import Evaluation, Language
from polytune.errors import InputError
from polytune.figures import style
from polytune.figures.accuracy import name_lines
from polytune.figures.axes import Scale, set_limits
from polytune.figures.drawing import Drawing
from polytune.figures.lines import Line, count_models, draw_lines, interval_notes

if TYPE_CHECKING:
    import pandas as pd

    from polytune.analysis.items import Items


def draw_groups(
    scores: pd.DataFrame,
    runs: pd.DataFrame,
    context: Context,
    items: Items,
    choice: Choice,
    layout: Layout,
    benchmark: Evaluation,
    groups: dict[str, list[Language]],
) -> Drawing:
    """Draw a line for the mean of each group of languages, and a pale dot for each of its languages.

    Of a model tuned on one language alone, which is its own opponent there, a group's mean is over the others; a group
    of this language only is 50.
    """
    import pandas as pd

    if len(groups) > len(style.PALETTE):
        raise InputError(f"groups: {len(groups)} are too many for one plot, {len(style.PALETTE)} are readable")
    codes = list(dict.fromkeys(code for group in groups.values() for code in group))
    rows = choose_scores(scores, choice, [benchmark], codes)
    alone = add_own(rows, runs, choice)
    own = alone[is_own(alone)]
    layout, single = replace(layout, by=None), select_points(alone, runs, choice, layout)
    scale = Scale.of(single, layout.against)
    lines, dots = [], []
    for place, (name, group) in enumerate(groups.items()):
        means = mean_scores(rows[rows["language"].isin(group)].assign(group=name), "group", context, items)
        if len(group) == 1:
            means = pd.concat([means, own[own["language"] == group[0]].assign(aggregate=name, language="")])
        points = select_points(means, runs, choice, layout).sort_values(layout.against, kind="stable")
        color, marker = style.PALETTE[place], style.MARKERS[place]
        lines.append(Line(points, name, color, marker))
        dots.append(single[single["language"].isin(group) & (single["method"] != "base") & (len(group) > 1)])
    height = 2.4 if len(groups) > 1 else 2.7  # with the languages in the footer
    figure, (axes,) = style.new_figure(style.COLUMN if len(scale.numbers) < 8 else 0.72 * style.PAGE, height)
    draw_lines(axes, lines, scale, choice, context, "curves")
    shift = 0.008 * scale.span
    for place, (line, own_dots) in enumerate(zip(lines, dots, strict=True)):
        x = [value + shift * (place - (len(lines) - 1) / 2) for value in scale.places(own_dots[layout.against])]
        axes.plot(x, own_dots["value"], "o", color=line.color, ms=2.2, mew=0, alpha=0.4)
    values = [one.assign(low=one["value"], high=one["value"]) for one in dots]
    if choice.measure == "win":
        values.append(pd.DataFrame([{"low": 100 * EQUAL, "value": 100 * EQUAL, "high": 100 * EQUAL}]))
    set_limits(axes, pd.concat([*(line.points for line in lines), *values]), choice.info, None)
    if choice.measure == "win":
        axes.axhline(100 * EQUAL, color=style.GREY, lw=0.7, ls=(0, (1, 1.5)), zorder=1)
    axes.set_ylabel(choice.info.axis)
    name_lines(figure, lines)
    table = pd.concat([*(line.points.assign(group=line.name) for line in lines),
                       *(one.assign(group=line.name) for one, line in zip(dots, lines, strict=True))])  # fmt: skip
    models = count_models(rows, runs, choice, layout)
    notes = [*interval_notes(lines, scale, models), *coverage_notes(single, choice.info)]
    if len(groups) == 1:  # several have their names above
        (name, group), *_ = groups.items()
        notes.append(f"Line: mean over the languages '{name}': {', '.join(map(context.language, group))}.")
    if layout.over:
        notes.append(f"Each point averages over every {' and '.join(map(coordinate_word, layout.over))}.")
    equal = "; dotted: 50, equal to the opponent" if choice.measure == "win" else ""
    notes.append(f"Dots: single languages; dashed: untuned base{equal}.")
    return Drawing(figure, table, notes=notes)
