"""What a judge said, as values of answers, and what it says of the judge itself.

Layout of verdicts (docs/architecture.md): `language item turn order repeat status value attempts prompt_tokens
completion_tokens price key`; two runs side by side share one file, which the run whose path sorts first holds.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from polytune.config.paths import Paths
from polytune.errors import InputError
from polytune.files import sha256_file
from polytune.scores.answers import KEYS, parquet_of, read_layout

if TYPE_CHECKING:
    import pandas as pd

COSTS = ("attempts", "prompt_tokens", "completion_tokens", "price")
VERDICTS = (*KEYS, "order", "repeat", "status", "value", *COSTS, "key")
STATUSES = ("ok", "refused", "unparsable", "failed")
SEATS = ("first", "second")
"""Where the answer of the file's run stands beside the other's; empty in a verdict on one answer."""
CHECKED = (*STATUSES, "swapped", "flipped", "decided", "first", "sized", "longer", "repeated", "changed", "squares")
CHECKS = (
    "study",
    "scale",
    "run",
    "opponent",
    "evaluation",
    "origin",
    "judge",
    "protocol",
    "language",
    *CHECKED,
    *COSTS,
)
"""Columns of the table of checks: counts of one file and language, so that shares can be pooled."""


def verdict_file(paths: Paths, run: str, judge: str, protocol: str, name: str, opponent: str = "") -> Path:
    """Return the file of the verdicts on a run, alone or beside an opponent."""
    first, second = sorted((run, opponent)) if opponent else (run, "")
    return parquet_of(paths.verdicts(first, judge, protocol, name, second))


def read_verdicts(path: Path, languages: list[str]) -> pd.DataFrame:
    """Return the verdicts in some languages, ordered by answer, repeat and seat.

    Raises `InputError` for a missing or broken file, a verdict that stands there twice, an unknown status or order, a
    verdict that is ok without a value or has a value without being ok, and a language that nobody judged.
    """
    table = read_layout(path, VERDICTS, (*KEYS, "repeat", "order"))
    if strange := sorted(set(table["status"]) - set(STATUSES)):
        raise InputError(f"{path}: status '{strange[0]}' is none of: {', '.join(STATUSES)}")
    orders = set(table["order"])
    if orders - {""} and orders - set(SEATS):
        raise InputError(f"{path}: the column 'order' holds {sorted(orders)}; it must be '' or {' and '.join(SEATS)}")
    wrong = table["value"].notna() != (table["status"] == "ok")
    if wrong.any():
        row = table[wrong].iloc[0]
        where = ", ".join(f"{key} {row[key]}" for key in KEYS)
        raise InputError(f"{path}: {where}: status '{row['status']}' with the value {row['value']}")
    judged = set(table["language"])
    if lacking := [code for code in languages if code not in judged]:
        raise InputError(f"{path}: no verdicts in '{lacking[0]}'; judge again")
    return table[table["language"].isin(languages)].reset_index(drop=True)


def answer_values(verdicts: pd.DataFrame, holds: bool) -> pd.DataFrame:
    """Return the value of each answer, NaN where it is missing: index `KEYS`, a column for each repeat (0, 1).

    Alone it is what the judge gave. Side by side a run wins (1) if the judge prefers it in both orders, loses (0) if
    the other one is preferred in both, and ties (0.5) otherwise (pinch, arXiv 2401.01854, section 2); it is missing
    unless both orders have a verdict. `holds` says that the verdicts are from the view of the run that is asked for.
    """
    values = verdicts.set_index([*KEYS, "repeat"])
    if (verdicts["order"] == "").all():
        return values["value"].unstack("repeat")
    by_seat = verdicts.pivot(index=[*KEYS, "repeat"], columns="order", values="value").reindex(columns=list(SEATS))
    both = by_seat.to_numpy()
    value = np.where((both == 1).all(axis=1), 1.0, np.where((both == 0).all(axis=1), 0.0, 0.5))
    value = np.where(np.isnan(both).any(axis=1), np.nan, value if holds else 1 - value)
    return by_seat.assign(value=value)["value"].unstack("repeat")


def repeat_changes(values: pd.DataFrame) -> np.ndarray:
    """Return second minus first value of every answer that was judged twice."""
    return (values[1] - values[0]).dropna().to_numpy() if 1 in values else np.empty(0)


def check_verdicts(verdicts: pd.DataFrame, own: pd.Series, others: pd.Series | None) -> list[dict[str, Any]]:
    """Return the counts of `CHECKS` for each language of a file.

    `own` and `others` are the lengths of the answers of the run that holds the file and of its opponent.
    """
    import pandas as pd

    first = verdicts[verdicts["repeat"] == 0]
    counted = {status: first["language"][first["status"] == status].value_counts() for status in STATUSES}
    if others is not None:
        counted |= _seat_counts(first, own, others)
    again = verdicts[verdicts.duplicated([*KEYS, "order"], keep=False)]
    again = again.pivot(index=[*KEYS, "order"], columns="repeat", values="value").dropna()
    change = (
        again[1] - again[0] if len(again) else pd.Series([], pd.MultiIndex.from_arrays([[]], names=KEYS[:1]), float)
    )
    by_language = change.groupby(level="language")
    counted |= {"repeated": by_language.size(), "changed": (change != 0).groupby(level="language").sum()}
    counted["squares"] = (change**2).groupby(level="language").sum()
    costs = verdicts.groupby("language", sort=False)[list(COSTS)].sum()
    empty = dict.fromkeys(CHECKED, 0)
    table = pd.DataFrame({**empty, **counted}, index=costs.index).fillna(0).join(costs)
    return table.reset_index().to_dict("records")


def _seat_counts(verdicts: pd.DataFrame, own: pd.Series, others: pd.Series) -> dict[str, pd.Series]:
    """Return by language how often the verdict changes with the seats, and the first seat and the longer answer win."""
    by_seat = verdicts.pivot(index=KEYS, columns="order", values="value").reindex(columns=list(SEATS)).dropna()
    flipped = by_seat["first"] != by_seat["second"]
    decided = verdicts[verdicts["value"].isin([0.0, 1.0])].set_index(KEYS)
    won = decided["value"] == 1
    difference = own.reindex(decided.index) - others.reindex(decided.index)
    cases = {
        "swapped": flipped | True,
        "flipped": flipped,
        "decided": won | True,
        "first": won == (decided["order"] == "first"),
        "sized": difference != 0,
        "longer": (difference != 0) & (won == (difference > 0)),
    }
    return {name: case.groupby(level="language").sum() for name, case in cases.items()}


def file_digest(paths: list[Path]) -> str:
    """Return the digest of a file, or of several files together."""
    digests = [sha256_file(path) for path in paths]
    return digests[0] if len(digests) == 1 else "+".join(one[:16] for one in digests)
