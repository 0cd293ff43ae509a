"""Two gloo processes through DeepSpeed give what one process gives, at every ZeRO stage."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from training_cases import Case, weights

from polytune.errors import InputError
from polytune.files import read_json
from polytune.training import train
from polytune.training.deepspeed import deepspeed_config
from polytune.training.spec import Hyperparameters

STABLE = {"adam_epsilon": 1e-3}  # see test_training_runs.py
SOURCE = Path(train.__file__).resolve().parents[2]


def start(arguments: list[str], processes: int = 2) -> list[subprocess.Popen]:
    """Start the processes of one run, as torchrun does."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    common = {"WORLD_SIZE": str(processes), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    environment = {**os.environ, **common, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(SOURCE)}
    return [
        subprocess.Popen(
            [sys.executable, "-m", "polytune.cli", *arguments],
            env={**environment, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(processes)
    ]


def finish(started: list[subprocess.Popen]) -> tuple[list[int], str]:
    """Wait for the processes; return their exit codes and all that they wrote."""
    try:
        outputs = [process.communicate(timeout=120)[0] for process in started]
    finally:
        for process in started:
            process.kill()
    return [process.returncode for process in started], "\n".join(outputs)


def assert_same_weights(one: Path, other: Path) -> None:
    one, other = weights(one), weights(other)
    assert one.keys() == other.keys()
    for name in one:
        torch.testing.assert_close(one[name], other[name], rtol=1e-4, atol=1e-5, msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("stage", [0, 1, 2, 3])
def test_two_processes_equal_one(stage, tmp_path):
    """Two processes x 4 rows = one process x 8 rows; ZeRO 0 = 1 = 2 = 3, each compared with the same single process."""
    case = Case(tmp_path, hyperparameters=STABLE).write()
    train.command(**case.options("single"))
    codes, output = finish(start(case.arguments(zero_stage=stage, micro_batch_tokens=48)))
    assert codes == [0, 0], output
    one, two = (read_json(tmp_path / name / "manifest.json") for name in ("single", "model"))
    assert two["final_loss"] == pytest.approx(one["final_loss"], abs=1e-5)
    assert (two["devices"], two["zero_stage"], two["tokens"]) == (2, stage, one["tokens"])
    assert_same_weights(tmp_path / "single", tmp_path / "model")


@pytest.mark.slow
def test_half_precision_on_two_processes_ends_near_full_precision(tmp_path):
    case = Case(tmp_path, hyperparameters=STABLE).write()
    train.command(**case.options("single"))
    case.write_spec(precision="bf16")
    codes, output = finish(start(case.arguments(zero_stage=2)))
    assert codes == [0, 0], output
    one, two = (read_json(tmp_path / name / "manifest.json") for name in ("single", "model"))
    assert two["final_loss"] == pytest.approx(one["final_loss"], rel=0.02)


@pytest.mark.slow
def test_encoder_decoder_on_two_processes_equals_one(tmp_path):
    case = Case(tmp_path, "mt5", hyperparameters=STABLE).write()
    train.command(**case.options("single"))
    codes, output = finish(start(case.arguments(zero_stage=3, micro_batch_tokens=48)))
    assert codes == [0, 0], output
    assert_same_weights(tmp_path / "single", tmp_path / "model")


@pytest.mark.slow
def test_lora_with_zero_3_saves_whole_adapters(tmp_path):
    case = Case(tmp_path, method="lora", hyperparameters=STABLE).write()
    train.command(**case.options("single"))
    codes, output = finish(start(case.arguments(zero_stage=3)))
    assert codes == [0, 0], output
    assert all(tensor.numel() for tensor in weights(tmp_path / "model").values())
    assert_same_weights(tmp_path / "single", tmp_path / "model")


@pytest.mark.slow
def test_an_interrupted_run_resumes_to_the_same_bytes(tmp_path):
    case = Case(tmp_path, hyperparameters={**STABLE, "epochs": 16}).write()
    codes, output = finish(start(case.arguments("whole", zero_stage=3)))
    assert codes == [0, 0], output
    started = start(case.arguments(zero_stage=3, checkpoint_updates=5))
    deadline = time.monotonic() + 90
    while not list(tmp_path.glob("work/*/checkpoint-*/checksums.json")):
        assert time.monotonic() < deadline and started[0].poll() is None, finish(started)[1]
        time.sleep(0.05)
    started[1].send_signal(signal.SIGTERM)  # one process is told, both stop
    codes, output = finish(started)
    assert codes == [1, 1] and "the next start resumes from it" in output
    codes, output = finish(start(case.arguments(zero_stage=3)))
    assert codes == [0, 0], output
    assert "resuming from" in output
    one, two = (read_json(tmp_path / name / "manifest.json") for name in ("whole", "model"))
    assert two["updates"] == 40
    assert two["weights_sha256"] == one["weights_sha256"]


def test_the_configuration_follows_from_the_run():
    hyper = Hyperparameters(1e-5, 3, 256, 768, precision="bf16", max_gradient_norm=0.7)
    config = deepspeed_config(hyper, zero_stage=3)
    assert config["gradient_clipping"] == 0.7
    assert config["bf16"] == {"enabled": True}
    assert config["zero_optimization"]["stage"] == 3
    assert "auto" not in str(config)


def test_half_precision_without_master_weights_is_refused():
    with pytest.raises(InputError, match="--zero-stage is 0; with precision bf16"):
        deepspeed_config(Hyperparameters(1e-5, 3, 256, 768, precision="bf16"), zero_stage=0)
