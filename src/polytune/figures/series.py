"""The points of a line: accuracy against the number of languages, in percent, with an interval."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from polytune.analysis.statistics import wilson_interval
from polytune.errors import InputError, nearest

if TYPE_CHECKING:
    import pandas as pd

BAND = 1.96
"""Half-width of the drawn intervals in standard errors: 95 % of a normal distribution."""


def select_line(scores: pd.DataFrame, benchmark: str, language: str) -> pd.DataFrame:
    """Return one line's points, ordered by number of languages; `language` may be a kind of mean.

    Columns: benchmark, language, n_languages (0: the untuned base), added (language added last), tuned, accuracy, low,
    high (percent), stderr (percentage points), items, seeds. The interval of a single language and seed is Wilson's,
    every other one accuracy -+ 1.96 stderr. With several seeds the accuracy is their mean and the error
    sqrt(s_items^2 + s_seeds^2 / seeds): the items are the same under every seed, so their error does not shrink.
    Raises `InputError` if the scores hold no such line.
    """
    import pandas as pd

    rows = scores[(scores["metric"] == "acc") & (scores["benchmark"] == benchmark)]
    if rows.empty:
        known = sorted(scores["benchmark"].unique())
        raise InputError(f"scores: no benchmark '{benchmark}'{nearest(benchmark, known)}; it has: {' '.join(known)}")
    line = rows[rows["language"] == language]
    if line.empty:
        known = sorted(rows.loc[rows["kind"] == "language", "language"].unique())
        raise InputError(
            f"scores: {benchmark} has no '{language}'{nearest(language, known)}; it has: {' '.join(known)}"
        )
    if line["base"].nunique() > 1 or line.loc[line["method"] != "base", "method"].nunique() > 1:
        bases = sorted(set(line["base"] + "/" + line["method"]))
        raise InputError(f"scores: one line needs one base and one method, found {', '.join(bases)}")
    points = []
    for count, group in line.groupby("n_languages"):
        if group["mixture"].nunique() > 1:
            raise InputError(
                f"scores: several mixtures of {count} languages: {', '.join(sorted(set(group['mixture'])))}"
            )
        seeds = len(group)
        between = group["value"].std(ddof=1) ** 2 / seeds if seeds > 1 else 0.0
        stderr = np.sqrt((group["stderr"] ** 2).mean() + between)
        value = group["value"].mean()
        low, high = value - BAND * stderr, value + BAND * stderr
        if seeds == 1 and group["kind"].iloc[0] == "language":
            low, high = wilson_interval(value, int(group["items"].iloc[0]), BAND)
        order = group["position_languages"].iloc[0]
        points.append(
            {
                "benchmark": benchmark,
                "language": language,
                "n_languages": int(count),
                "added": order[-1] if len(order) else "",
                "tuned": group["tuned"].iloc[0],
                "accuracy": 100 * value,
                "low": 100 * low,
                "high": 100 * high,
                "stderr": 100 * stderr,
                "items": int(group["items"].iloc[0]),
                "seeds": seeds,
            }
        )
    return pd.DataFrame(points)


def entering_point(line: pd.DataFrame) -> pd.Series | None:
    """Return the first point whose mixture holds the line's language, or None if none does."""
    tuned = line[line["tuned"].fillna(False).astype(bool)]
    return None if tuned.empty else tuned.iloc[0]


def exposure_of(scores: pd.DataFrame, benchmark: str) -> dict[str, str]:
    """Return the exposure group of every language of a benchmark."""
    rows = scores[(scores["benchmark"] == benchmark) & (scores["kind"] == "language")]
    return dict(zip(rows["language"], rows["exposure"], strict=True))
