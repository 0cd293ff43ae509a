"""Accuracies of models, language by language, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polytune.config.settings import table_row
from polytune.errors import InputError, nearest
from polytune.figures.titles import title_of
from polytune.languages.codes import language
from polytune.tables.rendering import Cell, Table

if TYPE_CHECKING:
    import pandas as pd

REAL_NOTE = (
    "Tiny models of the generated world on real benchmarks: they know none of the languages; chance is to be expected."
)


def build_accuracies(
    scores: pd.DataFrame, benchmarks: list[str] | None = None, mixtures: list[str] | None = None
) -> Table:
    """Return accuracies in percent with their standard errors: a row per language and mean, a column per model.

    `benchmarks` and `mixtures` (the base is always shown) default to all; several seeds are averaged and the standard
    error is that of one of them.
    """
    chosen = _choose(scores[scores["metric"] == "acc"], "benchmark", benchmarks)
    chosen = _choose(chosen, "mixture", None if mixtures is None else ["none", *mixtures])
    chosen = chosen.assign(model=_name_models(chosen))
    models = list(dict.fromkeys(chosen.sort_values("n_languages", kind="stable")["model"]))
    data = chosen.groupby(["benchmark", "kind", "language", "model"], sort=False, as_index=False).agg(
        value=("value", "mean"), stderr=("stderr", "mean"), items=("items", "first"), seeds=("seed", "nunique")
    )
    rows = []
    for benchmark, group in data[data["kind"] != "group"].groupby("benchmark", sort=False):
        chance = 100 * float(table_row("benchmarks", benchmark, "table")["chance"])
        for code, line in group.groupby("language", sort=False):
            line = line.set_index("model")
            name = "mean over languages" if line["kind"].iloc[0] == "mean" else language(code).name
            cells = [_percent(line, model) for model in models]
            first = [title_of(benchmark), name, f"{line['items'].iloc[0]:,}", f"{chance:.1f}"]
            rows.append([Cell(text) for text in (*first, *cells)])
    seeds = int(data["seeds"].max())
    notes = ["Zero-shot accuracy in percent ± standard error over items." + f" Means of {seeds} seeds." * (seeds > 1)]
    if scores["scale"].iloc[0] == "world":
        real = scores["study"].iloc[0].endswith("-real")
        notes.append(REAL_NOTE if real else "Generated world: checks the pipeline, not the paper's claims.")
    return Table("Accuracy by language", ["benchmark", "language", "items", "chance", *models], rows, data, notes)


def _percent(line: pd.DataFrame, model: str) -> str:
    """Return accuracy and standard error of a model, or a dash where it was not evaluated."""
    if model not in line.index:
        return "–"
    return f"{100 * line.at[model, 'value']:.1f} ± {100 * line.at[model, 'stderr']:.1f}"


def _choose(scores: pd.DataFrame, column: str, wanted: list[str] | None) -> pd.DataFrame:
    """Return the rows of the wanted values; raises `InputError` for one that the scores do not hold."""
    known = list(scores[column].unique())
    for value in wanted or []:
        if value not in known and value != "none":
            raise InputError(f"table: no {column} '{value}'{nearest(value, known)}; there are: {', '.join(known)}")
    return scores if wanted is None else scores[scores[column].isin(wanted)]


def _name_models(scores: pd.DataFrame) -> pd.Series:
    """Return short names of the models: the number of languages where that says it all, else the mixture."""
    parts = scores["n_languages"].astype(str) + " languages"
    parts = parts.where(scores["n_languages"] != 1, scores["position_languages"].map(lambda order: "".join(order[:1])))
    if scores.assign(name=parts).groupby("name")["mixture"].nunique().max() > 1:
        parts = scores["mixture"]
    names = parts.where(scores["method"] != "base", "base")
    for column in ("method", "base"):
        distinct = scores.loc[scores["method"] != "base", column] if column == "method" else scores[column]
        if distinct.nunique() > 1:
            names = scores[column].str.cat(names, sep=" ")
    return names
