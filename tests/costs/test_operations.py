"""The model of costs: operations, calibration, memory, and the hours that papers publish."""

from __future__ import annotations

import pytest

from polytune.costs.assumptions import Assumptions
from polytune.costs.operations import (
    Calibration,
    Finished,
    Model,
    checkpoint_bytes,
    evaluation_memory,
    model_bytes,
    training_memory,
)
from polytune.errors import InputError

BLOOM_7B1 = Model(7_069_016_064, "decoder", 30, 4096)


def finished(
    seconds: float, rule: str = "train_full", base: str = "b", device: str = "gpu", devices: int = 1
) -> Finished:
    return Finished(rule, base, device, devices, operations=100.0, device_seconds=seconds)


def test_operations():
    model = Model(1000)
    assert [model.operations(method, 10) for method in ("full", "lora", "evaluation")] == [60_000, 40_000, 20_000]
    assert Model(1000, "encoder-decoder").operations("full", 10) == 30_000


def test_the_most_similar_runs_count():
    runs = [
        finished(1.0, base="other", rule="train_lora"),
        finished(2.0, base="other"),
        finished(4.0, devices=2),
        finished(5.0),
        finished(10.0),
        finished(20.0),
        finished(0.1, device="other"),
    ]
    calibration = Calibration(runs)
    assert calibration.achieved("train_full", "b", "gpu", 1) == pytest.approx(100 / 10)  # the median of 5, 10, 20 s
    assert calibration.achieved("train_full", "b", "gpu", 2) == pytest.approx(100 / 4)
    assert calibration.achieved("train_full", "other", "gpu", 8) == pytest.approx(100 / 2)
    assert calibration.achieved("train_lora", "b", "gpu", 1) == pytest.approx(100 / 1)
    assert calibration.achieved("train_full", "b", "cpu", 1) is None


def test_errors_come_from_runs_that_were_not_seen():
    assert Calibration([finished(10.0)]).errors() == []
    assert Calibration([finished(10.0), finished(20.0)]).errors() == pytest.approx([1.0, -0.5])
    # a run without another of its rule says nothing about the model
    assert Calibration([finished(10.0), finished(10.0, rule="pretrain_base")]).errors() == []


def test_published_hours():
    """Each of the five published trainings, predicted from the other four: 7,748 steps of batch 32 on one A6000."""
    published = Assumptions().published()
    hours = {one.base: one.device_seconds / 3600 for one in published}
    assert hours == pytest.approx(
        {"mgpt-1.3b": 9.7, "bloom-1b7": 11.5, "mt5-xl": 18.0, "bloom-3b": 25.3, "bloom-7b1": 37.9}
    )
    errors = dict(zip(hours, Calibration(published).errors(), strict=True))
    assert len(errors) == 5
    assert max(map(abs, errors.values())) < 0.45
    assert sorted(map(abs, errors.values()))[2] < 0.25  # the median
    # the longest of them, the one that a study of it would be planned by
    assert abs(errors["bloom-7b1"]) < 0.45


def test_memory_of_full_tuning_is_what_the_zero_paper_says():
    """Rajbhandari et al. 2020, figure 1: 7.5 billion parameters on 64 devices: 120, 31.4, 16.6 and 1.9 GB."""
    model = Model(7_500_000_000)
    found = [training_memory(model, "full", "bf16", stage, 64, pack_tokens=8192) / 1e9 for stage in range(4)]
    assert found == pytest.approx([120, 31.4, 16.6, 1.9], abs=0.05)


def test_activations_are_added():
    one = training_memory(BLOOM_7B1, "full", "bf16", 2, 16, pack_tokens=1024)
    two = training_memory(BLOOM_7B1, "full", "bf16", 2, 16, pack_tokens=2048)
    assert two - one == 34 * 1024 * 30 * 4096


def test_lora_needs_little_more_than_the_weights():
    assert training_memory(BLOOM_7B1, "lora", "bf16", 2, 1, 0) == pytest.approx(14.1e9, rel=0.01)
    assert model_bytes(BLOOM_7B1, "full", "bf16") == pytest.approx(14.1e9, rel=0.01)
    assert model_bytes(BLOOM_7B1, "lora", "bf16", rank=64) == 4 * 6 * 64 * 30 * 4096
    assert checkpoint_bytes(BLOOM_7B1, "full", "bf16") == pytest.approx(198e9, rel=0.01)
    assert checkpoint_bytes(BLOOM_7B1, "full", "bf16", keeps_best=True) == pytest.approx(396e9, rel=0.01)


@pytest.mark.parametrize(
    ("method", "pack_tokens", "measured_gb"),
    [("lora", 2048, 4.06), ("lora", 512, 1.87), ("full", 2048, 5.83), ("full", 512, 3.72), ("lora", 2048, 4.21)],
)
def test_memory_on_a_cpu_is_what_was_measured(method, pack_tokens, measured_gb):
    """Peak resident memory of `polytune train` with a Llama of 135 million parameters (the last: SmolLM2's weights)."""
    model = Model(134_515_008, "decoder", 30, 576)
    found = training_memory(model, method, "fp32", 2, 1, pack_tokens, on_cpu=True) / 1e9
    assert found == pytest.approx(measured_gb, rel=0.08)


def test_evaluation_on_a_cpu_holds_float32_and_the_libraries():
    model = Model(134_515_008, "decoder", 30, 576)
    assert evaluation_memory(model, on_cpu=True) / 1e9 == pytest.approx(1.08, rel=0.08)  # measured with SmolLM2
    assert evaluation_memory(BLOOM_7B1) / 1e9 == pytest.approx(14.1, rel=0.01)


def test_devices_are_known_by_the_names_that_torch_gives():
    assumptions = Assumptions()
    assert assumptions.device_named("AMD Instinct MI250X") == "mi250x-gcd"
    assert assumptions.device_named("NVIDIA H200") == "h200"
    assert assumptions.device_named("AMD EPYC 7763 64-Core Processor") == "cpu"
    with pytest.raises(InputError, match=r"'mi250x' is not in config/costs\.yaml; did you mean 'mi250x-gcd'"):
        assumptions.device("mi250x")


def test_a_device_without_finished_runs_gets_published_hours_by_its_peak():
    assumptions = Assumptions()
    nothing = Calibration([])
    published = {one.base: one.achieved for one in assumptions.published()}
    there = assumptions.achieved(nothing, "train_lora", "bloom-7b1", assumptions.device("rtx-a6000"))
    assert there == pytest.approx(published["bloom-7b1"])
    lumi = assumptions.achieved(nothing, "train_lora", "bloom-7b1", assumptions.device("mi250x-gcd"))
    assert lumi == pytest.approx(there * 191.5 / 154.8)
    many = assumptions.achieved(
        nothing, "train_lora", "bloom-7b1", assumptions.device("mi250x-gcd"), nodes=2, devices=16
    )
    assert many == pytest.approx(0.85 * lumi)
