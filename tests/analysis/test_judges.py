"""Where null responders stand among tuned models."""

from __future__ import annotations

import pandas as pd
import pytest

from polytune.analysis.judges import NullRank, rank_nulls

ABOUT = {"evaluation": "questions", "origin": "world", "judge": "exact", "protocol": "side-by-side"}
RUNS = pd.DataFrame(
    [{"run": f"{world}/{name}", "world": world, "method": "full"} for world in ("w1", "w2") for name in "abcd"]
)


def rows(values: dict[str, float], opponent: str, **names: str) -> pd.DataFrame:
    """Means over languages of runs (`world/name`) against an opponent."""
    told = [{"run": run, "value": value} for run, value in values.items()]
    return pd.DataFrame(told).assign(aggregate="mean", measure="win", opponent=opponent, **ABOUT, **names)


def nulls(values: dict[str, float], opponent: str) -> pd.DataFrame:
    """The same of one null responder in each world."""
    table = rows(values, opponent, mixture="empty")
    return table.assign(world=table["run"])


def test_each_opponent_has_a_rank_of_its_own():
    """Last of two against the base hides that it is not last of four against the models tuned on one language."""
    scores = pd.concat(
        [
            rows({"w1/a": 0.5, "w1/b": 0.6}, "base"),
            rows(dict(zip(RUNS["run"], [0.4, 0.3, 0.2, 0.1], strict=False)), "monolingual"),
        ]
    )
    null = pd.concat([nulls({"w1": 0.2}, "base"), nulls({"w1": 0.15}, "monolingual")])
    base, monolingual = rank_nulls(scores, RUNS, null, ABOUT)
    assert base == NullRank("empty", "win", "base", 20.0, 3, 3, 0, 50.0) and base.is_last
    assert monolingual == NullRank("empty", "win", "monolingual", 15.0, 4, 5, 1, 10.0) and not monolingual.is_last


@pytest.mark.parametrize("worlds", [("w1", "w2"), ("w2", "w1")])
def test_of_several_worlds_the_one_where_it_stands_best_is_shown_however_many_models_each_has(worlds):
    """Rank 2 of 2 is last, rank 4 of 5 is not."""
    scores = rows({"w1/a": 0.5, "w2/a": 0.4, "w2/b": 0.3, "w2/c": 0.2, "w2/d": 0.1}, "base")
    (found,) = rank_nulls(scores, RUNS, nulls(dict.fromkeys(worlds, 0.15), "base"), ABOUT)
    assert (found.rank, found.models, found.is_last) == (4, 5, False)
