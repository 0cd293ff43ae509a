"""How far people agree with a judge: measured on ratings of the study's answers, and as a paper printed it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polytune.analysis.choices import Choice, choose_scores
from polytune.analysis.context import Context
from polytune.analysis.published import published_source, read_published_values
from polytune.config.kinds import Evaluation, Published
from polytune.errors import InputError
from polytune.tables.rendering import DASH, Cell, Table, number

if TYPE_CHECKING:
    import pandas as pd

    from polytune.analysis.items import Items

PUBLISHED = ("language", "judge", "human")
"""Columns of published totals, a row per system and language; a file with `agreement` has percents of agreement."""


def build_agreement(
    scores: pd.DataFrame,
    runs: pd.DataFrame,
    context: Context,
    items: Items,
    published_folder: Path,
    choice: Choice,
    benchmark: Evaluation | None = None,
    ratings: Published | None = None,
    published: Published | None = None,
) -> Table:
    """Return agreement by language: correlations over systems, agreement and Cohen's kappa of preferences.

    `ratings` is a file of people's ratings of the answers to `benchmark` (docs/statistics.md, "Human ratings"),
    `published` one of totals by system that a paper printed; at least one is needed.
    """
    import pandas as pd

    if ratings is None and published is None:
        raise InputError("one of the options 'ratings' and 'published' is needed")
    found, notes = [], []
    if ratings is not None:
        if benchmark is None:
            raise InputError("ratings: the option 'benchmark' says which answers they are of")
        rows = choose_scores(scores, choice, [benchmark])
        measured, counts = _measured(rows, items, choice, published_folder / ratings, context)
        found += measured
        notes.append(f"People: {ratings}. Judge: {choice.measure}. {counts}")
    if published is not None:
        path = published_folder / published
        found += _published(path, context)
        notes.append(f"Published: {published_source(path)}.")
    data = pd.DataFrame(found)
    body = [
        [Cell(text) for text in (row["source"], context.language(row["language"]), *_texts(row))]
        for row in data.to_dict("records")
    ]
    header = ["ratings", "language", "systems", "Pearson r", "Spearman", "pairs", "agreement (%)", "Cohen's kappa"]
    notes.append(
        "r and Spearman over systems, with Fisher's 95 % interval. Agreement and kappa of preferences: which of two "
        "answers to one prompt is better, or neither; 95 % intervals from a bootstrap of prompts."
    )
    return Table("Agreement of people and judge", header, body, data, notes)


def _measured(
    rows: pd.DataFrame, items: Items, choice: Choice, path: Path, context: Context
) -> tuple[list[dict[str, Any]], str]:
    """Return a row of agreement for each language of a file of ratings, and how many answers it stands on, in words."""
    from polytune.analysis.agreement import preference_agreement, preference_counts, system_agreement
    from polytune.analysis.ratings import places_of, read_ratings

    first = rows.iloc[0]
    judge = items.read(first["evaluation"], first["origin"], choice.measure)
    for column in ("judge", "protocol", "opponent"):
        judge = judge[judge[column] == first[column]]
    judge = judge[judge["run"].isin(rows["run"]) & judge["language"].isin(rows["language"])]
    human = read_ratings(path, set(rows["run"]), places_of(judge), context.code)
    both = judge.merge(human, on=["run", "language", "item", "turn"])
    if both.empty:
        raise InputError(f"{path}: none of its answers has a value of {choice.measure}")
    found = []
    for language, part in both.groupby("language", sort=False):
        if part["run"].nunique() < 2:
            raise InputError(f"{path}: '{language}' has ratings of one run; agreement needs several")
        totals = part.groupby("run")[["value", "rating"]].mean()
        wide = part.pivot(index=["item", "turn"], columns="run", values=["value", "rating"])
        counts = preference_counts(wide["value"].to_numpy(), wide["rating"].to_numpy())
        by_prompt = counts.reshape(len(counts), -1)
        by_prompt = wide.index.to_frame(index=False)[["item"]].join(_frame(by_prompt)).groupby("item").sum()
        systems = system_agreement(totals["value"].to_numpy(), totals["rating"].to_numpy())
        preferences = preference_agreement(by_prompt.to_numpy().reshape(-1, 3, 3))
        found.append({"source": "measured", "language": language, **vars(systems), **vars(preferences)})
    counts = f"Both rated {len(both):,} answers, of {len(judge):,} that the judge and {len(human):,} that people rated."
    return found, counts


def _frame(values: Any) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(values)


def _published(path: Path, context: Context) -> list[dict[str, Any]]:
    """Return a row for each language of what a paper printed: its shares of agreement, or what follows from totals."""
    from polytune.analysis.agreement import system_agreement

    table = read_published_values(path, ("language",), context.code)
    if "agreement" in table:
        shares = zip(table["language"], table["agreement"] / 100, strict=True)
        return [{"source": "published", "language": language, "share": share} for language, share in shares]
    table = read_published_values(path, PUBLISHED, context.code)
    return [
        {"source": "published", "language": language, **vars(system_agreement(part["judge"], part["human"]))}
        for language, part in table.groupby("language", sort=False)
    ]


def _texts(row: dict[str, Any]) -> list[str]:
    """Return the numbers of a row as texts."""
    pairs = row.get("pairs", math.nan)
    systems, *agreement = (row.get(name, math.nan) for name in ("systems", "r", "low", "high", "spearman"))
    return [
        DASH if systems != systems else f"{systems:.0f}",
        _interval(*agreement[:3], 4),
        number(agreement[3], 4),
        DASH if pairs != pairs else f"{pairs:,.0f}",
        _interval(*(100 * row.get(f"share{end}", math.nan) for end in ("", "_low", "_high")), 1, 1),
        _interval(*(row.get(f"kappa{end}", math.nan) for end in ("", "_low", "_high"))),
    ]


def _interval(value: float, low: float, high: float, digits: int = 2, ends: int = 2) -> str:
    text = number(value, digits)
    return text if math.isnan(low) else f"{text} [{number(low, ends)}, {number(high, ends)}]"
