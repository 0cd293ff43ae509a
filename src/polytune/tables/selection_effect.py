"""Does a way of choosing languages help? One interval for each way, over language sets, seeds and languages."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from polytune.analysis.choices import Choice, Contrast, choose_scores
from polytune.analysis.context import Context, coordinate_word
from polytune.analysis.measures import measure_info
from polytune.config.kinds import Coordinate, Evaluation
from polytune.errors import InputError
from polytune.scores.spec import UNTUNED
from polytune.tables.rendering import DASH, Cell, Table, number

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

EVERY = "all"
"""The row of all bases together."""


def build_selection_effect(
    scores: pd.DataFrame,
    runs: pd.DataFrame,
    context: Context,
    choice: Choice,
    reference: str,
    against: Coordinate = "features",
    benchmarks: list[Evaluation] | None = None,
) -> Table:
    """Return the effect of each value of `against` beside `reference`: a row per base, and one of all bases.

    Every benchmark counts the same, and in it every language. What some run lacks is left out of all.
    """
    import pandas as pd

    from polytune.analysis.contrasts import contrast_rows
    from polytune.analysis.selection_effect import estimate_effect

    info = measure_info(choice.measure)
    rows = contrast_rows(choose_scores(scores, choice, benchmarks), runs, choice, Contrast(reference, against))
    rows = rows[rows["group"] != UNTUNED].assign(
        set=[" ".join(sorted(codes)) for codes in rows.loc[rows["group"] != UNTUNED, "languages"]],
        value=lambda table: info.scale * table["value"],
    )
    bases = list(dict.fromkeys(rows["base"]))
    found, dropped = [], 0
    for value in [name for name in dict.fromkeys(rows["group"]) if name != reference]:
        for base in [*bases, *[EVERY] * (len(bases) > 1)]:
            here = rows[rows["group"].isin([value, reference])]
            cells, lost = _cells(here if base == EVERY else here[here["base"] == base])
            dropped = max(dropped, lost)
            if {value, reference} <= set(cells.index.get_level_values("group")):
                sides = (cells.loc[name].to_numpy() for name in (value, reference))
                effect = estimate_effect(*sides, _weights(cells.columns), cells.columns.get_level_values("language"))
                found.append({against: value, "reference": reference, "base": base, **_columns(effect)})
    if not found:
        raise InputError(f"reference: no language in common of '{reference}' and another value of {against}")
    data = pd.DataFrame(found)
    body = [
        [
            Cell(text, place == 2 and row["low"] * row["high"] > 0)
            for place, text in enumerate(_texts(row, against, info))
        ]
        for row in found
    ]
    header = [coordinate_word(against), "base", "effect", "95 % interval", "p", "df", "other sets", "other languages",
              "sets", "languages"]  # fmt: skip
    notes = [
        f"What a set chosen so adds over one of {reference} in {info.label}{info.unit_in_brackets}, every benchmark "
        "counted the same. The interval holds for other sets, seeds and languages, and for these benchmarks and bases "
        "(a mixed model, all that is of one language a cluster, docs/statistics.md); beside it what sets and seeds, "
        "and what languages, add to its standard error. Few sets, and languages of several benchmarks that count more "
        "than others, leave few degrees of freedom (df). Bold: the interval does not hold 0.",
    ]
    if not info.higher_is_better:
        notes.append(f"Lower {info.label} is better: an effect below 0 is a gain.")
    if dropped:
        notes.append(f"{dropped} languages of benchmarks are left out: some run has no score in them.")
    if data["p"].isna().any():
        notes.append(f"{DASH}: a single set on either side has no interval.")
    if data["error_languages"].isna().any():
        notes.append(f"Other languages {DASH}: of a single language the interval holds for that one alone.")
    return Table(f"Effect of the selection on {info.label}", header, body, data, notes)


def _cells(rows: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Return means over seeds, (group, set) x (base, evaluation, language), and how many columns were incomplete."""
    cells = rows.groupby(["group", "set", "base", "evaluation", "language"])["value"].mean()
    cells = cells.unstack(["base", "evaluation", "language"])
    complete = cells.dropna(axis=1)
    return complete, cells.shape[1] - complete.shape[1]


def _weights(units: pd.MultiIndex) -> np.ndarray:
    """Return weights with the sum 1: every base and benchmark the same, and in it every language."""
    import pandas as pd

    table = units.to_frame(index=False)
    size = table.groupby(["base", "evaluation"])["language"].transform("size")
    benchmarks = table.groupby("base")["evaluation"].transform("nunique")
    return pd.Series(1 / (size * benchmarks * table["base"].nunique())).to_numpy()


def _columns(effect: Any) -> dict[str, Any]:
    from dataclasses import asdict

    values = asdict(effect)
    selected, others = values.pop("sets")
    return values | {"selected_sets": selected, "reference_sets": others}


def _texts(row: dict[str, Any], against: str, info: Any) -> list[str]:
    interval = DASH if math.isnan(row["low"]) else f"[{number(row['low'], 2)}, {number(row['high'], 2)}]"
    return [
        row[against],
        "all bases" if row["base"] == EVERY else row["base"],
        number(row["effect"], 2),
        interval,
        number(row["p"], 3),
        number(row["freedom"], 1),
        number(row["error_sets"], 2),
        number(row["error_languages"], 2),
        f"{row['selected_sets']} : {row['reference_sets']}",
        str(row["languages"]),
    ]
