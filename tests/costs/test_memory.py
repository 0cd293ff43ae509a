"""`mem_mb` of the rules: what a training or an evaluation takes of the host."""

from __future__ import annotations

import pytest

from polytune.costs.memory import evaluation_mem_mb, training_mem_mb
from tests.cases.fake_plan import FakePlan

TRAINING = {"zero_stage": 2, "micro_batch_tokens": 2048}
SMOLLM2 = {"base": "smollm2", "parameters": 134_515_008, "layers": 30, "hidden": 576, "precision": "fp32"}


def only_run(plan: FakePlan):
    return next(iter(plan.tuned.values()))


def test_a_training_on_a_cpu_asks_for_more_than_it_was_seen_to_take():
    """LoRA with packs of 2,048 tokens took 4.2 to 4.4 GB (SmolLM2 135M), and two of them must not start in 8 GB."""
    asked = training_mem_mb(only_run(FakePlan(**SMOLLM2, method="lora")), TRAINING, "cpu")
    assert 4420 < asked < 5200
    larger = training_mem_mb(
        only_run(FakePlan(**SMOLLM2, method="lora")), {**TRAINING, "micro_batch_tokens": 8192}, "cpu"
    )
    assert larger > 2.5 * asked


def test_processes_of_a_cpu_add_up():
    one, two = (
        training_mem_mb(only_run(FakePlan(**SMOLLM2, method="lora", devices=(1, count))), TRAINING, "cpu")
        for count in (1, 2)
    )
    assert two == pytest.approx(2 * one, abs=1)


def test_on_a_gpu_the_weights_pass_through_the_host():
    asked = training_mem_mb(only_run(FakePlan(devices=(2, 8))), TRAINING, "cuda")
    assert 8 * (28_300 + 3000) < asked < 480_000  # of a LUMI node, eight processes each with BLOOM-7B1


def test_evaluations():
    base = FakePlan(**SMOLLM2).bases["smollm2"]
    assert evaluation_mem_mb(base, "cpu") == 2000  # 1.08 GB were measured
    assert evaluation_mem_mb(FakePlan().bases["bloom-7b1"], "cpu") > 28_300 + 600


def test_a_base_of_unknown_size_gets_what_it_got():
    plan = FakePlan(parameters=None)
    assert training_mem_mb(only_run(plan), TRAINING, "cpu") == evaluation_mem_mb(plan.bases["bloom-7b1"], "cpu") == 4000
