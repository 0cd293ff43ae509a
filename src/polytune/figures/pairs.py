"""One measure beside another: length beside score, for one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from polytune.analysis.choices import Choice, Layout
from polytune.analysis.context import Context
from polytune.analysis.groups import choose_units
from polytune.analysis.points import coverage_notes, select_points
from polytune.config.kinds import Coordinate, Evaluation, Language, Measure
from polytune.errors import InputError
from polytune.figures import style
from polytune.figures.accuracy import label_page, letter, panel_page, write_legend
from polytune.figures.drawing import Drawing

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from polytune.analysis.items import Items

KEYS = ["evaluation", "language", "origin", "model"]
ENDS = ("", "_beside")
FEWEST = 4
"""Points without which no correlation is written."""


def draw_pairs(
    scores: pd.DataFrame,
    runs: pd.DataFrame,
    context: Context,
    items: Items,
    choice: Choice,
    benchmark: Evaluation,
    beside: Measure = "answer_characters",
    by: Coordinate = "family",
    languages: list[Language] | None = None,
    panels: Literal["evaluation", "language"] = "language",
) -> Drawing:
    """Draw `measure` against the measure `beside` it: a dot for each model, a panel for each language.

    `panels: evaluation` has one panel, of means over the languages. Judges score languages differently, so that dots of
    different languages say nothing about each other.
    """
    across = replace(choice, measure=beside, judge=None, protocol=None, opponent=None, total_of=None)
    layout = Layout("model", by)
    both = []
    for one in (choice, across):
        rows = choose_units(
            scores, context, items, one, (panels,), [benchmark], languages, "mean" if languages else None
        )
        both.append(select_points(rows, runs, one, layout))
    points = both[0].merge(both[1], on=[*KEYS, by], suffixes=ENDS)
    if points.empty:
        raise InputError(f"beside: no model has both {choice.measure} and {beside}")
    pages = list(languages) if languages and panels == "language" else list(dict.fromkeys(points[panels]))
    names = list(dict.fromkeys(points[by]))
    if len(names) > len(style.PALETTE) + 1:
        raise InputError(f"figure: {len(names)} colours are too many, {len(style.PALETTE)} are readable")
    figure, axes = panel_page(len(pages), 1.7, across=3 if len(pages) in (3, 6) else 4)
    coloured = [name for name in names if name != ""]
    looks = {name: (style.PALETTE[place], style.MARKERS[place]) for place, name in enumerate(coloured)}
    looks[""] = (style.GREY, "o")
    models = []
    for place, page in enumerate(pages):
        here = points[points[panels] == page]
        for name, own in here.groupby(by, sort=False):
            color, marker = looks[name]
            arms = [own["value"] - own["low"], own["high"] - own["value"]]
            flat = [own["value_beside"] - own["low_beside"], own["high_beside"] - own["value_beside"]]
            axes[place].errorbar(own["value_beside"], own["value"], arms, flat, fmt=marker, color=color, mew=0, ms=3.5,
                                 lw=0.5, alpha=0.85)  # fmt: skip
        models.append(_once(here))
        title = f"({letter(place)}) {context.word(panels, page)}"
        axes[place].set_title("\n".join(filter(None, (title, _correlation(models[-1])))), loc="left", fontsize=6.5)
    label_page(axes, len(pages), choice.info.axis, across.info.axis)
    _name(figure, {name or "base model": looks[name] for name in names})
    counts = " to ".join(map(str, sorted({min(map(len, models)), max(map(len, models))})))
    notes = [
        f"A dot is a model, its bars the 95 % intervals over prompts. r over the {counts} models of a panel, each "
        "once, with Fisher's 95 % interval, which takes models on one base and set of prompts as independent."
    ]
    return Drawing(figure, points, notes=[*notes, *coverage_notes(points, choice.info)])


def _once(points: pd.DataFrame) -> pd.DataFrame:
    """Return each model once: a run of two families has the same base, method and values with the same errors twice."""
    measured = [f"{name}{end}" for name in ("value", "stderr") for end in ENDS]
    return points.drop_duplicates(["base", "method", *measured])


def _correlation(points: pd.DataFrame) -> str:
    """Return Pearson's r of the two measures over the models with its interval; nothing where there are few."""
    from polytune.analysis.statistics import fisher_interval, pearson

    if len(points) < FEWEST:
        return ""
    r = pearson(points[["value_beside"]].to_numpy(), points["value"].to_numpy())
    low, high = (end[0] for end in fisher_interval(r, len(points)))
    return "" if r[0] != r[0] else f"r = {r[0]:.2f} [{low:.2f}, {high:.2f}]".replace("-", "−")


def _name(figure: Figure, looks: dict[str, tuple[str, str]]) -> None:
    """Name the colours above the page."""
    from matplotlib.lines import Line2D

    signs = [Line2D([], [], color=color, marker=marker, mew=0, ls="none", label=name)
             for name, (color, marker) in looks.items()]  # fmt: skip
    write_legend(figure, signs)
