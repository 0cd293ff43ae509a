"""Two gloo processes through DeepSpeed give what one process gives, at every ZeRO stage."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from polytune.cluster.launch import free_port
from polytune.errors import InputError
from polytune.files import read_json, write_json
from polytune.training import train
from polytune.training.deepspeed import deepspeed_config
from polytune.training.spec import Hyperparameters
from tests.cases.training_cases import STABLE, Case, assert_same_weights, weights

CLOSE = {"rtol": 1e-4, "atol": 1e-5}
HANGS = 1800.0  # seconds after which a start is ended; none takes so long, however slow or busy the machine
SOURCE = Path(train.__file__).resolve().parents[2]


def start(arguments: list[str], processes: int = 2, patch: str = "") -> list[subprocess.Popen]:
    """Start the processes of one run, as torchrun does; `patch` is Python that runs first."""
    script = f"import sys\n{patch}\nfrom polytune.cli import main\nmain(sys.argv[1:])"
    common = {"WORLD_SIZE": str(processes), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    environment = {**os.environ, **common, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(SOURCE)}
    return [
        subprocess.Popen(
            [sys.executable, "-c", script, *arguments],
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
        outputs = [process.communicate(timeout=HANGS)[0] for process in started]
    finally:
        for process in started:
            process.kill()
    return [process.returncode for process in started], "\n".join(outputs)


@pytest.mark.slow
@pytest.mark.parametrize("stage", [0, 1, 2, 3])
def test_two_processes_equal_one(stage, tmp_path):
    """Two processes x 4 rows = one process x 8 rows; ZeRO 0 = 1 = 2 = 3, each compared with the same single process.

    The last update has one row, so that one process computes an empty pack.
    """
    case = Case(tmp_path, hyperparameters={**STABLE, "global_batch_rows": 13}).write()
    train.command(**case.options("single"))
    codes, output = finish(start(case.arguments(zero_stage=stage, micro_batch_tokens=48)))
    assert codes == [0, 0], output
    one, two = (read_json(tmp_path / name / "manifest.json") for name in ("single", "model"))
    assert two["final_loss"] == pytest.approx(one["final_loss"], abs=1e-5)
    assert (two["devices"], two["zero_stage"], two["tokens"]) == (2, stage, one["tokens"])
    assert two["parts"] == one["parts"]  # what the processes have consumed is counted together
    assert_same_weights(tmp_path / "single", tmp_path / "model", **CLOSE)


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
    assert_same_weights(tmp_path / "single", tmp_path / "model", **CLOSE)


@pytest.mark.slow
def test_lora_with_zero_3_saves_whole_adapters(tmp_path):
    case = Case(tmp_path, method="lora", hyperparameters=STABLE).write()
    train.command(**case.options("single"))
    codes, output = finish(start(case.arguments(zero_stage=3)))
    assert codes == [0, 0], output
    assert all(tensor.numel() for tensor in weights(tmp_path / "model").values())
    assert_same_weights(tmp_path / "single", tmp_path / "model", **CLOSE)


@pytest.mark.slow
@pytest.mark.parametrize(("method", "stage"), [("full", 2), ("full", 3), ("lora", 3)])
def test_an_interrupted_run_resumes_to_the_same_bytes(method, stage, tmp_path):
    case = Case(tmp_path, "gpt2", method, hyperparameters={**STABLE, "epochs": 16}).write()
    if method == "lora":
        case.write_spec(lora={"r": 2, "alpha": 4, "dropout": 0.1, "target_modules": ["c_attn"]})
    config = read_json(tmp_path / "base/config.json")
    write_json(tmp_path / "base/config.json", {**config, "resid_pdrop": 0.2})  # the random state matters
    codes, output = finish(start(case.arguments("whole", zero_stage=stage)))
    assert codes == [0, 0], output
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    arguments = case.arguments(zero_stage=stage, checkpoint_updates=5)
    codes, output = finish(start(arguments, patch=PATCHES["signal"]))  # one process is told, both stop
    assert codes == [1, 1] and "the next start resumes from it" in output
    codes, output = finish(start(case.arguments(zero_stage=stage)))
    assert codes == [0, 0], output
    assert "resuming from" in output
    one, two = (read_json(tmp_path / name / "manifest.json") for name in ("whole", "model"))
    assert two["updates"] == 40
    events = EventAccumulator(str(tmp_path / "model/logs/events.out.tfevents.1")).Reload()
    assert events.Scalars("train/loss")[0].step == 8  # it did not begin anew
    assert two["weights_sha256"] == one["weights_sha256"]
    assert two["parts"] == one["parts"]


@pytest.mark.slow
@pytest.mark.parametrize("stage", [2, 3])
def test_a_base_is_pretrained_from_the_same_weights_by_two_processes(stage, tmp_path):
    model = {"model_type": "bloom", "hidden_size": 24, "n_layer": 2, "n_head": 4}
    case = Case(tmp_path, hyperparameters={**STABLE, "learning_rate": 1e-4}, model=model).write()
    options = case.pretrain_options("single").items()
    arguments = ["pretrain-base", *(f"--{name}={value}" for name, value in options)]
    assert finish(start(arguments, processes=1))[0] == [0]
    arguments = [option.replace("/single", "/model") for option in arguments]
    codes, output = finish(start([*arguments, f"--zero-stage={stage}"]))
    assert codes == [0, 0], output
    assert_same_weights(tmp_path / "single", tmp_path / "model", **CLOSE)


@pytest.mark.slow
@pytest.mark.parametrize(("told", "status"), [("", 0), ("signal", 1)])
def test_nothing_that_happens_while_python_shuts_down_changes_how_a_process_ended(told, status, tmp_path):
    """A thread of gloo that frees a tensor in that moment aborts the process; here it does so each time."""
    case = Case(tmp_path, hyperparameters={**STABLE, "epochs": 4}).write()
    patch = PATCHES.get(told, "") + "import atexit, os\natexit.register(os.abort)\n"
    codes, output = finish(start(case.arguments(zero_stage=3, checkpoint_updates=5), patch=patch))
    assert codes == [status, status], output
    assert (tmp_path / "model/manifest.json").is_file() == (status == 0)
    assert ("the next start resumes from it" in output) == (status == 1)


PATCHES = {
    "signal": (  # one of the two processes gets a signal while it computes update 7
        "import os, signal\n"
        "from polytune.training import loop\n"
        "compute = loop.compute_update\n"
        "def told(engine, update):\n"
        "    if update.number == 6 and engine.process == 1:\n"
        "        os.kill(os.getpid(), signal.SIGTERM)\n"
        "    return compute(engine, update)\n"
        "loop.compute_update = told\n"
    ),
    "gradient": (  # the loss is finite, its gradient is not: the optimizer must not use it
        "from polytune.training import model\n"
        "nll = model.weighted_nll\n"
        "def broken(hidden, *rest):\n"
        "    if hidden.requires_grad:\n"
        "        hidden.register_hook(lambda gradient: gradient * float('nan'))\n"
        "    return nll(hidden, *rest)\n"
        "model.weighted_nll = broken\n"
    ),
    "memory": (  # one of the two processes has less memory than the other
        "import os, torch\n"
        "from polytune.training import model\n"
        "nll = model.weighted_nll\n"
        "def scarce(hidden, *rest):\n"
        "    if len(hidden) > 30 and os.environ['RANK'] == '1':\n"
        "        raise torch.OutOfMemoryError('CUDA out of memory')\n"
        "    return nll(hidden, *rest)\n"
        "model.weighted_nll = scarce\n"
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize(("stage", "precision"), [(0, "fp32"), (2, "bf16"), (3, "fp32")])
def test_a_gradient_that_is_not_finite_stops_all_processes(stage, precision, tmp_path):
    case = Case(tmp_path, hyperparameters={**STABLE, "precision": precision}).write()
    codes, output = finish(start(case.arguments(zero_stage=stage, checkpoint_updates=1), patch=PATCHES["gradient"]))
    assert codes == [1, 1], output
    assert output.count("the gradient's norm is") == 2
    assert not list(tmp_path.glob("work/*/checkpoint-*")) and not (tmp_path / "model").exists()


@pytest.mark.slow
def test_out_of_memory_on_one_process_halves_the_packs_of_the_next_start(tmp_path):
    case = Case(tmp_path, hyperparameters=STABLE).write()
    train.command(**case.options("single"))
    arguments = case.arguments(zero_stage=2, micro_batch_tokens=100)
    sizes = []
    for _ in range(4):
        started = start(arguments, patch=PATCHES["memory"])
        told = started[1].communicate(timeout=HANGS)[0]
        if started[1].returncode == 0:
            break
        started[0].kill()  # it waits for the other one; `polytune launch` ends it too
        output = told + started[0].communicate()[0]
        assert "out of memory; the next start uses packs of" in output
        sizes.append(int(output.split("the next start uses packs of ")[1].split()[0]))
    started[0].communicate(timeout=HANGS)
    assert [process.returncode for process in started] == [0, 0]
    assert sizes and sizes == [100 // 2 ** (number + 1) for number in range(len(sizes))]
    manifest = read_json(tmp_path / "model/manifest.json")
    assert (manifest["micro_batch_tokens"], manifest["updates"]) == (sizes[-1], 5)
    assert_same_weights(tmp_path / "single", tmp_path / "model", **CLOSE)


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
