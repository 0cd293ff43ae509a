"""Ratings that people gave: a CSV with the columns `run language item rating` and perhaps `turn` and `rater`.

    run,language,item,turn,rater,rating
    bloom-7b1/lora/alpaca-en-all/seed1,en,0,1,anna,2.5

A row is one person's rating of one answer, on any scale; several raters of an answer are averaged. `run` is a run of
the study as in runs.parquet, `language` any name of one, `item` the number of the prompt.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from polytune.errors import InputError, nearest, shown
from polytune.readers.records import read_records

if TYPE_CHECKING:
    import pandas as pd

NEEDED = ("run", "language", "item", "rating")
OPTIONAL = ("turn", "rater")


def read_ratings(
    path: Path,
    runs: Collection[str],
    answers: Mapping[str, Collection[tuple[int, int]]],
    code: Callable[[str], str] = str,
) -> pd.DataFrame:
    """Return run, language, item, turn and rating (the mean over raters), a row per answer.

    `answers` are the (item, turn) that were judged in each language, of any run. `code` says which language a name is
    (`Context.code`).

    Raises `InputError` naming file, row and column for an unknown column, run, language, item or turn, a number that is
    none, and a rater who rated an answer twice.
    """
    import pandas as pd

    if not path.is_file():
        known = sorted(file.name for file in path.parent.glob("*.csv"))
        raise InputError(f"no ratings '{path.name}'{nearest(path.name, known)}; there are: {', '.join(known)}")
    found: dict[tuple, float] = {}
    for number, record in read_records(path):
        where = f"{path}: row {number}"
        for column in NEEDED:
            if column not in record:
                raise InputError(f"{path}: no column '{column}'{nearest(column, record)}; needed: {', '.join(NEEDED)}")
        if strange := [name for name in record if name not in (*NEEDED, *OPTIONAL)]:
            allowed = ", ".join((*NEEDED, *OPTIONAL))
            raise InputError(
                f"{path}: unknown column '{strange[0]}'{nearest(strange[0], OPTIONAL)}; allowed: {allowed}"
            )
        language = code(record["language"])
        for column, said, known in (("run", record["run"], runs), ("language", language, answers)):
            if said not in known:
                raise InputError(f"{where}: no {column} '{said}'{nearest(said, known)} was judged")
        item, turn = (_number(record.get(name, "1"), f"{where}: {name}", whole=True) for name in ("item", "turn"))
        if (item, turn) not in answers[language]:
            raise InputError(f"{where}: no item {item}, turn {turn} in '{language}' was judged")
        key = (record["run"], language, item, turn, record.get("rater", ""))
        if key in found:
            raise InputError(f"{where}: rater '{key[-1]}' rated item {item} of {key[0]} in '{key[1]}' twice")
        found[key] = _number(record["rating"], f"{where}: rating")
    if not found:
        raise InputError(f"{path}: no ratings")
    columns = ["run", "language", "item", "turn", "rater"]
    table = pd.DataFrame([(*key, value) for key, value in found.items()], columns=[*columns, "rating"])
    return table.groupby(columns[:4], sort=False)["rating"].mean().reset_index()


def places_of(answers: pd.DataFrame) -> dict[str, set[tuple[int, int]]]:
    """Return the (item, turn) of answers by language."""
    return {code: set(zip(part["item"], part["turn"], strict=True)) for code, part in answers.groupby("language")}


def _number(text: str, where: str, whole: bool = False) -> float:
    try:
        value = int(text) if whole else float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"{where}: {shown(text)} is not a {'whole ' * whole}number")
    return value
