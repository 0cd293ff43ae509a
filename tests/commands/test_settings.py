"""Specs in words: every value by its key, and what differs between two."""

from __future__ import annotations

import json
import os

import pytest

from polytune.commands.settings import about_of, differences, flatten, settings_then, value_word
from polytune.config.settings import load_config
from polytune.study.plan import Plan


@pytest.fixture
def plan(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Plan(load_config({"studies": ["lucky52"]}))


def test_values_have_dotted_keys_and_entries_of_lists_their_names():
    spec = {"run": "a", "hyper": {"rate": 0.1, "adam": {"beta": 0.9}}, "evaluations": [{"name": "xcopa", "shots": 0}]}
    assert flatten(spec) == {"run": "a", "hyper.rate": 0.1, "hyper.adam.beta": 0.9, "evaluations.[xcopa].shots": 0}


def test_entries_that_no_key_tells_apart_are_numbered():
    assert flatten({"runs": [{"run": "a", "k": 1}, {"run": "a", "k": 2}]}) == {
        "runs.[1].run": "a", "runs.[1].k": 1, "runs.[2].run": "a", "runs.[2].k": 2,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (["en", "de"], "[en, de]"),
        (list(range(40)), "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, ... (40 in all)]"),
        (None, "none"), (True, "true"), (3e-05, "3e-05"), ("", "(empty)"), ({}, "{}"),
    ],
)  # fmt: skip
def test_values_are_written_as_in_a_configuration(value, word):
    assert value_word(value) == word


def test_only_what_differs_is_said():
    then = {"rate": 0.1, "languages": ["en", "de"], "gone": 1, "order": ["a", "b"], "same": {"x": 1}}
    now = {"rate": 0.2, "languages": ["de", "fr"], "new": None, "order": ["b", "a"], "same": {"x": 1}}
    assert differences(then, now) == [
        "rate: 0.1 then, 0.2 now",
        "languages: [fr] added, [en] gone",
        "new: not there then, none now",
        "order: [a, b] then, [b, a] now",
        "gone: 1 then, not there now",
    ]
    assert differences(now, now) == []


def test_an_entry_that_moves_in_a_list_is_no_difference():
    first, second = {"name": "xcopa", "n": 1}, {"name": "xnli", "n": 2}
    assert differences({"e": [first, second]}, {"e": [second, first]}) == []
    assert differences({"e": [first]}, {"e": [second, first]}) == ["e.[xnli].n: not there then, 2 now"]


def test_a_spec_is_known_by_its_path(plan):
    about = next(iter(plan.tuned))
    assert about_of(plan, plan.spec(f"runs/{about}")) == f"runs/{about}"
    assert about_of(plan, plan.paths.model_marker(about)) is None


def test_the_settings_then_are_the_older_spec_or_what_the_result_says(plan):
    run = next(iter(plan.tuned))
    about, marker = f"runs/{run}", plan.paths.model_marker(run)
    assert settings_then(plan, about) is None
    os.makedirs(os.path.dirname(marker))
    with open(marker, "w") as stream:
        json.dump({"spec": {"seed": 7}}, stream)
    assert settings_then(plan, about) == {"seed": 7}
    spec = plan.spec(about)
    os.makedirs(os.path.dirname(spec))
    with open(os.path.join(os.path.dirname(spec), "0123456789ab.json"), "w") as stream:
        json.dump({"seed": 8}, stream)
    assert settings_then(plan, about) == {"seed": 8}
    os.remove(os.path.join(os.path.dirname(spec), "0123456789ab.json"))
    plan.write_spec(about, spec)
    assert settings_then(plan, about) == plan.specs[about]
