"""Ranks with their intervals and groups of models that cannot be told apart; which measure tells more of them apart."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from polytune.analysis.choices import Choice, choose_scores
from polytune.analysis.context import Context
from polytune.analysis.measures import MEASURES, measure_info
from polytune.config.kinds import Coordinate, Evaluation, Language, Measure
from polytune.tables.rendering import DASH, Cell, Table, number

if TYPE_CHECKING:
    import pandas as pd

    from polytune.analysis.items import Items

MANY_SEEDS = 100
"""Beyond so many seeds a measure does not separate the models: their items are too few, or they do not differ."""


def build_ranks(
    scores: pd.DataFrame,
    runs: pd.DataFrame,
    context: Context,
    items: Items,
    choice: Choice,
    benchmarks: list[Evaluation] | None = None,
    languages: list[Language] | None = None,
    against: Coordinate = "model",
    over: list[Coordinate] = (),
) -> Table:
    """Return the models of each benchmark (or language) and base from the best, with rank interval and tie group."""
    import pandas as pd

    from polytune.analysis.designs import name_groups
    from polytune.analysis.standings import LINE, rank_study

    info = measure_info(choice.measure)
    named = name_groups(runs, choice, against, list(over))
    shown = _evaluations(scores, choice, benchmarks)
    found = rank_study(items, context, named, choice.measure, info.higher_is_better, shown, languages)
    rows = []
    for about, models, ranks in found:
        for place in ranks.rank.argsort(kind="stable"):
            rows.append(
                about
                | {
                    "model": models[place],
                    "value": info.scale * ranks.values[place],
                    "rank": int(ranks.rank[place]),
                    "lowest": int(ranks.low[place]),
                    "highest": int(ranks.high[place]),
                    "group": ranks.groups[place],
                    "separated": ranks.separated,
                }
            )
    data = pd.DataFrame(rows)
    told = [column for column in (*LINE, "language") if data[column].nunique() > 1]
    body = []
    for row in data.to_dict("records"):
        span = f"{row['lowest']}" if row["lowest"] == row["highest"] else f"{row['lowest']}–{row['highest']}"
        texts = [context.title(row["evaluation"]), *(context.word(column, row[column]) for column in told)]
        texts += [row["model"], number(row["value"], info.digits), str(row["rank"]), span, row["group"]]
        body.append([Cell(text) for text in texts])
    header = ["benchmark", *told, against.replace("_", " "), info.label, "rank", "rank, 95 %", "group"]
    notes = [
        "Rank, 95 %: where the true rank lies, for all models of a benchmark at once. Models that share a letter "
        "cannot be told apart; over items and, where models have several, runs (docs/statistics.md).",
    ]
    return Table(f"Ranks by {info.label}{info.unit_in_brackets}", header, body, data, notes)


def build_measure_separation(
    scores: pd.DataFrame,
    runs: pd.DataFrame,
    context: Context,
    items: Items,
    choice: Choice,
    benchmarks: list[Evaluation] | None = None,
    measures: list[Measure] | None = None,
    against: Coordinate = "model",
    over: list[Coordinate] = (),
) -> Table:
    """Return, for each benchmark and measure, how well it separates the models, and how many seeds that takes.

    Values are means over languages. The measure that needs the fewest seeds, then the one of the largest ratio of
    spread to error, is bold.
    """
    import pandas as pd

    from polytune.analysis.separation import measure_separation

    known = [name for name in MEASURES if name in set(scores["measure"])] if measures is None else measures
    shown = _evaluations(scores, choice, benchmarks)
    data = pd.DataFrame(measure_separation(items, context, runs, choice, against, list(over), known, shown))
    several = data["base"].nunique() > 1
    body = []
    for (name, base), part in data.groupby(["evaluation", "base"], sort=False):
        order = part[part["ratio"] > 0].assign(seeds=part["seeds"].fillna(math.inf))
        best = list(order.sort_values(["seeds", "ratio"], ascending=[True, False]).index[:1])
        for row in part.itertuples():
            info = measure_info(row.measure)
            seeds = DASH if row.seeds != row.seeds else f"{row.seeds:.0f}" if row.seeds <= MANY_SEEDS else "never"
            texts = [context.title(name), *[base] * several, info.label + info.unit_in_brackets]
            texts += [number(row.spread, info.digits + 1), number(row.error, info.digits + 1), number(row.ratio, 2)]
            texts += [f"{100 * row.separated:.0f} %" if row.separated == row.separated else DASH, seeds]
            body.append(
                [Cell(text, row.Index in best and place == 2 + several - 1) for place, text in enumerate(texts)]
            )
    header = ["benchmark", *["base"] * several, "measure", "spread of models", "error of a run", "ratio",
              "pairs told apart", "runs needed"]  # fmt: skip
    notes = [
        "Spread: standard deviation of the models' true means over languages; error: that of one run, from items and "
        "seeds; pairs told apart: of all pairs of models at once, at 5 %; runs needed: for a difference of one spread "
        "times the square root of 2, that of two models drawn at random, to be found in 80 % of studies by Welch's t "
        "over their runs. Bold: the measure that needs the fewest, then the one of the largest ratio.",
    ]
    if data["error"].isna().any():
        notes.append(f"Error {DASH}: estimated at or below 0, too small to be seen with these items and runs.")
    if (data["seeds"].isna() & data["error"].notna()).any():
        notes.append(f"{DASH}: no two runs differ in nothing but their seed, so nobody knows what seeds add.")
    if (data["seeds"] > MANY_SEEDS).any():
        notes.append("Never: with all seeds of the world the items are too few for it, or the models do not differ.")
    return Table("Measures that separate the models", header, body, data, notes)


def _evaluations(scores: pd.DataFrame, choice: Choice, benchmarks: list[str] | None) -> list[tuple[str, str]]:
    """Return names and origins of the evaluations that are shown."""
    rows = choose_scores(scores, choice, benchmarks)[["evaluation", "origin"]].drop_duplicates()
    return list(rows.itertuples(index=False, name=None))
