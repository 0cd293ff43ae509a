"""Checkpoints that stand out from their neighbours, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polytune.analysis.choices import Choice, choose_runs
from polytune.analysis.context import Context
from polytune.tables.rendering import DASH, Cell, Table, number

if TYPE_CHECKING:
    import pandas as pd


def build_outliers(scores: pd.DataFrame, runs: pd.DataFrame, context: Context, choice: Choice) -> Table:
    """Return how far each checkpoint lies from its neighbours, per benchmark and over all; bold if it stands out."""
    from polytune.analysis.correlations import find_outliers
    from polytune.analysis.outliers import FEWEST

    long = find_outliers(scores, choose_runs(runs, choice), choice)
    titles = {name: name if name == "all" else context.title(name) for name in dict.fromkeys(long["evaluation"])}
    wide = long.pivot(index=["n_languages", "added"], columns="evaluation", values="score")
    out = long.pivot(index=["n_languages", "added"], columns="evaluation", values="stands_out")
    rows = []
    for key in wide.index:
        scores_of = [Cell(number(wide.at[key, name]), bool(out.at[key, name])) for name in titles]
        rows.append([Cell(str(key[0])), Cell(key[1]), *scores_of])
    limits = ", ".join(
        f"{titles[name]} {number(group['threshold'].iloc[0])}" for name, group in long.groupby("evaluation")
    )
    notes = [
        "Difference of a checkpoint from the median of its neighbours, in robust standard deviations, shared over the "
        "languages. Bold: more than 95 % of studies without any outlier have anywhere (" + limits + ").",
        f"{DASH}: first and last checkpoint, with neighbours on one side only; all, if there are fewer than {FEWEST}.",
    ]
    return Table("Checkpoints that stand out", ["n", "added", *titles.values()], rows, long, notes)
