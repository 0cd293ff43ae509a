"""One model for all languages, made of models that were tuned on one each.

"Monolingual tuning" in a paper about several languages is such a system: its score of a language is the score of the
model tuned on that language, so that it can stand beside a model tuned on all of them (arXiv 2309.08958, section 2.2).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from polytune.analysis.items import Items
from polytune.errors import InputError, nearest

if TYPE_CHECKING:
    import pandas as pd

SAME = ["family", "base", "method", "variant", "seed", "world"]
"""What the runs of one system have in common."""


@dataclass(frozen=True)
class Systems:
    """The runs of a study in which those of some families have been joined."""

    runs: pd.DataFrame
    places: pd.DataFrame
    """Columns run, language, system: which run stands for a system in a language."""

    def relabel(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return a table with the columns run and language in which systems stand in the place of their runs."""
        kept = table[table["run"].isin(self.runs["run"])]
        own = table.merge(self.places, on=["run", "language"])
        return _stack(kept, own.drop(columns="run").rename(columns={"system": "run"}))


@dataclass(frozen=True)
class SystemItems(Items):
    """The items of a study in which runs have become systems."""

    systems: Systems

    def read(self, evaluation: str, origin: str, measure: str, categories: bool = False) -> pd.DataFrame:
        """Return the items of the runs that are left and of the systems."""
        return self.systems.relabel(super().read(evaluation, origin, measure, categories))


def join_own(runs: pd.DataFrame, families: Collection[str]) -> Systems:
    """Return the runs with those of each of `families` joined into systems.

    The runs of a family that share base, method, variant, seed and world become one run, whose mixture is called like
    the family and whose languages are theirs. Raises `InputError` for a family whose runs were tuned on several
    languages, or two of them on the same one.
    """
    known = dict.fromkeys(runs.loc[runs["family"] != "", "family"])
    for family in families:
        if family not in known:
            raise InputError(f"own: no family '{family}'{nearest(family, known)}; there are: {', '.join(known)}")
    members = runs[runs["family"].isin(families)]
    if len(several := members[members["n_languages"] != 1]):
        first = several.iloc[0]
        raise InputError(
            f"own: '{first['family']}' holds {first['mixture']}, tuned on {first['n_languages']} languages"
        )
    members = members.assign(language=[codes[0] for codes in members["languages"]])
    if len(twice := members[members.duplicated([*SAME, "language"])]):
        first = twice.iloc[0]
        raise InputError(
            f"own: '{first['family']}' holds two runs tuned on '{first['language']}' alone: {first['run']}"
        )
    merged = {name: "first" for name in runs if name not in (*SAME, "languages")} | {"language": list}
    systems = members.groupby(SAME, sort=False).agg(merged).reset_index().rename(columns={"language": "languages"})
    systems["mixture"] = systems["family"]
    systems["run"] = ["/".join(map(str, key)) for key in systems[SAME].itertuples(index=False, name=None)]
    places = members.merge(systems[[*SAME, "run"]].rename(columns={"run": "system"}), on=SAME)
    return Systems(_stack(runs[~runs["family"].isin(families)], systems), places[["run", "language", "system"]])


def _stack(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """Return two tables of the same columns, one below the other."""
    import pandas as pd

    return pd.concat([first, second[list(first)]], ignore_index=True)
