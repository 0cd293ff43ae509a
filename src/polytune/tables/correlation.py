"""Lucky 52's tables 1 to 3 (arXiv 2404.04850, section 4.3) and what they leave open."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from polytune.analysis.choices import Choice, choose_runs
from polytune.analysis.context import Context
from polytune.analysis.published import published_source, read_published_values
from polytune.config.kinds import Evaluation, Language, Published
from polytune.errors import InputError, nearest
from polytune.tables.rendering import DASH, Cell, Table, number

if TYPE_CHECKING:
    import pandas as pd

VALUES = {
    "r": "Pearson correlation of {subject} and the mixture",
    "partial_r": "Partial correlation of {subject} and the mixture, given whether it holds the language",
    "r_without_own": "Pearson correlation of {subject} and the mixture without the language itself",
}
NO_MEASURE = (
    "The published values, of BLOOM-7B1 and real languages, are no measure for these; the comparison does not apply."
)
Method = Literal["uriel-precomputed", "uriel"]
Outlier = Language | Literal[""]


def build_correlations(
    scores: pd.DataFrame,
    runs: pd.DataFrame,
    context: Context,
    similarity: Path,
    published_folder: Path,
    choice: Choice,
    benchmark: Evaluation,
    outlier: Outlier = "",
    similarity_method: Method = "uriel-precomputed",
    value: Literal["r", "partial_r", "r_without_own"] = "r",
    published: Published | None = None,
) -> Table:
    """Return a table of predictors by languages (tables 1 to 3), the strongest of each column in bold.

    `value` is `r`, `partial_r` (given whether the mixture holds the language) or `r_without_own` (the language itself
    left out of number and sums). `outlier` names the language whose checkpoint a row of its own leaves out. `published`
    names a file of `config/published/` whose values stand in brackets, at full scale and for accuracy.
    """
    from polytune.analysis.correlations import ROWS, WITHOUT_OUTLIER, correlate, select_series
    from polytune.analysis.predictors import MODEL, read_similarity

    series = select_series(scores, choose_runs(runs, choice), choice, benchmark)
    data = correlate(series, read_similarity(similarity, similarity_method), outlier)
    predictors = [name for name in ROWS if outlier or name != WITHOUT_OUTLIER]
    predictors += [MODEL] * (MODEL in set(data["predictor"]))
    data = data.loc[data["predictor"].isin(predictors), ["language", "predictor", "models", value]].copy()
    measured = data.pivot(index="predictor", columns="language", values=value).loc[predictors]
    data["best"] = [_is_best(measured[row.language], row.predictor) for row in data.itertuples()]
    notes = [f"{len(series.mixtures)} models; bold: strongest of its column; similarities: {similarity_method}."]
    notes += _direction(choice)
    if measured.isna().any(axis=None):
        notes.append(_explain_dashes(measured, not outlier or series.added_last(outlier).any(), outlier, value))
    beside = measured * math.nan
    if published is not None and value == "r" and choice.measure == "acc":
        printed = read_published(published_folder / published).rename(columns=context.code)
        if context.scale == "world":
            notes.append(NO_MEASURE)
        else:
            notes.append(f"In brackets, as published: {published_source(published_folder / published)}.")
            beside = printed.reindex(index=measured.index, columns=measured.columns)
            data["published"] = [beside.at[row.predictor, row.language] for row in data.itertuples()]
    rows = [
        [
            Cell(label(predictor, outlier)),
            *(_cell(measured[language], predictor, beside.at[predictor, language]) for language in measured),
        ]
        for predictor in predictors
    ]
    return Table(VALUES[value].format(subject=_subject(context, choice, benchmark)), ["", *measured], rows, data, notes)


def build_details(
    scores: pd.DataFrame,
    runs: pd.DataFrame,
    context: Context,
    similarity: Path,
    choice: Choice,
    benchmark: Evaluation,
    outlier: Outlier = "",
    similarity_method: Method = "uriel-precomputed",
) -> Table:
    """Return every correlation with its intervals, p-values, false-discovery rate and both checks of the confound."""
    from polytune.analysis.correlations import WITHOUT_OUTLIER, correlate, select_series
    from polytune.analysis.predictors import read_similarity

    series = select_series(scores, choose_runs(runs, choice), choice, benchmark)
    long = correlate(series, read_similarity(similarity, similarity_method), outlier)
    long = long[(long["predictor"] != WITHOUT_OUTLIER) | bool(outlier)]
    header = ["language", "predictor", "n", "r", "95 % Fisher", "95 % blocks", "p", "p blocks", "q",
              "partial r", "p partial", "r without own"]  # fmt: skip
    rows = []
    for row in long.itertuples():
        texts = [
            row.language,
            label(row.predictor, outlier),
            number(row.models, 0),
            number(row.r),
            _interval(row.fisher_low, row.fisher_high),
            _interval(row.block_low, row.block_high),
            *(number(p, 4) for p in (row.p, row.p_block, row.q)),
            number(row.partial_r),
            number(row.partial_p, 4),
            number(row.r_without_own),
        ]
        rows.append([Cell(text) for text in texts])
    notes = [
        "Fisher: models independent. Blocks: neighbouring mixtures dependent (circular block bootstrap, permutation of "
        "blocks). p: two-sided permutation test, models exchangeable. q: Benjamini-Hochberg over this table. Partial: "
        "given whether the mixture holds the language. Without own: the language left out of number and sums.",
        f"{DASH}: undefined, because a column does not vary.",
        *_direction(choice),
    ]
    title = f"Correlations of {_subject(context, choice, benchmark)}, with their uncertainty"
    return Table(title, header, rows, long, notes)


def _subject(context: Context, choice: Choice, benchmark: str) -> str:
    return f"{context.title(benchmark, choice.origin)} {choice.info.label}"


def _direction(choice: Choice) -> list[str]:
    """Return what must be known to read the sign of a correlation."""
    info = choice.info
    return [] if info.higher_is_better else [f"Lower {info.label} is better: a negative correlation is a gain."]


def label(predictor: str, outlier: str) -> str:
    """Return how a predictor is written in a table."""
    from polytune.analysis.correlations import OWN, WITHOUT_OUTLIER
    from polytune.analysis.predictors import MODEL, NUMBER, SOUND

    if predictor == WITHOUT_OUTLIER:
        return f"number of languages without {outlier}"
    if predictor == MODEL:
        return "vectors of the base model"
    if predictor == SOUND:
        return "sound correspondence"
    return predictor if predictor in (NUMBER, OWN) else f"URIEL {predictor}"


@cache
def read_published(path: Path) -> pd.DataFrame:
    """Return a published table, predictors by languages; raises `InputError` if it is missing or has other rows."""
    from polytune.analysis.correlations import ROWS

    table = read_published_values(path, ("predictor",)).set_index("predictor")
    for predictor in table.index:
        if predictor not in ROWS:
            raise InputError(f"{path}: predictor '{predictor}'{nearest(predictor, ROWS)}; allowed: {', '.join(ROWS)}")
    return table


def _is_best(column: pd.Series, predictor: str) -> bool:
    """Return whether a predictor is the strongest of a column, at the two decimals that are shown."""
    strengths = column.abs().round(2)
    return bool(strengths[predictor] == strengths.max())


def _cell(column: pd.Series, predictor: str, published: float) -> Cell:
    beside = "" if math.isnan(published) else f" ({number(published)})"
    return Cell(number(column[predictor]), _is_best(column, predictor), beside)


def _interval(low: float, high: float) -> str:
    return DASH if math.isnan(low) else f"[{number(low)}, {number(high)}]"


def _explain_dashes(measured: pd.DataFrame, has_outlier: bool, outlier: str, value: str) -> str:
    """Return why cells are empty."""
    from polytune.analysis.correlations import WITHOUT_OUTLIER

    reasons = []
    rows = measured.drop(index=WITHOUT_OUTLIER, errors="ignore")
    constant = [f"{label(row, outlier)} for {' '.join(rows.columns[rows.loc[row].isna()])}"
                for row in rows.index if rows.loc[row].isna().any()]  # fmt: skip
    if constant:
        why = "explained by the language's own presence alone" if value == "partial_r" else "the same for every mixture"
        reasons.append(f"{why}: {'; '.join(constant)}")
    if not has_outlier:
        reasons.append(f"no checkpoint adds {outlier} last")
    return f"{DASH}: {'. '.join(reasons)}."
