"""Accuracy against the number of languages: Lucky 52's figures 1 to 4 (arXiv 2404.04850)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from polytune.analysis.exposure import EXPOSURES
from polytune.config.settings import table_row
from polytune.errors import InputError, nearest
from polytune.figures import style
from polytune.figures.axes import name_added, panel_width, set_limits, set_ticks
from polytune.figures.drawing import Drawing
from polytune.figures.labels import LineLabel
from polytune.figures.series import entering_point, exposure_of, select_line
from polytune.figures.titles import title_of
from polytune.languages.codes import language

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

MEANS = {"mean": "mean over languages", "group": "mean over items"}
X_LABEL = "languages tuned on (0: base model)"


@dataclass(frozen=True)
class Line:
    """A line to draw: its points, its name and how it looks."""

    points: pd.DataFrame
    name: str
    color: str
    marker: str = "o"

    @property
    def base(self) -> pd.DataFrame:
        """Return the point of the untuned base model (none or one row)."""
        return self.points[self.points["n_languages"] == 0]

    @property
    def tuned(self) -> pd.DataFrame:
        """Return the points of the tuned models."""
        return self.points[self.points["n_languages"] > 0]


def draw_means(scores: pd.DataFrame, benchmarks: list[str], mean: str = "mean") -> Drawing:
    """Draw the mean accuracy of each benchmark (figure 1a).

    `mean` is the plain mean over languages, or `group`: weighted by items, which is the harness's group score.
    """
    if mean not in MEANS:
        raise InputError(f"figure: mean is '{mean}'{nearest(mean, MEANS)}; allowed: {', '.join(MEANS)}")
    lines = _lines([(benchmark, mean, title_of(benchmark)) for benchmark in benchmarks], scores)
    figure, (axes,) = style.new_figure(style.PAGE, 0.45 * style.PAGE)
    draw_lines(axes, lines)
    axes.set_ylabel(f"accuracy, {MEANS[mean]} (%)")
    name_added(axes, lines[0].points, panel_width(axes))
    return Drawing(figure, _table(lines), [(axes, _labels(lines))], _notes(lines))


def draw_languages(
    scores: pd.DataFrame, benchmark: str, languages: list[str] | None = None, exposure: str | None = None
) -> Drawing:
    """Draw the accuracy of one or more languages of a benchmark (figures 1b to 4b).

    The languages are listed, or those of an exposure group; where both are given, each listed one must be in the group.
    """
    chosen = find_languages(scores, benchmark, languages, exposure)
    lines = _lines([(benchmark, code, language(code).name) for code in chosen], scores)
    figure, (axes,) = style.new_figure(style.COLUMN, 0.72 * style.COLUMN)
    draw_lines(axes, lines)
    axes.set_ylabel("accuracy (%)")
    single = f"{lines[0].name}, {title_of(benchmark)}{_entry(lines[0])}"
    axes.set_title(single if len(lines) == 1 else title_of(benchmark), loc="left")
    return Drawing(figure, _table(lines), [(axes, _labels(lines))], _notes(lines))


def draw_exposure(scores: pd.DataFrame, exposure: str, benchmarks: list[str]) -> Drawing:
    """Draw a panel for every language of an exposure group, over several benchmarks (figures 2, 3 and 4 as a page)."""
    lines = []
    for benchmark, color in zip(benchmarks, style.PALETTE, strict=False):
        for code in find_languages(scores, benchmark, None, exposure, allow_none=True):
            lines.append(Line(select_line(scores, benchmark, code), language(code).name, color))
    if not lines:
        raise InputError(f"figure: no language of {', '.join(benchmarks)} is in the exposure group '{exposure}'")
    columns = min(len(lines), 4)
    rows = math.ceil(len(lines) / columns)
    width = style.PAGE if columns > 2 else 0.5 * columns * style.PAGE
    figure, axes = style.new_figure(width, 1.55 * rows + 0.3, rows, columns)
    for place, line in enumerate(lines):
        draw_lines(axes[place], [line])
        axes[place].set_ylabel("accuracy (%)" if place % columns == 0 else "")
        axes[place].set_xlabel("languages tuned on" if place >= columns * (rows - 1) else "")
        title = f"({chr(ord('a') + place)}) {line.name}, {title_of(line.points['benchmark'].iloc[0])}"
        axes[place].set_title(title, loc="left", fontsize=6.5)
    for unused in axes[len(lines) :]:
        unused.set_visible(False)
    return Drawing(figure, _table(lines), [], _notes(lines, base_line=True))


def find_languages(
    scores: pd.DataFrame,
    benchmark: str,
    languages: list[str] | None,
    exposure: str | None,
    allow_none: bool = False,
) -> list[str]:
    """Return the languages to draw; raises `InputError` if one is not in the exposure group that was named."""
    if exposure not in (None, *EXPOSURES):
        raise InputError(
            f"figure: exposure is '{exposure}'{nearest(exposure, EXPOSURES)}; allowed: {', '.join(EXPOSURES)}"
        )
    if languages is None and exposure is None:
        raise InputError("figure: one of the options 'languages' and 'exposure' is needed")
    groups = exposure_of(scores, benchmark)
    chosen = languages or [code for code, group in groups.items() if group == exposure]
    for code in chosen:
        if code in groups and exposure not in (None, groups[code]):
            raise InputError(f"figure: {benchmark}: '{code}' is in exposure group '{groups[code]}', not '{exposure}'")
    if not chosen and not allow_none:
        raise InputError(f"figure: no language of {benchmark} is in the exposure group '{exposure}'")
    return chosen


def draw_lines(axes: Axes, lines: list[Line]) -> None:
    """Draw lines with their bands, the base model as a dashed line, chance, and where a language enters."""
    import pandas as pd

    width = panel_width(axes)
    for place, line in enumerate(lines):
        tuned, color = line.tuned, line.color
        beside = 0.012 * tuned["n_languages"].max() * (place - (len(lines) - 1) / 2)  # or the bars hide each other
        axes.fill_between(
            tuned["n_languages"], tuned["low"], tuned["high"], color=color, alpha=style.BAND_OPACITY, lw=0
        )
        size = min(3.0, 0.8 * width / len(tuned))
        axes.plot(tuned["n_languages"], tuned["accuracy"], color=color, marker=line.marker, mew=0, ms=size)
        for point in line.base.itertuples():
            axes.axhline(point.accuracy, color=color, ls=(0, (4, 2)), lw=0.8)
            arms = [[point.accuracy - point.low], [point.high - point.accuracy]]
            looks = {"c": color, "marker": line.marker, "mfc": "white", "mew": 0.8, "lw": 0.8, "capsize": 1.5}
            axes.errorbar(beside, point.accuracy, arms, **looks)
        entry = _entering(line)
        if entry is not None:
            axes.plot(entry["n_languages"], entry["accuracy"], "s", color="black", ms=4.5, zorder=5)
    points = pd.concat([line.points for line in lines])
    chances = {float(table_row("benchmarks", name, "figure")["chance"]) for name in points["benchmark"]}
    set_limits(axes, points, 100 * chances.pop() if len(chances) == 1 else None)
    set_ticks(axes, sorted(set(points["n_languages"])), width)
    axes.set_xlabel(X_LABEL)


def _lines(wanted: list[tuple[str, str, str]], scores: pd.DataFrame) -> list[Line]:
    """Return a line for each (benchmark, language or mean, name); raises `InputError` if colours do not suffice."""
    if len(wanted) > len(style.PALETTE):
        raise InputError(f"figure: {len(wanted)} lines are too many for one plot, {len(style.PALETTE)} are readable")
    return [
        Line(select_line(scores, benchmark, code), name, color, marker)
        for (benchmark, code, name), color, marker in zip(wanted, style.PALETTE, style.MARKERS, strict=False)
    ]


def _entering(line: Line) -> pd.Series | None:
    """Return the point at which the line's language enters, if that is after the first model."""
    entry = entering_point(line.points)
    return None if entry is None or entry["n_languages"] == line.tuned["n_languages"].min() else entry


def _entry(line: Line) -> str:
    """Return when the line's language enters, in words."""
    code, entry = line.points["language"].iloc[0], _entering(line)
    if entry is None or entry["added"] != code:
        return ""
    return f"; added as language {entry['n_languages']}"


def _labels(lines: list[Line]) -> list[LineLabel]:
    """Return the names of the lines and of their base models, at the right ends of both."""
    labels, single = [], len(lines) == 1
    for line in lines:
        last = line.points.iloc[-1]
        name = "tuned models" if single else line.name
        labels.append(LineLabel(name, last["n_languages"], last["accuracy"], line.color))
        for point in line.base.itertuples():
            name = "base model" if single else f"{line.name}, base"
            labels.append(LineLabel(name, last["n_languages"], point.accuracy, line.color, style="italic"))
    return labels


def _notes(lines: list[Line], base_line: bool = False) -> list[str]:
    """Return what the footer says: intervals, number of models and items, what the square is."""
    points = lines[0].tuned
    seeds = int(points["seeds"].max())
    items = sorted({count for line in lines for count in line.points["items"]})
    over = "items" + f" and {seeds} seeds" * (seeds > 1)
    counted = f"{items[0]:,}" if len(items) == 1 else f"{items[0]:,} to {items[-1]:,}"
    notes = [f"Bands, bars: 95 % interval over {over}; {len(points)} tuned models; {counted} items each."]
    signs = ["dashed: base model"] if base_line else []
    if any(_entering(line) is not None for line in lines):
        signs.append("black square: first model tuned on the language itself")
    return notes + ["; ".join(signs).capitalize() + "."] * bool(signs)


def _table(lines: list[Line]) -> pd.DataFrame:
    """Return the plotted numbers of all lines, in percent."""
    import pandas as pd

    return pd.concat([line.points for line in lines], ignore_index=True)
