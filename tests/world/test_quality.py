"""The planted effects show up in a reduced world, through the project's own training and evaluation.

Not the paraphrase task: it is learnt all at once or not at all (docs/world.md), which no small test can rely on.
"""

import importlib.util
from dataclasses import replace
from pathlib import Path
from statistics import mean

import pytest

from polytune.world.settings import settings_of_size

pytestmark = pytest.mark.slow

BASE = ("en", "zh", "es", "hi")
TUNED = ["en", "zh", "ru", "tr"]
SETTINGS = replace(settings_of_size("tiny", 21), documents_per_base_language=5000, instruction_rows=1500)


@pytest.fixture(scope="module")
def quality():
    path = Path(__file__).resolve().parents[2] / "performance" / "world_quality.py"
    spec = importlib.util.spec_from_file_location("world_quality", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def measured(quality, tmp_path_factory):
    mixtures = {"tuned": (TUNED, {"rows": 1500})}
    return quality.measure_world(SETTINGS, tmp_path_factory.mktemp("quality"), mixtures, 1500, ("xcopa-all",))


def accuracy(measured, model, benchmark, languages):
    return mean(measured[model][benchmark][language] for language in languages)


def test_the_base_knows_its_languages_and_no_others(measured):
    unseen = [language for language in SETTINGS.languages if language not in BASE]
    assert accuracy(measured, "base", "xcopa-all", BASE) > 0.75
    assert abs(accuracy(measured, "base", "xcopa-all", unseen) - 0.5) < 0.05


def test_tuning_teaches_unseen_languages(measured):
    assert accuracy(measured, "tuned", "xcopa-all", ["ru", "tr"]) > 0.75


def test_replay_keeps_what_the_base_knows_of_languages_left_out(measured):
    before, after = (accuracy(measured, model, "xcopa-all", ["es", "hi"]) for model in ("base", "tuned"))
    assert after > before - 0.06


def test_relatives_of_tuned_languages_gain_more_than_others(measured, quality):
    gains = quality.transfer(TUNED, BASE, measured["tuned"]["xcopa-all"], measured["base"]["xcopa-all"])
    assert gains["gain with a close relative"] > gains["gain without"] + 0.02
    assert gains["r(gain, similarity)"] > 0.2
