"""Differences from a reference with their intervals, a panel for each benchmark (and language, base, judge)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from polytune.analysis.choices import Choice, Contrast, Mean
from polytune.analysis.context import Context
from polytune.analysis.groups import choose_units
from polytune.config.kinds import Evaluation, Language
from polytune.errors import InputError
from polytune.figures import style
from polytune.figures.accuracy import letter, panel_page
from polytune.figures.drawing import Drawing

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from polytune.analysis.items import Items

MOST = 16
"""More panels than these do not fit on a page."""
FALSE_DISCOVERIES = 0.05
"""Share of false discoveries at which a marker is filled."""


def draw_comparison(
    scores: pd.DataFrame,
    runs: pd.DataFrame,
    context: Context,
    items: Items,
    choice: Choice,
    contrast: Contrast,
    benchmarks: list[Evaluation] | None = None,
    languages: list[Language] | None = None,
    mean: Mean = "mean",
    test_over: Literal["runs", "items"] = "items",
) -> Drawing:
    """Draw each model's difference from the reference with its 95 % interval, as the table of the same name has it."""
    from polytune.analysis.contrasts import EVERY, LINE, compare_items, compare_runs, contrast_rows

    told = ("language",) if languages is not None else ()
    units = choose_units(scores, context, items, choice, told, benchmarks, languages, mean)
    rows = contrast_rows(units, runs, choice, contrast)
    if test_over == "runs":
        data = compare_runs(rows, contrast, choice.measure)
    else:
        data = compare_items(rows, contrast, choice.measure, items, context)
    columns = [column for column in LINE if column in data and column not in ("origin", "aggregate")]
    panels = list(data.groupby(columns, sort=False))
    if len(panels) > MOST:
        raise InputError(f"benchmarks: {len(panels)} are too many panels; choose up to {MOST}, or fewer 'languages'")
    named = [column for column in columns[1:] if data[column].nunique() > 1]
    models = list(dict.fromkeys(data[contrast.against]))
    across = 2 if len(panels) == 4 else 3
    figure, axes = panel_page(len(panels), 0.45 + 0.13 * len(models), across)
    for place, (key, part) in enumerate(panels):
        line = dict(zip(columns, key, strict=True))
        title = "mean of the benchmarks" if line["evaluation"] == EVERY else context.title(line["evaluation"])
        title = ", ".join([title, *(context.word(column, line[column]) for column in named)])
        _draw_panel(axes[place], part, contrast.against, models, first=place % across == 0)
        axes[place].set_title(f"({letter(place)}) {title}" if len(panels) > 1 else title, loc="left", fontsize=6.5)
        axes[place].set_xlabel(
            f"{choice.info.axis}, beyond {contrast.reference}" if place + across >= len(panels) else ""
        )
    better = "" if choice.info.higher_is_better else f" Lower {choice.info.label} is better."
    notes = [
        f"Bars: 95 % interval over {test_over}; filled: false-discovery rate of at most {FALSE_DISCOVERIES:g} over all "
        f"differences shown.{better}"
    ]
    if test_over == "runs":
        notes.append(f"Runs {contrast.pairing}.")
    return Drawing(figure, data, notes=notes)


def _draw_panel(axes: Axes, part: pd.DataFrame, column: str, models: list[str], first: bool) -> None:
    """Draw the differences of one panel, the first model above."""
    axes.axvline(0.0, color=style.GREY, lw=0.7, ls=(0, (4, 2)), zorder=1)
    for row in part.to_dict("records"):
        place = models.index(row[column])
        found = row["q"] <= FALSE_DISCOVERIES
        colour = style.GREY if not found else style.PALETTE[0] if row["difference"] > 0 else style.PALETTE[1]
        axes.plot([row["low"], row["high"]], [place, place], color=colour, lw=1.0, solid_capstyle="butt")
        axes.plot(row["difference"], place, "o", color=colour, mfc=colour if found else "white", ms=3.2, mew=0.8)
    axes.set_ylim(len(models) - 0.5, -0.5)
    axes.set_yticks(range(len(models)), models if first else [""] * len(models))
    axes.tick_params(axis="y", length=0)
    axes.grid(True, axis="x")
    axes.grid(False, axis="y")
