"""The languages of a prompt set or benchmark: how they are related and written, and which bases have seen them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polytune.analysis.choices import without_world
from polytune.analysis.context import Context
from polytune.config.kinds import Evaluation, Language
from polytune.errors import InputError
from polytune.tables.rendering import DASH, Cell, Table

if TYPE_CHECKING:
    import pandas as pd

ABOUT = ("family", "branch", "script")


def build_languages(
    scores: pd.DataFrame,
    runs: pd.DataFrame,
    context: Context,
    benchmark: Evaluation,
    intelligible: dict[Language, str] | None = None,
) -> Table:
    """Return a row for each language of `benchmark`: code, family, branch, script and the bases that have seen it.

    `intelligible` says of languages which other ones their speakers understand, in words.
    """
    import pandas as pd

    rows = scores[(scores["evaluation"] == benchmark) & (scores["aggregate"] == "")]
    if rows.empty:
        raise InputError(f"scores: no benchmark '{benchmark}' with scores of single languages")
    bases = runs[runs["run"].isin(rows["run"])].assign(base=without_world(runs["base"], runs["world"]))
    seen = {base: set(codes) for base, codes in zip(bases["base"], bases["seen_languages"], strict=True)}
    data = pd.DataFrame(
        {"language": context.language(code), "code": code}
        | {name: context.described.get(code, {}).get(name, "") for name in ABOUT}
        | ({"mutually intelligible with": intelligible.get(code, DASH)} if intelligible else {})
        | {f"seen by {base}": code in codes for base, codes in seen.items()}
        for code in dict.fromkeys(rows["language"])
    ).sort_values("language", kind="stable")
    words = {True: "yes", False: "no"}
    body = [[Cell(words.get(value, value)) for value in row] for row in data.itertuples(index=False)]
    notes = ["Scripts are those of ISO 15924. Seen: among the documented languages of the base's pre-training."]
    return Table(f"Languages of {context.title(benchmark)}", list(data), body, data, notes, numbers=False)
