"""Which languages a base, a mixture and a benchmark have in common (Linguistic, tables 4 to 6, arXiv 2410.07809)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from polytune.analysis.choices import RunChoice, choose_runs, name_models, without_world
from polytune.analysis.context import Context, coordinate_word
from polytune.config.kinds import Coordinate, Evaluation
from polytune.errors import InputError
from polytune.scores.spec import UNTUNED
from polytune.tables.rendering import DASH, Cell, Table

if TYPE_CHECKING:
    import pandas as pd


def build_overlap(
    scores: pd.DataFrame,
    runs: pd.DataFrame,
    context: Context,
    choice: RunChoice,
    benchmarks: list[Evaluation] | None = None,
    against: Coordinate = "model",
) -> Table:
    """Return a row for each benchmark, base and value of `against`: how many languages each two and all three share.

    A value of `against` stands for all languages that any of its mixtures holds, as in the paper. Rows are sorted by
    the languages that all three have.
    """
    import pandas as pd

    chosen = choose_runs(runs, choice)
    chosen = chosen.assign(base=without_world(chosen["base"], chosen["world"]), model=name_models(chosen))
    tuned = chosen[chosen["method"] != UNTUNED]
    if against not in tuned:
        raise InputError(f"against: no column '{against}' in the table of runs")
    tuned = tuned[tuned[against].notna() & (tuned[against] != "")]
    single = scores[scores["aggregate"] == ""]
    rows = []
    for name in dict.fromkeys(single["evaluation"]) if benchmarks is None else benchmarks:
        asked = dict.fromkeys(single.loc[single["evaluation"] == name, "language"])
        if not asked:
            raise InputError(f"scores: no benchmark '{name}' with scores of single languages")
        found = []
        for (base, group), members in tuned.groupby(["base", against], sort=False):
            held = {code for codes in members["languages"] for code in codes}
            seen = {code for codes in members["seen_languages"] for code in codes}
            of_all = [code for code in asked if code in held and code in seen]
            row = {"evaluation": name, "base": base, against: context.word(against, group)}
            row |= {"mixtures": members["mixture"].nunique(), "held": len(held), "asked": len(asked)}
            row |= {"all_three": len(of_all), "held_asked": sum(code in held for code in asked)}
            row |= {"seen_asked": sum(code in seen for code in asked), "seen_held": len(held & seen)}
            found.append(row | {"languages": " ".join(of_all)})
        rows += sorted(found, key=lambda row: -row["all_three"])
    if not rows:
        raise InputError("scores: no tuned model is chosen, so no mixture has languages")
    data = pd.DataFrame(rows)
    body = [[Cell(text) for text in _texts(row, against, context)] for row in rows]
    header = ["benchmark", "base", coordinate_word(against), "base, mixture and benchmark", "mixture and benchmark",
              "base and benchmark", "base and mixture", "languages of all three"]  # fmt: skip
    notes = ["Languages in common, of how many: of the benchmark's, in the last count of the mixture's. Base: the "
             "languages of its pre-training, as config/bases.tsv has them."]  # fmt: skip
    if data["mixtures"].max() > 1:
        notes.append(f"A row is of up to {data['mixtures'].max()} mixtures: languages that any of them holds.")
    return Table("Languages in common", header, body, data, notes, numbers=False)


def _texts(row: dict[str, Any], against: str, context: Context) -> list[str]:
    """Return the cells of a row."""
    shares = [f"{row[name]}/{row['asked']}" for name in ("all_three", "held_asked", "seen_asked")]
    shares.append(f"{row['seen_held']}/{row['held']}")
    return [context.title(row["evaluation"]), row["base"], row[against], *shares, row["languages"] or DASH]
