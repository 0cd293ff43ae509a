"""Languages in groups: who has seen them, and how well each group does."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from polytune.analysis.choices import Choice, check_coverage, choose_runs, choose_scores, name_models, without_world
from polytune.analysis.context import SEEN_BY, Context
from polytune.config.kinds import Base, Evaluation
from polytune.errors import InputError
from polytune.scores.exposure import EXPOSURES
from polytune.tables.rendering import DASH, Cell, Table, number

if TYPE_CHECKING:
    import pandas as pd

GROUPS = ("seen tuned", "seen untuned", "unseen tuned", "unseen untuned", "all")
"""Languages that the base has seen or not, tuned or not in the model's own mixture."""
SPREAD = "mean (standard deviation over worlds and seeds) [languages]"
"""What a cell of these tables holds."""


def build_exposure(
    scores: pd.DataFrame, runs: pd.DataFrame, context: Context, bases: list[Base] | None = None
) -> Table:
    """Return which languages of each benchmark a base and its tuned models have seen (section 4.2)."""
    chosen = choose_runs(runs, Choice(bases=bases))
    chosen = chosen.assign(base=without_world(chosen["base"], chosen["world"])).drop_duplicates("run")
    known = scores[scores["aggregate"] == ""].merge(chosen[["run", "base"]], on="run")
    known = known.drop_duplicates(["base", "evaluation", "language"])[["base", "evaluation", "language", "exposure"]]
    several = known["base"].nunique() > 1
    rows = []
    for (base, name), group in known.groupby(["base", "evaluation"], sort=False):
        lists = [" ".join(group.loc[group["exposure"] == exposure, "language"]) or DASH for exposure in EXPOSURES]
        rows.append([Cell(text) for text in (*([base] if several else []), context.title(name), *lists)])
    header = [*(["base"] if several else []), "seen by", *(SEEN_BY[exposure] for exposure in EXPOSURES)]
    return Table("Who has seen which language", header, rows, known, numbers=False)


def build_group_means(
    scores: pd.DataFrame,
    runs: pd.DataFrame,
    context: Context,
    choice: Choice,
    benchmarks: list[Evaluation] | None = None,
) -> Table:
    """Return means over the languages that the base has seen or not, tuned or not: a column per model.

    A cell is the mean over worlds and seeds of the mean over languages, (its standard deviation), [languages].
    """
    import pandas as pd

    info = choice.info
    rows = with_runs(choose_scores(scores, choice, benchmarks), runs, choice)
    rows["group"] = [_group(row.language in row.seen_languages, row.tuned) for row in rows.itertuples()]
    rows = pd.concat([rows, rows.assign(group=GROUPS[-1])])
    rows["value"] *= info.scale
    each = rows.groupby(["evaluation", "group", "model", "run"], sort=False)["value"].agg(["mean", "size"])
    data = each.groupby(["evaluation", "group", "model"], sort=False).agg(
        value=("mean", "mean"), sd=("mean", "std"), runs=("mean", "size"), languages=("size", "max")
    )
    models = list(dict.fromkeys(rows.sort_values("n_languages", kind="stable")["model"]))
    body = []
    for name in dict.fromkeys(rows["evaluation"]):
        for group in GROUPS:
            found = [data.loc[name, group, model] if (name, group, model) in data.index else None for model in models]
            if any(cell is not None for cell in found):
                texts = [DASH if cell is None else spread(cell, info.digits) for cell in found]
                body.append([Cell(text) for text in (context.title(name), group, *texts)])
    header = ["benchmark", "languages", *models]
    notes = [f"{info.label.capitalize()}{info.unit_in_brackets}, {SPREAD}."]
    return Table(f"{info.label.capitalize()} by who has seen a language", header, body, data.reset_index(), notes)


def with_runs(rows: pd.DataFrame, runs: pd.DataFrame, choice: Choice) -> pd.DataFrame:
    """Return scores with the columns of the chosen runs and the name of their model, each run once."""
    chosen = choose_runs(runs, choice).drop_duplicates("run")
    merged = rows.merge(chosen.assign(model=name_models(chosen)), on="run", sort=False)
    check_coverage(merged, choice)
    origins = merged.groupby("evaluation")["origin"].nunique()
    if (origins > 1).any():
        raise InputError(f"scores: {origins.idxmax()} has data of several origins; choose one with 'origin'")
    return merged


def _group(seen: bool, tuned: bool) -> str:
    return f"{'seen' if seen else 'unseen'} {'tuned' if tuned else 'untuned'}"


def spread(summary: pd.Series | dict, digits: int) -> str:
    """Return mean, standard deviation if there are several runs, and number of languages."""
    if math.isnan(summary["value"]):
        return DASH
    spread = f" ({number(summary['sd'], digits)})" if summary["runs"] > 1 and summary["sd"] == summary["sd"] else ""
    languages = f" [{int(summary['languages'])}]" if summary["languages"] != "" else ""
    return f"{number(summary['value'], digits)}{spread}{languages}"
