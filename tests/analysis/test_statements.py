"""What is said below the numbers of every figure and table."""

from __future__ import annotations

import pandas as pd
import pytest

from polytune.analysis.asked import Asked


def asked(folder, bases: dict[str, str]) -> Asked:
    """A figure of a study whose runs have these bases (by run), beside a null responder."""
    rows = [{"run": run, "base": base, "method": "full", "world": "w1"} for run, base in bases.items()]
    rows.append({"run": "null", "base": "null-s-w1", "method": "null", "world": "w1"})
    runs = pd.DataFrame(rows).assign(mixture="m", notes=[[]] * len(rows), cut=None)
    runs.to_parquet(folder / "runs.parquet")
    content = {"study": "s", "scale": "world", "worlds": ["w1"], "name": "x", "spec": {}, "defaults": {},
               "evaluations": [], "languages": {}}  # fmt: skip
    return Asked(content, folder, "figures")


@pytest.mark.parametrize(
    ("bases", "shown", "said"),
    [
        (["llama-w1", "mixtral-w1"], ["mixtral-w1", "mixtral-w1"], ["Base: mixtral."]),
        (["llama-w1", "mixtral-w1"], ["mixtral-w1", "llama-w1"], []),
        (["llama-w1"], ["llama-w1"], []),
        (["llama-w1", "mixtral-w1"], ["mixtral"], ["Base: mixtral."]),  # several worlds: their names are gone
    ],
)
def test_a_base_is_named_where_it_is_the_only_one_of_several(tmp_path, monkeypatch, bases, shown, said):
    monkeypatch.setattr("polytune.analysis.asked.say_cuts", lambda runs: [])
    one = asked(tmp_path, {f"run{number}": base for number, base in enumerate(bases)})
    found = one.statements(pd.DataFrame({"base": shown, "origin": ""}))
    assert [line for line in found if line.startswith("Base")] == said


def test_a_table_without_bases_names_none(tmp_path, monkeypatch):
    monkeypatch.setattr("polytune.analysis.asked.say_cuts", lambda runs: [])
    assert asked(tmp_path, {"a": "x", "b": "y"}).statements(pd.DataFrame({"origin": [""]})) == []
