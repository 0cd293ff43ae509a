"""The two papers that are files only: what they plan at both scales, and that what was chosen says so."""

from __future__ import annotations

import re

import pytest

from polytune.config.settings import load_config
from polytune.study.plan import Plan

PAPERS = ("not-all-you-need", "donors")


@pytest.fixture(scope="module")
def plan():
    """Return the plan of a study at a scale."""
    return lambda study, scale: Plan(load_config({"studies": [study], "scale": scale, "world": {"size": "tiny"}}))


@pytest.mark.parametrize("study", PAPERS)
def test_a_paper_is_a_short_file_that_marks_its_choices(project, study):
    text = (project / f"config/studies/{study}.yaml").read_text()
    assert len(text.splitlines()) <= 60
    assert re.search(r"arXiv \d{4}\.\d{5}", text)
    for section in ("mixtures", "runs", "evaluation"):  # no abstract says which rows, rates and benchmarks
        part = re.search(rf"^{section}:.*?(?=^\S|\Z)", text, re.MULTILINE | re.DOTALL)[0]
        assert "# choice: " in part, section


def test_english_is_not_all_you_need_has_22_mixtures_of_equal_size(plan):
    """220 runs of 22 mixtures and two tasks are five bases; with one task 110."""
    full = plan("not-all-you-need", "full")
    assert len({run.mixture for run in full.tuned.values()}) == 22
    assert len(full.tuned) == 110 == 220 / 2
    sizes = sorted(recipe.size for recipe in full.recipes.values())
    assert sizes == [1] * 10 + [2] * 4 + list(range(3, 11))
    assert {sum(recipe.amount.values()) for recipe in full.recipes.values()} == {20_000}


def test_donors_tunes_one_language_at_a_time(plan):
    full = plan("donors", "full")
    assert len(full.recipes) == 11 and {recipe.size for recipe in full.recipes.values()} == {1}
    assert {run.spec["method"] for run in full.tuned.values()} == {"lora"}
    assert len({run.base.name for run in full.tuned.values()}) == 4


@pytest.mark.parametrize(("study", "models", "bases"), [("not-all-you-need", 24, 2), ("donors", 22, 2)])
def test_the_world_stands_in_with_bases_of_the_same_kind(plan, study, models, bases):
    small = plan(study, "world")
    assert len(small.tuned) == models
    named = {run.base.name for run in small.tuned.values()}
    assert len(named) == bases and {"world-qwen-w1-tiny", "world-gemma-w1-tiny"} <= named
