"""What two runs answer differently: the items of each run as a string of one sign per item."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from polytune.explorer.columns import named, pack
from polytune.explorer.scores import measure_keys
from polytune.explorer.tables import MEASURE, MOST_VALUES, StudyTables, data_origin

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

SIGNS = "0123456789abcdefghijklmnopqrstuvwxyz"
"""The values of a measure in rising order."""
ABSENT = "-"
FIRST = ("acc", "rating", "win", "language_pass")
"""Measures that are kept first where there is not room for all."""
PLACE = ["run", "language", "item", "turn"]


def build_items(studies: Sequence[StudyTables], runs: Sequence[dict[str, Any]], room: int) -> tuple[dict, list[str]]:
    """Return the sets of items that fit into `room` bytes of the page, and a sentence for whatever is left out.

    A set is an evaluation by one measure: `values` (what each sign means), `items` (their names, in order) and, for
    each run and language, a string with one sign per item. The same item is the same question in every language where
    the benchmark was made by translation. A run of several studies counts once, at its first place in `runs`.
    """
    said = []
    if many := sorted({name for tables in studies for name in tables.many_valued}):
        said.append(f"items by {', '.join(many)}: more than {MOST_VALUES} different values")
    places: dict[str, int] = {}
    for place, run in enumerate(runs):
        places.setdefault(run["run"], place)
    found, used = [], 0
    groups = _groups(studies)
    for key in sorted(groups, key=lambda key: _rank(key[2])):  # a stable sort: otherwise in the order of the studies
        built = _build_set(key, groups[key], places)
        size = len(pack(built))
        if used + size > room:
            words = key[2].replace("|", " ")
            said.append(f"items of {key[0]} by {words}: {used + size - room:,} bytes more than there is room for")
            continue
        used += size
        found.append(built)
    return {"sets": found}, said


def _rank(measure: str) -> int:
    name = measure.partition("|")[0]
    return FIRST.index(name) if name in FIRST else len(FIRST)


def _groups(studies: Sequence[StudyTables]) -> dict[tuple[str, str, str, str], list[pd.DataFrame]]:
    """Return the items of each evaluation, origin and measure, of the world or real, a table for each study."""
    groups: dict[tuple[str, str, str, str], list[pd.DataFrame]] = {}
    for tables in studies:
        rows = tables.items.assign(made=data_origin(tables, tables.items))
        columns = ["evaluation", "origin", *MEASURE, "made"]
        for key, group in rows.groupby(columns, observed=True, sort=False):
            evaluation, origin, *measure, made = key
            (name,) = measure_keys([measure])
            groups.setdefault((evaluation, origin, name, made), []).append(group[[*PLACE, "value"]])
    return groups


def _build_set(
    key: tuple[str, str, str, str], groups: Sequence[pd.DataFrame], places: dict[str, int]
) -> dict[str, Any]:
    import numpy as np
    import pandas as pd

    evaluation, origin, measure, made = key
    rows = groups[0] if len(groups) == 1 else pd.concat([group.astype({"run": str}) for group in groups])
    if len(groups) > 1:
        rows = rows.drop_duplicates(PLACE)
    values = np.unique(rows["value"].dropna().to_numpy())
    lines = rows.groupby(["run", "language"], observed=True, sort=False)
    asked = rows.groupby(["item", "turn"], observed=True, sort=False)
    names, order = _name_items(list(asked.indices))
    signs = np.full((lines.ngroups, asked.ngroups), ABSENT)
    given = rows["value"].notna().to_numpy()
    letters = np.array(list(SIGNS))[np.searchsorted(values, rows["value"].to_numpy()[given])]
    signs[lines.ngroup().to_numpy()[given], asked.ngroup().to_numpy()[given]] = letters
    heads = rows[["run", "language"]].drop_duplicates()
    return {
        "evaluation": evaluation,
        "origin": origin,
        "measure": measure,
        "made": made,
        "values": values.tolist(),
        "items": [names[place] for place in order],
        "run": [places[run] for run in heads["run"]],
        "language": named(heads["language"].tolist()),
        "answers": ["".join(line) for line in signs[:, order]],
    }


def _name_items(items: Sequence[tuple[str, int]]) -> tuple[list[str], np.ndarray]:
    """Return what each item and turn is called, and their order: by number where all have one, else by name."""
    import numpy as np

    several = len({turn for _, turn in items}) > 1
    names = [f"{item}, turn {turn}" if several else str(item) for item, turn in items]
    numbered = all(str(item).isdigit() for item, _ in items)
    keys = [(int(item) if numbered else str(item), turn) for item, turn in items]
    return names, np.array(sorted(range(len(keys)), key=keys.__getitem__))
