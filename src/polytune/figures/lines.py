"""Lines of points: a measure against a coordinate, with intervals, the untuned base and chance."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from polytune.analysis.choices import SCORE_COORDINATES, Choice, Layout, choose_runs
from polytune.analysis.context import Context, coordinate_word
from polytune.errors import InputError
from polytune.figures import style
from polytune.figures.axes import Scale, panel_width, set_limits, set_logarithmic_limits, set_ticks
from polytune.figures.labels import LineLabel
from polytune.scores.exposure import EXPOSURES
from polytune.scores.spec import UNTUNED

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

Marks = Literal["curves", "points", "bars"]
PUBLISHED_MARKS = {"ls": "none", "marker": "D", "mfc": "none", "mec": "black", "mew": 0.7, "ms": 3.5, "zorder": 6}


@dataclass(frozen=True)
class Line:
    """A line to draw: its points, its name and how it looks."""

    points: pd.DataFrame
    name: str
    color: str
    marker: str = "o"

    @property
    def base(self) -> pd.DataFrame:
        """Return the points of the untuned base models (usually none or one)."""
        return self.points[self.points["method"] == UNTUNED]

    @property
    def tuned(self) -> pd.DataFrame:
        """Return the points of the tuned models."""
        return self.points[self.points["method"] != UNTUNED]

    @property
    def entering(self) -> pd.Series | None:
        """Return the point at which the line's language enters growing mixtures, if that is after the first model."""
        holds = self.tuned["tuned"].fillna(False).astype(bool) & (self.tuned["added"] != "")
        return None if not holds.any() or holds.iloc[0] else self.tuned[holds].iloc[0]


def make_lines(
    points: pd.DataFrame,
    layout: Layout,
    context: Context,
    among: pd.DataFrame | None = None,
    panels: Collection[str] = ("evaluation",),
) -> list[Line]:
    """Return a line for each evaluation, language and value of `layout.by`, named by what tells them apart.

    `among` are the points of all panels of a page with one value of `panels` in each: then lines look the same in all
    of them. An untuned base that belongs to every line is a grey one. Raises `InputError` if colours do not suffice.
    """
    columns = ["evaluation", "language", *([layout.by] if layout.by else [])]
    elsewhere = (layout.against, *(panels if among is not None else ()))
    columns = [column for column in dict.fromkeys(columns) if column not in elsewhere] or ["aggregate"]
    of_every_line = UNTUNED if layout.by == "method" else ""
    known = list(dict.fromkeys((points if among is None else among)[columns].itertuples(index=False, name=None)))
    if layout.by == "exposure":
        known.sort(key=lambda key: EXPOSURES.index(key[columns.index("exposure")]))
    shared = [key for key in known if layout.by and key[columns.index(layout.by)] == of_every_line]
    coloured = [key for key in known if key not in shared]
    if len(coloured) > len(style.PALETTE):
        raise InputError(f"figure: {len(coloured)} lines are too many for one plot, {len(style.PALETTE)} are readable")
    differing = [place for place in range(len(columns)) if len({key[place] for key in coloured}) > 1]
    groups = {key: part for key, part in points.groupby(columns, sort=False, dropna=False)}
    lines = []
    for key in [key for key in (*coloured, *shared) if key in groups]:
        names = [context.word(columns[place], key[place]) for place in differing if key[place] != of_every_line]
        if key in shared:
            lines.append(Line(groups[key], ", ".join([*names, "base model"]), style.GREY))
            continue
        place = coloured.index(key)
        name = ", ".join(names) or _only_name(groups[key], columns, context)
        lines.append(Line(groups[key], name, style.PALETTE[place], style.MARKERS[place]))
    return lines


def _only_name(points: pd.DataFrame, columns: list[str], context: Context) -> str:
    """Return the name of a line that stands alone: its language, else its evaluation."""
    column = "language" if "language" in columns and points["language"].iloc[0] else "evaluation"
    return context.word(column, points[column].iloc[0])


def draw_lines(
    axes: Axes, lines: list[Line], scale: Scale, choice: Choice, context: Context, marks: Marks = "curves",
    logarithmic: bool = False,
) -> None:  # fmt: skip
    """Draw lines with their intervals, base models as dashed lines, chance, and where a language enters.

    Curves need a scale of numbers; along words they are points. Points may have a column `published`: values to stand
    beside the measured ones. `logarithmic` is said of the values.
    """
    import pandas as pd

    width, info = panel_width(axes), choice.info
    marks = "points" if marks == "curves" and scale.words else marks
    # or the intervals hide each other; what belongs to one word stands together
    step = (0.8 if marks == "bars" else 0.6) / len(lines) if scale.apart else 0.012 * scale.span
    # where bases without a place stand: several beside words have a place to themselves
    crowded = bool(scale.words) and len(lines) > 1
    edge, apart = (scale.edge - 0.45, 0.09) if crowded else (scale.edge, 0.012 * scale.span)
    for place, line in enumerate(lines):
        tuned, color = line.tuned, line.color
        beside = step * (place - (len(lines) - 1) / 2)
        x = scale.places(tuned[scale.column])
        if marks == "curves":
            axes.fill_between(x, tuned["low"], tuned["high"], color=color, alpha=style.BAND_OPACITY, lw=0)
            size = min(3.0, 0.8 * width / max(len(tuned), 1))
            axes.plot(x, tuned["value"], color=color, marker=line.marker, mew=0, ms=size)
        else:
            _draw_marks(axes, tuned, [value + beside for value in x], line, marks, step, bool(scale.words))
        if "published" in tuned:
            beside = 0.0 if marks == "curves" else beside
            axes.plot([value + beside for value in x], tuned["published"], **PUBLISHED_MARKS)
        left = edge + apart * (place - (len(lines) - 1) / 2)
        x = [left if math.isnan(value) else value + beside for value in scale.places(line.base[scale.column])]
        _draw_marks(axes, line.base, x, line, "base", step)
        for value in line.base["value"] if len(line.base) == 1 else ():
            axes.axhline(value, color=color, ls=(0, (4, 2)), lw=0.8)
        entry = line.entering
        if entry is not None:
            axes.plot(entry[scale.column], entry["value"], "s", color="black", ms=4.5, zorder=5)
    points = pd.concat([line.points for line in lines])
    if logarithmic:
        set_logarithmic_limits(axes, points)
    else:
        set_limits(axes, points, info, chance_of(points, choice, context), zero=marks == "bars")
    unplaced = points[scale.column].isin(["", math.nan]).any()
    set_ticks(axes, scale, width, unplaced, [context.word(scale.column, word) for word in scale.words])
    for between in scale.numbers[1:] if crowded and marks != "bars" else ():
        axes.axvline(between - 0.5, color=style.GREY, alpha=0.25, lw=0.5, zorder=0)
    if crowded and unplaced:
        axes.set_xlim(left=edge - apart * len(lines) / 2 - 0.15)
    axes.set_xlabel(x_label(lines, scale.column))


def _draw_marks(
    axes: Axes, points: pd.DataFrame, x: list[float], line: Line, marks: str, width: float, words: bool = False
) -> None:
    """Draw points or bars with their intervals; those of base models are open."""
    arms = [points["value"] - points["low"], points["high"] - points["value"]]
    looks = {"color": line.color, "lw": 0.8, "capsize": 1.5}
    if marks == "bars":
        axes.bar(x, points["value"], 0.9 * width, color=line.color, alpha=0.75, lw=0)
        axes.errorbar(x, points["value"], arms, ls="none", **{**looks, "color": "black"})
    elif len(points):
        open_marker = {"mfc": "white", "mew": 0.8} if marks == "base" else {"mew": 0}
        joined = "-" if marks == "points" and not words else "none"
        axes.errorbar(x, points["value"], arms, ls=joined, marker=line.marker, **looks, **open_marker)


def chance_of(points: pd.DataFrame, choice: Choice, context: Context) -> float | None:
    """Return the one chance of all evaluations shown, in the measure's unit; None if they differ or it has none."""
    info = choice.info
    shown = points[["evaluation", "origin"]].drop_duplicates().itertuples(index=False)
    chances = {context.evaluation(*evaluation).chance for evaluation in shown}
    return info.scale * chances.pop() if info.has_chance and len(chances) == 1 else None


def x_label(lines: list[Line], column: str) -> str:
    """Return the label of the coordinate; where the untuned base has a number of its own, it is named."""
    if column == "n_languages" and any(len(line.base) for line in lines):
        return "languages tuned on (0: base model)"
    return coordinate_word(column)


def line_labels(lines: list[Line], scale: Scale) -> list[LineLabel]:
    """Return the names of the lines and of their base models, at the right ends of both."""
    labels, single = [], len(lines) == 1
    for line in lines:
        if len(line.tuned):
            last = line.tuned.iloc[-1]
            name = "tuned models" if single else line.name
            labels.append(LineLabel(name, scale.places([last[scale.column]])[0], last["value"], line.color))
        for value in line.base["value"] if len(line.base) == 1 else ():
            name = "base model" if single else f"{line.name}, base" if len(line.tuned) else line.name
            labels.append(LineLabel(name, scale.numbers[-1], value, line.color, style="italic"))
    return labels


def count_models(scores: pd.DataFrame, runs: pd.DataFrame, choice: Choice, layout: Layout) -> int:
    """Return how many tuned models stand behind the points of `scores`; one for all languages (`own`) counts once."""
    chosen = choose_runs(runs, choice)
    chosen = chosen[(chosen["method"] != UNTUNED) & chosen["run"].isin(scores["run"])]
    if layout.against in chosen:
        chosen = chosen[chosen[layout.against].notna() & (chosen[layout.against] != "")]
    return chosen["run"].nunique()


def interval_notes(lines: list[Line], scale: Scale, models: int, named: bool = True) -> list[str]:
    """Return what the footer says: intervals, number of `models` and items, what the signs are.

    `named` says that the names of lines and base models stand beside them.
    """
    import pandas as pd

    points = pd.concat([line.tuned if len(line.tuned) else line.points for line in lines])
    seeds, worlds = sorted(set(map(int, points["seeds"]))), int(points["worlds"].max())
    counts = f"{seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else f"{seeds[0]}"
    over = ["items", *[f"{counts} seeds"] * (seeds[-1] > 1), *[f"{worlds} worlds"] * (worlds > 1)]
    items = sorted({int(count) for line in lines for count in line.points["items"] if count})
    counted = f"{items[0]:,}" if len(items) == 1 else f"{items[0]:,} to {items[-1]:,}"
    facts = [f"95 % interval over {' and '.join(over)}"]
    facts += [f"{models} tuned model{'s' * (models != 1)}"] * (scale.column not in SCORE_COORDINATES)
    notes = [f"Bands, bars: {'; '.join(facts)}; {counted} item{'s' * (items != [1])} each."]
    without = points[points["low"].isna()]
    if (without["items"] == 1).any():
        notes.append("No interval where there is a single item.")
    if (without["items"] != 1).any():
        notes.append("No interval over languages where translated items were imported without samples.")
    signs = []
    if not named or scale.words:
        signs += ["dashed: base model"] * any(len(line.base) == 1 for line in lines)
        signs += ["open: base model"] * any(len(line.base) > 1 for line in lines)
        signs += ["black diamonds: published"] * any("published" in line.points for line in lines)
    if any(line.entering is not None for line in lines):
        signs.append("black square: first model tuned on the language itself")
    return notes + ["; ".join(signs).capitalize() + "."] * bool(signs)


def plotted(lines: Iterable[Line]) -> pd.DataFrame:
    """Return the plotted numbers of all lines, in the measure's unit."""
    import pandas as pd

    return pd.concat([line.points for line in lines], ignore_index=True)
