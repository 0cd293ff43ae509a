"""Which language is answered in: asked language against answered language, a panel for each model or mixture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from polytune.analysis.choices import RunChoice
from polytune.analysis.context import Context, coordinate_word
from polytune.analysis.languages import OTHER, UNKNOWN, language_shares
from polytune.config.kinds import Coordinate, Evaluation, Language
from polytune.figures import style
from polytune.figures.accuracy import letter, model_note
from polytune.figures.drawing import Drawing

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

CELL = 0.17
"""Side of a cell, inches."""
AROUND = 0.85
"""Inches that the names of the languages and the title of a panel need."""
WORDS = {OTHER: "other", UNKNOWN: "unclear"}


def draw_confusion(
    scores: pd.DataFrame,
    runs: pd.DataFrame,
    context: Context,
    confusion: pd.DataFrame,
    choice: RunChoice,
    benchmark: Evaluation,
    languages: list[Language] | None = None,
    panels: Coordinate = "model",
) -> Drawing:
    """Draw the share of answers in each language, of the questions of one, as a heatmap.

    Runs that share the value of `panels` are pooled. `languages` are those asked, by default all.
    """
    shares = language_shares(confusion, runs, choice, benchmark, languages, panels)
    names = list(dict.fromkeys(shares["panel"]))
    asked, answered = (list(dict.fromkeys(shares[column])) for column in ("language", "answered"))
    across = max(1, min(len(names), int(style.PAGE / (CELL * len(answered) + AROUND))))
    down = -(-len(names) // across)
    width = max(style.COLUMN, across * (CELL * len(answered) + AROUND))
    figure, axes = style.new_figure(min(width, style.PAGE), down * (CELL * len(asked) + AROUND), down, across)
    for unused in axes[len(names) :]:
        unused.set_visible(False)
    for place, name in enumerate(names):
        here = shares[shares["panel"] == name]
        values = here.pivot(index="language", columns="answered", values="share").loc[asked, answered]
        draw_cells(axes[place], 100 * values, low=0.0, high=100.0)
        axes[place].set_xticks(range(len(answered)), [WORDS.get(code, code) for code in answered], rotation=90)
        axes[place].set_yticks(range(len(asked)), asked)
        number = f"({letter(place)}) " if len(names) > 1 else ""
        axes[place].set_title(number + _panel_title(panels, name, context), loc="left", fontsize=6.5)
        axes[place].set_ylabel("asked in" if place % across == 0 else "")
        axes[place].set_xlabel("answered in" if place + across >= len(names) else "")
    runs_of = shares.groupby("panel")["runs"].max()
    pooled = f"; up to {runs_of.max()} runs of the same {coordinate_word(panels)} together" if runs_of.max() > 1 else ""
    notes = [f"Percent of the answers to questions in a language (rows){pooled}.",
             "Unclear: an answer of no language, or of one that cannot be told.", model_note(runs, choice)]  # fmt: skip
    return Drawing(figure, shares, notes=notes)


def _panel_title(column: str, value: Any, context: Context) -> str:
    """Return what a panel shows; a number alone would not say what it counts."""
    if value in ("", None):
        return "base model"
    word = context.word(column, value)
    return f"{coordinate_word(column)}: {word}" if word.replace(".", "").isdigit() else word


def draw_cells(axes: Axes, values: pd.DataFrame, low: float, high: float) -> None:
    """Draw a table of numbers as coloured cells with whole numbers in them: white at `low`, grey without."""
    from numpy import ndenumerate

    cells = values.to_numpy()
    axes.imshow(cells, cmap="Blues", vmin=low, vmax=high, aspect="equal")
    for (row, column), value in ndenumerate(cells):
        if value >= 0.5:  # not where nothing was measured, either
            dark = value > low + 0.6 * (high - low)
            axes.text(column, row, f"{value:.0f}", ha="center", va="center", fontsize=5,
                      color="white" if dark else "black")  # fmt: skip
    axes.set_facecolor("#D8D8D8")
    axes.grid(False)
    axes.spines[["top", "right"]].set_visible(True)
    axes.tick_params(length=0)
