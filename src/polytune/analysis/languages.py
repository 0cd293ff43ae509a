"""In which languages a model answers."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from polytune.analysis.choices import RunChoice, choose_runs, coordinates, name_models, without_world
from polytune.errors import InputError, nearest

if TYPE_CHECKING:
    import pandas as pd

OTHER = "other"
UNKNOWN = ""
"""What stands in `answered` for languages that nobody asked in, and where the identifier cannot tell."""


def language_shares(
    confusion: pd.DataFrame,
    runs: pd.DataFrame,
    choice: RunChoice,
    evaluation: str,
    languages: Collection[str] | None,
    column: str,
) -> pd.DataFrame:
    """Return the share of answers in each language: columns panel, language, answered, share, answers, runs.

    Runs that share the value of `column` are pooled; `language` is the one asked in, `answered` one of those asked in,
    `OTHER` or `UNKNOWN`. Languages stand in the order of `languages`, by default all that are asked. Raises
    `InputError` for what the table does not hold.
    """
    import pandas as pd

    chosen = choose_runs(runs, choice)
    chosen = chosen.assign(model=name_models(chosen))
    for name in ("base", "mixture"):
        chosen[name] = without_world(chosen[name], chosen["world"])
    if column in chosen and chosen[column].dtype.kind == "f":  # numbers in words, none for an untuned base
        chosen[column] = [f"{value:g}" if value == value else "" for value in chosen[column]]
    known = [name for name in coordinates(runs) if name in chosen]
    if column not in known:
        raise InputError(f"panels: no column '{column}'{nearest(column, known)}; there are: {', '.join(known)}")
    rows = confusion[confusion["evaluation"] == evaluation].merge(chosen.drop_duplicates(["run", column]), on="run")
    asked = list(languages or dict.fromkeys(rows["language"]))
    if lacking := [code for code in asked if code not in set(rows["language"])]:
        raise InputError(f"languages: nobody identified answers to {evaluation} in '{lacking[0]}'")
    rows = rows[rows["language"].isin(asked)]
    rows["answered"] = rows["answered"].where(rows["answered"].isin([*asked, UNKNOWN]), OTHER)
    order = [*asked, *[code for code in (OTHER, UNKNOWN) if code in set(rows["answered"])]]
    counts = rows.groupby([column, "language", "answered"], sort=False)["answers"].sum()
    every = [list(dict.fromkeys(rows[column])), asked, order]
    counts = counts.reindex(pd.MultiIndex.from_product(every, names=["panel", "language", "answered"]), fill_value=0)
    found = counts.reset_index()
    found["share"] = found["answers"] / found.groupby(["panel", "language"])["answers"].transform("sum")
    found["runs"] = found["panel"].map(rows.groupby(column)["run"].nunique())
    return found
