"""What tuning brings to languages that neither the base nor the mixture holds: does it come through relatives?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from polytune.analysis.statistics import pearson
from polytune.errors import InputError
from polytune.scores.spec import UNTUNED

if TYPE_CHECKING:
    import pandas as pd


def measure_transfer(rows: pd.DataFrame, similarity: pd.DataFrame, close: float) -> list[dict[str, Any]]:
    """Return, for each tuned run and evaluation, how its unseen, untuned languages gain over its own base.

    `rows` are scores of single languages with the columns of their runs and `model`; `similarity` has a row per
    language and a column per other one. Keys: evaluation, model, base, world, seed, run; `gain_close`, `gain_distant`:
    mean gain of languages with and without a tuned language of similarity >= `close`, NaN where there is none;
    `n_close`, `n_distant`; `r`: Pearson's correlation of gain and summed similarity to the tuned languages, NaN of less
    than three languages: two points lie on a line.
    """
    before = rows[rows["method"] == UNTUNED].set_index(["base", "evaluation", "language"])["value"]
    found = []
    for (run, evaluation), group in rows[rows["method"] != UNTUNED].groupby(["run", "evaluation"], sort=False):
        first = group.iloc[0]
        tuned, known = list(first["languages"]), set(first["seen_languages"]) | set(first["languages"])
        others = group[~group["language"].isin(known)]
        if others.empty or (first["base"], evaluation) not in before.index.droplevel("language"):
            continue
        codes = list(others["language"])
        for code in (*codes, *tuned):
            if code not in similarity.columns:
                raise InputError(f"similarity: no language '{code}'; it has: {' '.join(similarity.columns)}")
        gains = others["value"].to_numpy() - before.loc[first["base"], evaluation].loc[codes].to_numpy()
        near = similarity.loc[codes, tuned].to_numpy()
        is_close = near.max(axis=1) >= close
        found.append(
            {
                "evaluation": evaluation,
                **{column: first[column] for column in ("model", "base", "world", "seed")},
                "run": run,
                "gain_close": gains[is_close].mean() if is_close.any() else math.nan,
                "n_close": int(is_close.sum()),
                "gain_distant": gains[~is_close].mean() if not is_close.all() else math.nan,
                "n_distant": int((~is_close).sum()),
                "r": float(pearson(near.sum(axis=1)[:, None], gains)[0]) if len(gains) > 2 else math.nan,
            }
        )
    return found
