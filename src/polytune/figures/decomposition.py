"""What of the difference between models is language and what is quality, as bars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from polytune.analysis.choices import Choice, Layout, choose_scores
from polytune.analysis.context import Context
from polytune.analysis.decomposition import PARTS, difference_scores
from polytune.analysis.points import coverage_notes, select_points
from polytune.config.kinds import Evaluation, Family, Language
from polytune.errors import InputError
from polytune.figures import style
from polytune.figures.accuracy import letter, model_note, panel_page, write_legend
from polytune.figures.drawing import Drawing

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from polytune.analysis.items import Items

MEAN = "mean"
COLORS = dict(zip(PARTS, (style.PALETTE[0], style.PALETTE[1], "black"), strict=True))


def draw_decomposition(
    scores: pd.DataFrame,
    runs: pd.DataFrame,
    context: Context,
    items: Items,
    choice: Choice,
    benchmark: Evaluation,
    reference: Family | Literal["base"],
    languages: list[Language] | None = None,
) -> Drawing:
    """Draw for each family the parts of its difference from `reference` (a family, or `base`) as stacked bars.

    A bar for each of `languages` (by default all), one for their mean; a dot with its interval is the whole difference.
    """
    import pandas as pd

    if choice.measure != "rating_in_language":
        raise InputError("measure: only rating_in_language is a product of quality and language")
    languages = languages or list(dict.fromkeys(choose_scores(scores, choice, [benchmark])["language"]))
    rows = difference_scores(scores, runs, items, choice, benchmark, reference, languages)
    tables = []
    for part in PARTS:
        own = rows[rows["part"] == part]
        single = select_points(own[own["aggregate"] == ""], runs, choice, Layout("language", "family"))
        mean = select_points(own[own["aggregate"] != ""], runs, choice, Layout("family"))
        tables += [single.assign(part=part), mean.assign(part=part, language=MEAN)]
    points = pd.concat(tables, ignore_index=True)
    names = list(dict.fromkeys(points["family"]))
    places = {language: -place for place, language in enumerate([*languages, MEAN])}
    figure, axes = panel_page(len(names), 0.2 * len(places) + 0.75, across=3)
    for place, name in enumerate(names):
        _draw_bars(axes[place], points[points["family"] == name], places)
        left = place % 3 == 0
        axes[place].set_yticks(list(places.values()), [context.language(code) for code in places] if left else [])
        axes[place].set_title(f"({letter(place)}) {name} − {reference}", loc="left", fontsize=6.5)
        axes[place].set_xlabel(f"difference in {choice.info.axis}" if place + 3 >= len(names) else "")
    ends = [axes[place].get_xlim() for place in range(len(names))]  # the same length is the same difference
    for place in range(len(names)):
        axes[place].set_xlim(min(low for low, _ in ends), max(high for _, high in ends))
    handles = [axes[0].barh(0, 0, color=COLORS[part], alpha=0.75, label=part) for part in PARTS[:2]]
    write_legend(figure, handles)
    notes = ["Bars: what of the difference comes from answering in the right language, and what from the rating. "
             "Dots: the whole difference with its 95 % interval over prompts."]  # fmt: skip
    notes.append(model_note(runs, choice))
    return Drawing(figure, points, notes=[*notes, *coverage_notes(points, choice.info)])


def _draw_bars(axes: Axes, points: pd.DataFrame, places: dict[str, int]) -> None:
    """Draw the parts of each language beside zero, those of the same sign one after the other."""
    for language, own in points.groupby("language", sort=False):
        y, value = places[language], own.set_index("part")["value"]
        ends = {True: 0.0, False: 0.0}
        for part in PARTS[:2]:
            positive = bool(value[part] > 0)
            axes.barh(y, value[part], 0.7, left=ends[positive], color=COLORS[part], alpha=0.75, lw=0)
            ends[positive] += value[part]
        whole = own[own["part"] == PARTS[2]].iloc[0]
        arms = [[whole["value"] - whole["low"]], [whole["high"] - whole["value"]]]
        axes.errorbar(whole["value"], y, xerr=arms, fmt="o", ms=2.5, color="black", lw=0.8, capsize=1.5)
    axes.axvline(0, color="black", lw=0.6)
    axes.axhline(places[MEAN] + 0.5, color=style.GREY, lw=0.5, ls=":")
    axes.grid(True, axis="x")
    axes.grid(False, axis="y")
    axes.tick_params(axis="y", length=0)
