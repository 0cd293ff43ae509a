"""Answers that the trainings of a study have cut at their maximum length, language by language."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("base", "source", "language", "rows", "partly", "wholly", "share")


def worst_cuts(runs: pd.DataFrame) -> pd.DataFrame:
    """Return `COLUMNS` for each base, source and language that a run was tuned on: of the run that has cut most.

    `share` is that of the rows whose answer was cut, partly or wholly. The dearest come first.
    """
    import pandas as pd

    rows = [
        {"base": base, **part, "share": (part["partly"] + part["wholly"]) / max(part["rows"], 1)}
        for base, parts in zip(runs["base"], runs.get("cut", [()] * len(runs)), strict=True)
        for part in parts
    ]
    found = pd.DataFrame(rows, columns=COLUMNS).sort_values(["share", "wholly"], ascending=False, kind="stable")
    return found.drop_duplicates(["base", "source", "language"], ignore_index=True)


def say_cuts(runs: pd.DataFrame, shown: int = 5) -> list[str]:
    """Return in a sentence which languages lost answers, if any did; beyond `shown` languages only their number."""
    cuts = worst_cuts(runs)
    cuts = cuts[cuts["share"] > 0].drop_duplicates("language")
    if cuts.empty:
        return []
    said = ", ".join(
        f"{one.language} {one.wholly / one.rows:.1%} wholly and {one.partly / one.rows:.1%} partly"
        for one in cuts.head(shown).itertuples()
    )
    more = f" and {len(cuts) - shown} languages more (table kind cut_answers)" if len(cuts) > shown else ""
    return [f"Answers cut at the runs' maximum length, in shares of a language's rows: {said}{more}."]
