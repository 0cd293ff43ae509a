"""What free answers are forecast to cost, and that the forecast is what the judge is then asked."""

from __future__ import annotations

import pytest

from polytune.costs.answers import Judged, expected_usage, find_answers, questions
from polytune.costs.assumptions import Assumptions
from polytune.costs.jobs import find_models
from polytune.costs.operations import Calibration
from polytune.costs.rules import Costs
from polytune.files import write_json
from tests.study.test_answers import STUDY, plan_of


@pytest.fixture
def plan(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return plan_of(tmp_path, STUDY.format(name="asked"))


def costs_of(plan):
    assumptions = Assumptions(find_models(plan))
    device = assumptions.device("cpu")
    return Costs(assumptions, Calibration([]), device, plan.config["training"], plan.paths, find_answers(plan))


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
