"""Targets of the command line that the configured studies do not have."""

from __future__ import annotations

import pytest

from polytune.config.settings import load_config
from polytune.errors import InputError
from polytune.study.compare import check_targets
from polytune.study.plan import Plan

BASE = "world-bloom-w1/base/none/seed0"
MIXTURE = "world-w1-en-400-rows-replay4000"

RULES = {"all", "lucky52", "report"}


@pytest.fixture(scope="module")
def plan():
    return Plan(load_config({"studies": ["lucky52"]}))


@pytest.mark.parametrize(
    "target",
    [
        "all",
        "lucky52",
        f"results/runs/{BASE}/evaluations/world/xcopa.json",
        f"./results/runs/world-bloom-w1/full/{MIXTURE}/seed1/model/manifest.json",
        f"results/mixtures/{MIXTURE}.json",
        "results/bases/world-bloom-w1/manifest.json",
        "results/scores/lucky52/world/scores.parquet",
        "elsewhere/runs/of/another/project/seed1",
    ],
)
def test_what_the_studies_have_may_be_asked_for(plan, target):
    check_targets(plan, [target], RULES)


@pytest.mark.parametrize(
    "target, what",
    [
        ("results/runs/world-llama-w1/lora/world-w1-x/seed1/model/manifest.json", "run 'world-llama-w1/lora/"),
        (f"results/runs/{BASE}9/evaluations/world/xcopa.json", f"run '{BASE}9'"),
        ("results/mixtures/world-w1-x.json", "mixture 'world-w1-x'"),
        ("./results/bases/world-llama-w1/manifest.json", "base 'world-llama-w1'"),
    ],
)
def test_another_study_s_result_is_refused_in_one_line_that_says_what_to_do(plan, target, what):
    with pytest.raises(InputError) as said:
        check_targets(plan, ["all", target], RULES)
    line = str(said.value)
    assert line.startswith(f"{target}: no configured study has the {what}") and "\n" not in line
    assert "(studies: lucky52)" in line and "--config 'studies=[STUDY]'" in line and "--configfile" in line
