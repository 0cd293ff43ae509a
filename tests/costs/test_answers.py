"""What free answers are forecast to cost, and that the forecast is what the judge is then asked."""

from __future__ import annotations

import pytest

from polytune.costs.answers import (
    Judged,
    expected_usage,
    find_answers,
    generation,
    on_one_device,
    questions,
    server_devices,
)
from polytune.costs.assumptions import Assumptions
from polytune.costs.jobs import Job, find_models
from polytune.costs.operations import Calibration, Model
from polytune.costs.rules import Costs
from polytune.files import write_json
from tests.study.test_answers import STUDY, plan_of

BASE = "world-bloom-w1"


@pytest.fixture
def plan(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return plan_of(tmp_path, STUDY.format(name="asked"))


def costs_of(plan, device="cpu", answer_devices=1):
    assumptions, training = Assumptions(find_models(plan)), plan.config["training"]
    named = assumptions.device(device)
    return Costs(assumptions, Calibration([]), named, training, plan.paths, find_answers(plan), answer_devices)


def generated(plan, **options):
    """Return what the first job of answers takes on LUMI with a base of Mixtral's size."""
    costs = costs_of(plan, "mi250x-gcd", **options)
    costs.assumptions.models[BASE] = Model(46_702_792_704)
    files = [plan.paths.responses(run, name) for run in plan.answers.batches[0].runs for name in ("questions",)]
    return generation(costs, Job("generate", files, files), set(files))


def test_a_base_that_is_too_large_for_a_device_fits_where_a_server_divides_it(plan):
    alone, divided = generated(plan), generated(plan, answer_devices=2)
    assert alone.memory_gb == pytest.approx(93.4, abs=0.1) and divided.memory_gb == alone.memory_gb / 2
    assert alone.too_large == f"generation with {BASE}" and "generation.server" in alone.remedy
    assert divided.too_large == ""
    assert divided.longest_hours < alone.longest_hours < divided.device_hours


def test_the_losses_of_a_base_that_is_too_large_are_named(plan):
    costs = costs_of(plan, "mi250x-gcd")
    costs.assumptions.models[BASE] = Model(46_702_792_704)
    assert on_one_device(costs, BASE, 60.0, "loss").too_large == f"loss of {BASE}"
    costs.assumptions.models[BASE] = Model(7_000_000_000)
    assert on_one_device(costs, BASE, 60.0, "loss").too_large == ""


@pytest.mark.parametrize(
    "backend, options, devices",
    [
        ("transformers", "--tensor-parallel-size 2", 1),
        ("server", "", 1),
        ("server", "--tensor-parallel-size 2", 2),
        ("server", "--tensor-parallel-size=4 -pp 2", 8),
    ],
)
def test_a_server_says_over_how_many_devices_it_divides_a_model(backend, options, devices):
    command = f"vllm serve {{model}} --port {{port}} {options}".strip()
    assert server_devices({"backend": backend, "server": command}) == devices


def test_calls_follow_from_prompts_orders_turns_and_the_repeat_block(plan):
    costs = costs_of(plan)
    costs.assumptions.content["generation"]["distinct"] = {"world": 0.5}
    write_json(plan.paths.prompts_report("world-questions-w1", "en"), {"rows": 100, "turns": 124})
    usage = {
        (one.verdicts.protocol, one.verdicts.run.split("/")[2]): expected_usage(costs, one)
        for one in costs.subjects.values()
        if isinstance(one, Judged) and not one.verdicts.run.startswith("null")
    }
    answers = plan.answers.responses["world-bloom-w1/base/none/seed0"]["questions"]
    assert questions(costs, answers) == 30 + 7  # 24 % of the questions have a second turn
    alone = usage["rating-3", "none"]
    assert alone.calls == (30 + 7 + 2 + 1) / 2  # 5 % of both are judged twice; half of all are the same request
    beside = usage["side-by-side", "none"]
    assert beside.calls == 10 + 2 + 1 + 1  # one language, both orders
    assert beside.prompt_tokens / beside.calls > alone.prompt_tokens / alone.calls
    assert alone.price == 0.0
