"""Gains over models that were tuned on one language each."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from polytune.analysis.choices import Choice, Layout
from polytune.analysis.context import Context
from polytune.analysis.gains import ALL, gain_scores
from polytune.analysis.points import coverage_notes, select_points
from polytune.analysis.published import published_source, read_published_values
from polytune.config.kinds import Coordinate, Evaluation, Family, Language, Published
from polytune.errors import InputError
from polytune.figures import style
from polytune.figures.accuracy import label_page, letter, panel_page, write_legend
from polytune.figures.drawing import Drawing

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from polytune.analysis.items import Items


def draw_gains(
    scores: pd.DataFrame,
    runs: pd.DataFrame,
    context: Context,
    items: Items,
    published_folder: Path,
    choice: Choice,
    benchmark: Evaluation,
    reference: Family,
    by: Coordinate = "family",
    languages: list[Language] | None = None,
    published: Published | None = None,
) -> Drawing:
    """Draw the gain of each mixture over each model of `reference`, in percent: a panel for each base.

    A row for each language that a model of the reference is tuned on, and one for the mean of these models. `published`
    holds one largest gain that a paper printed (column `value`); it is drawn at full scale.
    """
    import pandas as pd

    rows = gain_scores(scores, runs, items, choice, benchmark, reference, languages)
    over = list(dict.fromkeys(rows["over"]))
    tables = [
        select_points(rows[rows["over"] == code], runs, choice, Layout("base", by)).assign(over=code) for code in over
    ]
    points = pd.concat(tables, ignore_index=True)
    names, bases = (list(dict.fromkeys(points[column])) for column in (by, "base"))
    if len(names) > len(style.PALETTE):
        raise InputError(f"figure: {len(names)} colours are too many, {len(style.PALETTE)} are readable")
    figure, axes = panel_page(len(bases), 0.32 * len(over) + 0.6, across=3)
    printed, said = _published(context, published and published_folder / published)
    low, high = min(points["low"].min(), 0), max(points["high"].max(), 0, *printed)
    room = 0.05 * (high - low or 1)
    for place, base in enumerate(bases):
        axes[place].set_xlim(low - room, high + room)
        _draw_rows(axes[place], points[points["base"] == base], by, names, over)
        words = [f"the mean of {ALL}" if code == ALL else f"{context.language(code)} alone" for code in over]
        axes[place].set_yticks([-row for row in range(len(over))], words if place % 3 == 0 else [])
        axes[place].set_title(f"({letter(place)}) {base}", loc="left", fontsize=6.5)
    label_page(axes, len(bases), "", f"gain in {choice.info.label} (%)")
    write_legend(figure, [_sign(place, name) for place, name in enumerate(names)])
    notes = ["Gain over models tuned on one language, taken in each language and averaged; bars: 95 % interval over "
             "prompts."]  # fmt: skip
    for value in printed:
        for one in axes[: len(bases)]:
            one.axvline(value, color="black", lw=0.8, ls=(0, (4, 2)))
    return Drawing(figure, points, notes=[*notes, *coverage_notes(points, choice.info), *said])


def _draw_rows(axes: Axes, points: pd.DataFrame, by: str, names: list[str], over: list[str]) -> None:
    """Draw the points of a panel, those of one row below each other."""
    step = 0.75 / len(names)
    for place, name in enumerate(names):
        own = points[points[by] == name]
        y = [-over.index(code) - step * (place - (len(names) - 1) / 2) for code in own["over"]]
        arms = [own["value"] - own["low"], own["high"] - own["value"]]
        axes.errorbar(
            own["value"], y, xerr=arms, color=style.PALETTE[place], fmt=style.MARKERS[place], ms=3, mew=0, lw=0.8
        )
    axes.axvline(0, color="black", lw=0.6)
    for row in range(1, len(over)):
        axes.axhline(0.5 - row, color=style.GREY, lw=0.4, ls=":")
    axes.set_ylim(0.5 - len(over), 0.5)
    axes.grid(True, axis="x")
    axes.grid(False, axis="y")
    axes.tick_params(axis="y", length=0)


def _sign(place: int, name: str):
    from matplotlib.lines import Line2D

    return Line2D([], [], color=style.PALETTE[place], marker=style.MARKERS[place], mew=0, ls="none", label=name)


def _published(context: Context, path: Path | None) -> tuple[list[float], list[str]]:
    """Return the gain that a paper printed, if it belongs beside those measured, and what must be said of it."""
    if path is None:
        return [], []
    value, source = float(read_published_values(path)["value"].iloc[0]), published_source(path)
    if context.scale != "full":
        return [], [f"{source}: published values belong to scale full; the comparison does not apply here."]
    return [value], [f"Dashed: the largest gain in {source}, {value:g} %."]
