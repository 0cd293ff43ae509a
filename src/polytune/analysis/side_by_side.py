"""Answers set side by side with those of the model tuned on the language alone (Pinch, arXiv 2401.01854, section 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polytune.analysis.choices import Choice

if TYPE_CHECKING:
    import pandas as pd

EQUAL = 0.5
"""Win rate of two models that cannot be told apart, and of a model against itself."""
MONOLINGUAL = "monolingual"


def add_own(rows: pd.DataFrame, runs: pd.DataFrame, choice: Choice) -> pd.DataFrame:
    """Return scores of single languages with a row for every model in the language that it alone was tuned on.

    Such a model is its own opponent, so that nobody judged it there: its win rate is 50 by definition, without an
    error. Other measures and opponents are returned as they are.
    """
    import pandas as pd

    if choice.measure != "win" or set(rows["opponent"]) != {MONOLINGUAL}:
        return rows
    singles = runs[runs["n_languages"] == 1].drop_duplicates("run")
    own = dict(zip(singles["run"], (codes[0] for codes in singles["languages"]), strict=True))
    first = rows[rows["run"].isin(own)].drop_duplicates(["run", "evaluation", "judge", "protocol"])
    added = first.assign(
        language=first["run"].map(own), value=EQUAL, stderr=0.0, drift=0.0, items=0, missing=0, tuned=True
    )
    return pd.concat([rows, added[added["language"].isin(rows["language"])]], ignore_index=True)


def is_own(points: pd.DataFrame) -> pd.Series:
    """Return which points are models in their own language, which nobody judged."""
    return (points["items"] == 0) & (points["stderr"] == 0)
