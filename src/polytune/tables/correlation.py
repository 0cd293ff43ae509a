"""Lucky 52's tables 1 to 3 (arXiv 2404.04850, section 4.3) and what they leave open."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from polytune import ROOT
from polytune.analysis.correlations import OWN, ROWS, WITHOUT_OUTLIER, correlate, find_outliers, select_series
from polytune.analysis.exposure import EXPOSURES
from polytune.analysis.predictors import NUMBER, SOUND, read_similarity
from polytune.errors import InputError, nearest
from polytune.figures.titles import title_of
from polytune.tables.rendering import Cell, Table

if TYPE_CHECKING:
    import pandas as pd

DASH = "–"
VALUES = {
    "r": "Pearson correlation of {benchmark} accuracy and the mixture",
    "partial_r": "Partial correlation of {benchmark} accuracy and the mixture, given whether it holds the language",
    "r_without_own": "Pearson correlation of {benchmark} accuracy and the mixture without the language itself",
}
WORLD_NOTE = (
    "Generated world: the published values, of BLOOM-7B1 and real languages, are no measure for these; the comparison "
    "does not apply."
)


def build_correlations(
    scores: pd.DataFrame,
    similarity: Path,
    benchmark: str,
    outlier: str = "ko",
    similarity_method: str = "uriel-precomputed",
    value: str = "r",
    published: str | None = None,
) -> Table:
    """Return a table of predictors by languages (tables 1 to 3), the strongest of each column in bold.

    `value` is `r`, `partial_r` (given whether the mixture holds the language) or `r_without_own` (the language itself
    left out of number and sums). `published` names a file of `config/published/` whose values stand in brackets at
    full scale.
    """
    if value not in VALUES:
        raise InputError(f"table: value is '{value}'{nearest(value, VALUES)}; allowed: {', '.join(VALUES)}")
    series = select_series(scores, benchmark)
    long = correlate(series, read_similarity(similarity, similarity_method), outlier)
    measured = long.pivot(index="predictor", columns="language", values=value).loc[list(ROWS)]
    world = scores["scale"].iloc[0] == "world"
    printed = None
    if published is not None and value == "r":
        printed = read_published(published)
    shown = None if world else printed
    rows = []
    for predictor in ROWS:
        cells = [Cell(label(predictor, outlier))]
        for language in measured:
            known = shown is not None and language in shown and predictor in shown.index
            cells.append(_cell(measured[language], predictor, shown.at[predictor, language] if known else None))
        rows.append(cells)
    models = int(long.loc[long["predictor"] == NUMBER, "models"].max())
    notes = [f"{models} models; bold: strongest of its column; similarities: {similarity_method}."]
    if measured.isna().any(axis=None):
        notes.append(_explain_dashes(measured, series.added_last(outlier).any(), outlier, value))
    if shown is not None:
        notes.append(f"In brackets, as published: {published_source(published)}.")
    elif world and printed is not None:
        notes.append(WORLD_NOTE)
    data = long[long["predictor"].isin(ROWS)][["language", "predictor", "models", value]].copy()
    data["best"] = [_is_best(measured[row.language], row.predictor) for row in data.itertuples()]
    if printed is not None and not world:
        data["published"] = [
            printed.at[row.predictor, row.language] if row.language in printed else np.nan for row in data.itertuples()
        ]
    return Table(VALUES[value].format(benchmark=title_of(benchmark)), ["", *measured], rows, data, notes)


def build_details(
    scores: pd.DataFrame,
    similarity: Path,
    benchmark: str,
    outlier: str = "ko",
    similarity_method: str = "uriel-precomputed",
) -> Table:
    """Return every correlation with its intervals, p-values, false-discovery rate and both checks of the confound."""
    long = correlate(select_series(scores, benchmark), read_similarity(similarity, similarity_method), outlier)
    header = ["language", "predictor", "n", "r", "95 % Fisher", "95 % blocks", "p", "p blocks", "q",
              "partial r", "p partial", "r without own"]  # fmt: skip
    rows = []
    for row in long.itertuples():
        texts = [
            row.language,
            label(row.predictor, outlier),
            _number(row.models, "{:.0f}"),
            _number(row.r),
            _interval(row.fisher_low, row.fisher_high),
            _interval(row.block_low, row.block_high),
            *(_number(p, "{:.4f}") for p in (row.p, row.p_block, row.q)),
            _number(row.partial_r),
            _number(row.partial_p, "{:.4f}"),
            _number(row.r_without_own),
        ]
        rows.append([Cell(text) for text in texts])
    notes = [
        "Fisher: models independent. Blocks: neighbouring mixtures dependent (circular block bootstrap, permutation of "
        "blocks). p: two-sided permutation test, models exchangeable. q: Benjamini-Hochberg over this table. Partial: "
        "given whether the mixture holds the language. Without own: the language left out of number and sums.",
        f"{DASH}: undefined, because a column does not vary.",
    ]
    if scores["scale"].iloc[0] == "world":
        notes.append(WORLD_NOTE)
    return Table(f"Correlations of {title_of(benchmark)} accuracy, with their uncertainty", header, rows, long, notes)


def build_outliers(scores: pd.DataFrame) -> Table:
    """Return how far each checkpoint lies from its neighbours, per benchmark and over all; bold if it stands out."""
    long = find_outliers(scores)
    names = list(dict.fromkeys(long["benchmark"]))
    wide = long.pivot(index=["n_languages", "added"], columns="benchmark", values="score")[names]
    out = long.pivot(index=["n_languages", "added"], columns="benchmark", values="stands_out")[names]
    rows = []
    for key in wide.index:
        scores_of = [Cell(_number(wide.at[key, name]), bool(out.at[key, name])) for name in names]
        rows.append([Cell(str(key[0])), Cell(key[1]), *scores_of])
    limits = ", ".join(
        f"{title_of(name)} {group['threshold'].iloc[0]:.2f}" for name, group in long.groupby("benchmark")
    )
    notes = [
        "Difference of a checkpoint from the median of its neighbours, in robust standard deviations, shared over the "
        "languages. Bold: more than 95 % of studies without any outlier have anywhere (" + limits + ").",
        f"{DASH}: first and last checkpoint, with neighbours on one side only.",
    ]
    return Table("Checkpoints that stand out", ["n", "added", *map(title_of, names)], rows, long, notes)


def build_exposure(scores: pd.DataFrame) -> Table:
    """Return which languages of each benchmark the base and the tuned models have seen (section 4.2)."""
    known = scores[scores["kind"] == "language"].drop_duplicates(["benchmark", "language"])
    known = known[["benchmark", "language", "exposure"]]
    titles = {"both": "base and tuning", "base": "base only", "tuning": "tuning only", "neither": "neither"}
    rows = []
    for benchmark, group in known.groupby("benchmark", sort=False):
        lists = [" ".join(group.loc[group["exposure"] == exposure, "language"]) or DASH for exposure in EXPOSURES]
        rows.append([Cell(title_of(benchmark)), *map(Cell, lists)])
    return Table(
        "Who has seen which language",
        ["seen by", *(titles[exposure] for exposure in EXPOSURES)],
        rows,
        known,
        numbers=False,
    )


def label(predictor: str, outlier: str) -> str:
    """Return how a predictor is written in a table."""
    if predictor == WITHOUT_OUTLIER:
        return f"number of languages without {outlier}"
    if predictor == SOUND:
        return "sound correspondence"
    return predictor if predictor in (NUMBER, OWN) else f"URIEL {predictor}"


@cache
def read_published(name: str) -> pd.DataFrame:
    """Return a table of `config/published/`, predictors by languages."""
    import pandas as pd

    path = _published_file(name)
    table = pd.read_csv(path, comment="#", index_col="predictor")
    for predictor in table.index:
        if predictor not in ROWS:
            raise InputError(f"{path}: predictor '{predictor}'{nearest(predictor, ROWS)}; allowed: {', '.join(ROWS)}")
    return table


def published_source(name: str) -> str:
    """Return the source that the first comment line of a published table names, up to its title."""
    first = _published_file(name).read_text(encoding="utf-8").splitlines()[0]
    return first.removeprefix("# ").split(":")[0]


def _published_file(name: str) -> Path:
    folder = ROOT / "config" / "published"
    path = folder / name
    if not path.is_file():
        known = sorted(file.name for file in folder.glob("*.csv"))
        raise InputError(f"table: no published table '{name}'{nearest(name, known)}; there are: {', '.join(known)}")
    return path


def _is_best(column: pd.Series, predictor: str) -> bool:
    """Return whether a predictor is the strongest of a column, at the two decimals that are shown."""
    strengths = column.abs().round(2)
    return bool(strengths[predictor] == strengths.max())


def _cell(column: pd.Series, predictor: str, published: float | None) -> Cell:
    beside = "" if published is None else f" ({_number(published)})"
    return Cell(_number(column[predictor]), _is_best(column, predictor), beside)


def _number(value: float, pattern: str = "{:.2f}") -> str:
    """Return a number with a real minus sign, or a dash."""
    return DASH if np.isnan(value) else pattern.format(value).replace("-", "−")


def _interval(low: float, high: float) -> str:
    return DASH if np.isnan(low) else f"[{_number(low)}, {_number(high)}]"


def _explain_dashes(measured: pd.DataFrame, has_outlier: bool, outlier: str, value: str) -> str:
    """Return why cells are empty."""
    reasons = []
    rows = measured.drop(index=WITHOUT_OUTLIER)
    constant = [f"{label(row, outlier)} for {' '.join(rows.columns[rows.loc[row].isna()])}"
                for row in rows.index if rows.loc[row].isna().any()]  # fmt: skip
    if constant:
        why = "explained by the language's own presence alone" if value == "partial_r" else "the same for every mixture"
        reasons.append(f"{why}: {'; '.join(constant)}")
    if not has_outlier:
        reasons.append(f"no checkpoint adds {outlier} last")
    return f"{DASH}: {'. '.join(reasons)}."
