"""The study `pinch`: what is planned at full scale and on the world, and what it shares with `alpaca`, each once."""

from __future__ import annotations

from collections import Counter

import pytest

from polytune.config.settings import load_config
from polytune.study import answer_jobs
from polytune.study.plan import Plan

TWELVE = {"ar", "zh", "cs", "en", "et", "fi", "he", "hi", "it", "ru", "es", "sw"}


def plan(*studies, **config):
    return Plan(load_config({"studies": list(studies), **config}))


@pytest.fixture(scope="module")
def full():
    return plan("pinch", scale="full")


@pytest.fixture(scope="module")
def plans():
    return plan("alpaca"), plan("pinch"), plan("alpaca", "pinch")


def test_the_full_study_is_the_papers(full):
    (study,) = full.studies.values()
    families = study.families
    assert {recipe.languages[0] for recipe in families["monolingual"]} == TWELVE
    assert [len(families[key]) for key in ("percent-twelve", "percent-six", "pairs", "slavic")] == [12, 12, 6, 7]
    assert Counter(one.coordinates["size"] for one in families["orders"])[6] == 1
    assert {code for one in families["pairs"] for code in one.languages} == TWELVE
    for recipe in study.recipes.values():
        assert set(recipe.amount.values()) == {4640}
    evenly = {one.name for key in ("percent-six", "orders") for one in families[key] if one.size == 6}
    assert len([one for one in evenly if "percent" not in one]) == 1  # P = 100 is the six languages of section 3.4


def test_only_what_a_figure_shows_is_asked_and_judged(full):
    (study,) = full.studies.values()
    asked = {path: set(names) for path, names in study.answers.items()}
    by_mixture = {study.runs[path].mixture: names for path, names in asked.items()}
    assert by_mixture["lima-oasst-sk-4640-rows"] == {"slavic"}
    assert by_mixture["lima-oasst-ru-4640-rows"] == {"instructions", "slavic"} == by_mixture["none"]
    assert by_mixture["lima-oasst-en-hi-4640-rows-in-all"] == {"instructions"}
    against_base = [one for one in full.answers.verdicts.values() if "/base/none/" in one.run + one.opponent]
    tuned = {one.opponent if "/base/none/" in one.run else one.run for one in against_base if one.opponent}
    single = {path for path, run in study.runs.items() if full.recipes.get(run.mixture, None) and
              full.recipes[run.mixture].size == 1}  # fmt: skip
    assert {run for run in tuned if not run.startswith("null")} == single


def test_a_pair_of_models_is_judged_once_whoever_asks(full):
    pairs = Counter(tuple(sorted((one.run, one.opponent))) for one in full.answers.verdicts.values() if one.opponent)
    assert set(pairs.values()) == {1}
    files = [file for batch in full.answers.judge_batches for file in answer_jobs.verdicts_of(full, batch)]
    assert len(files) == len(set(files))


def test_runs_shared_with_alpaca_are_trained_and_asked_once(plans):
    alpaca, pinch, both = plans
    shared = alpaca.tuned.keys() & pinch.tuned.keys()
    languages = {both.recipes[both.tuned[run].mixture].languages[0] for run in shared}
    assert languages == {"en", "es", "fr", "ru", "zh"}
    assert both.tuned.keys() == alpaca.tuned.keys() | pinch.tuned.keys()
    assert len(both.pretraining) == len(alpaca.pretraining)  # the untuned base is the same
    outputs = Counter(file for batch in both.answers.batches for file in answer_jobs.responses_of(both, batch))
    outputs += Counter(file for one in both.answers.judge_batches for file in answer_jobs.verdicts_of(both, one))
    assert set(outputs.values()) == {1}
    assert both.answers.verdicts.keys() == alpaca.answers.verdicts.keys() | pinch.answers.verdicts.keys()


def test_an_answer_that_both_need_has_one_place_in_the_journals(plans):
    """The journals know an answer by model, question and sampling, not by the name of the responses."""
    _, _, both = plans
    asked = both.answers.responses["world-bloom-w1/full/world-w1-es-1000-rows/seed1"]
    first, second = asked["questions"], asked["instructions"]
    assert first.languages != second.languages and set(first.languages) & set(second.languages) >= {"en", "es"}
    same = ("prompts", "sampling", "template", "template_digest", "identifier")
    assert [getattr(first, name) for name in same] == [getattr(second, name) for name in same]
