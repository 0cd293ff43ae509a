"""How much of each language's answers was cut in training, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polytune.analysis.choices import Choice, choose_runs, without_world
from polytune.analysis.context import Context
from polytune.analysis.cut import worst_cuts
from polytune.config.kinds import Base
from polytune.tables.rendering import DASH, Cell, Table

if TYPE_CHECKING:
    import pandas as pd


def build_cut(scores: pd.DataFrame, runs: pd.DataFrame, context: Context, bases: list[Base] | None = None) -> Table:
    """Return the share of each language's rows whose answer was cut wholly or in part, for each base."""
    chosen = choose_runs(runs, Choice(bases=bases))
    chosen = chosen.assign(base=without_world(chosen["base"], chosen["world"]))
    data = worst_cuts(chosen)
    names = list(dict.fromkeys(chosen.loc[chosen["method"] != "base", "base"]))
    rows = []
    for code, group in data.groupby("language", sort=False):
        by_base = group.drop_duplicates("base").set_index("base")
        cells = [_share(by_base, base, kind) for base in names for kind in ("wholly", "partly")]
        rows.append([Cell(context.language(code)), *map(Cell, cells)])
    header = ["language", *(f"{base}: {kind} (%)" for base in names for kind in ("wholly", "partly"))]
    notes = ["Of the run that cuts most; a row's tokens end at max_length_tokens, its answer comes last."]
    return Table("Answers cut in training", header, rows, data, notes)


def _share(by_base: pd.DataFrame, base: str, kind: str) -> str:
    return f"{100 * by_base.at[base, kind] / by_base.at[base, 'rows']:.1f}" if base in by_base.index else DASH
