"""What two runs answer differently: the items of each run as a string of one sign per item."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from polytune.explorer.columns import named, pack
from polytune.explorer.scores import measure_keys
from polytune.explorer.tables import StudyTables, data_origin

if TYPE_CHECKING:
    import pandas as pd

SIGNS = "0123456789abcdefghijklmnopqrstuvwxyz"
"""The values of a measure in rising order; one with more distinct values (a probability, a length) is left out."""
ABSENT = "-"
FIRST = ("acc", "rating", "win", "language_pass")
"""Measures that are kept first where there is not room for all."""


def build_items(studies: Sequence[StudyTables], runs: Sequence[dict[str, Any]], room: int) -> tuple[dict, list[str]]:
    """Return the sets of items that fit into `room` bytes of the page, and a sentence for whatever is left out.

    A set is an evaluation by one measure: `values` (what each sign means), `items` (their names, in order) and, for
    each run and language, a string with one sign per item. The same item is the same question in every language where
    the benchmark was made by translation.
    """
    import pandas as pd

    frames = []
    for tables in studies:
        rows = tables.items
        frames.append(rows.assign(made=data_origin(tables, rows), measure=measure_keys(rows)))
    items = pd.concat(frames, ignore_index=True)
    identity = ["run", "evaluation", "origin", "language", "item", "turn", "measure", "made"]
    items = items.drop_duplicates(identity)  # a run of two studies
    # a run counts once, by its first place in the list
    places: dict[str, int] = {}
    for place, run in enumerate(runs):
        places.setdefault(run["run"], place)
    said, found = [], []
    groups = list(items.groupby(["evaluation", "origin", "measure", "made"], sort=False))
    many = sorted({key[2].partition("|")[0] for key, rows in groups if rows["value"].nunique() > len(SIGNS)})
    if many:
        said.append(f"items by {', '.join(many)}: more than {len(SIGNS)} different values")
    kept = [(key, rows) for key, rows in groups if 1 <= rows["value"].nunique() <= len(SIGNS)]
    kept.sort(key=lambda group: _rank(group[0][2]))
    used = 0
    for key, rows in kept:
        built = _build_set(key, rows, places)
        size = len(pack(built))
        if used + size > room:
            said.append(f"items of {key[0]} by {key[2].replace('|', ' ')}: {size:,} bytes more than there is room for")
            continue
        used += size
        found.append(built)
    return {"sets": found}, said


def _rank(measure: str) -> int:
    name = measure.partition("|")[0]
    return FIRST.index(name) if name in FIRST else len(FIRST)


def _build_set(key: tuple[str, str, str, str], rows: pd.DataFrame, places: dict[str, int]) -> dict[str, Any]:
    evaluation, origin, measure, made = key
    values = sorted(rows["value"].dropna().unique().tolist())
    sign = dict(zip(values, SIGNS, strict=False))
    turns = rows["turn"].nunique() > 1
    names = rows["item"].astype(str) + (", turn " + rows["turn"].astype(str) if turns else "")
    rows = rows.assign(name=names, sign=rows["value"].map(sign).fillna(ABSENT))
    order = rows.drop_duplicates("name").sort_values(["item", "turn"], key=_in_order)["name"].tolist()
    wide = rows.pivot(index=["run", "language"], columns="name", values="sign").reindex(columns=order).fillna(ABSENT)
    answers = ["".join(line) for line in wide.to_numpy()]
    return {
        "evaluation": evaluation,
        "origin": origin,
        "measure": measure,
        "made": made,
        "values": values,
        "items": order,
        "run": [places[run] for run in wide.index.get_level_values("run")],
        "language": named(wide.index.get_level_values("language")),
        "answers": answers,
    }


def _in_order(column: pd.Series) -> pd.Series:
    """Return what items are ordered by: as numbers where all of them are."""
    import pandas as pd

    as_numbers = pd.to_numeric(column, errors="coerce")
    return column.astype(str) if as_numbers.isna().any() else as_numbers
