"""Models tuned on two languages beside the models tuned on one of them, in the languages that none of them saw."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polytune.analysis.choices import Choice, Layout, choose_runs, choose_scores
from polytune.analysis.context import Context
from polytune.analysis.groups import mean_scores
from polytune.analysis.points import coverage_notes, select_points
from polytune.config.kinds import Evaluation
from polytune.errors import InputError
from polytune.figures import style
from polytune.figures.accuracy import label_page, letter, panel_page
from polytune.figures.axes import set_limits
from polytune.figures.drawing import Drawing

if TYPE_CHECKING:
    import pandas as pd

    from polytune.analysis.items import Items

BOTH = "both"


def draw_pair_means(
    scores: pd.DataFrame,
    runs: pd.DataFrame,
    context: Context,
    items: Items,
    choice: Choice,
    benchmark: Evaluation,
) -> Drawing:
    """Draw a panel for each pair: the mean over all other languages of the two monolingual models and of the pair's."""
    import pandas as pd

    rows = choose_scores(scores, choice, [benchmark])
    tuned = choose_runs(runs, choice).drop_duplicates("run")
    tuned = tuned.assign(trained=["-".join(sorted(codes)) for codes in tuned["languages"]])
    pairs = dict.fromkeys(tuple(sorted(codes)) for codes in tuned["languages"] if len(codes) == 2)
    if not pairs:
        raise InputError("families: none of the models is tuned on two languages")
    tables = []
    for pair in pairs:
        members = tuned[tuned["trained"].isin((*pair, "-".join(pair)))]
        there = rows[rows["run"].isin(members["run"]) & ~rows["language"].isin(pair)]
        means = mean_scores(there.assign(every="others"), "every", context, items)
        points = select_points(means, members, choice, Layout("trained"))
        tables.append(points.assign(pair="-".join(pair), languages=there["language"].nunique()))
    table = pd.concat(tables, ignore_index=True)
    figure, axes = panel_page(len(pairs), 1.5, across=3)
    for place, pair in enumerate(pairs):
        here = table[table["pair"] == "-".join(pair)].set_index("trained")
        names = {**{code: context.language(code) for code in pair}, "-".join(pair): BOTH}
        here = here.loc[[name for name in names if name in here.index]]
        arms = [here["value"] - here["low"], here["high"] - here["value"]]
        colors = [style.PALETTE[1] if names[name] == BOTH else style.PALETTE[0] for name in here.index]
        axes[place].bar(range(len(here)), here["value"], 0.65, color=colors, alpha=0.75, lw=0)
        axes[place].errorbar(range(len(here)), here["value"], arms, ls="none", color="black", lw=0.8, capsize=1.5)
        axes[place].set_xticks(range(len(here)), [names[name] for name in here.index])
        set_limits(axes[place], table, choice.info, None, zero=True)
        axes[place].set_title(f"({letter(place)})", loc="left", fontsize=6.5)
    label_page(axes, len(pairs), choice.info.axis, "tuned on")
    counted = " or ".join(map(str, sorted(set(table["languages"]))))
    notes = [
        f"Mean over the {counted} languages that none of the three models was tuned on; 95 % intervals over prompts."
    ]
    return Drawing(figure, table, notes=[*notes, *coverage_notes(table, choice.info)])
