"""Checkpoints: resuming to the same bytes, damage, full disks, other runs and other numbers of devices."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from polytune.cluster.guard import own_work
from polytune.errors import InputError
from polytune.files import read_json, sha256_file, write_json
from polytune.training import train
from polytune.training.checkpoints import find_damage, latest_checkpoint, seal_checkpoint
from polytune.training.trainer import UpdateTrainer
from tests.cases.training_cases import STABLE, Case, interrupt, stop_after


@pytest.fixture
def case(tmp_path) -> Case:
    return Case(tmp_path, hyperparameters=STABLE).write()


@pytest.mark.parametrize("update", [1, 2, 3, 4])
def test_resuming_after_any_update_gives_the_same_bytes(update, tmp_path, monkeypatch):
    case = Case(tmp_path, "gpt2", hyperparameters=STABLE).write()
    config = read_json(tmp_path / "base/config.json")
    write_json(tmp_path / "base/config.json", {**config, "resid_pdrop": 0.2, "attn_pdrop": 0.2})  # random state matters
    train.command(**case.options("whole"))
    with monkeypatch.context() as patch:
        stop_after(patch, update, signal.SIGUSR1 if update % 2 else signal.SIGTERM)
        with pytest.raises(SystemExit, match=f"after update {update} of 5; a checkpoint is saved .* resumes from it"):
            train.command(**case.options())
    assert not (tmp_path / "model").exists()
    computed = []
    original = UpdateTrainer.training_step

    def step(self, model, inputs, *rest):
        computed.append(inputs.number)
        return original(self, model, inputs, *rest)

    monkeypatch.setattr(UpdateTrainer, "training_step", step)
    train.command(**case.options())
    assert computed == list(range(update, 5))
    assert sha256_file(tmp_path / "model/model.safetensors") == sha256_file(tmp_path / "whole/model.safetensors")
    one, other = (read_json(tmp_path / name / "manifest.json") for name in ("model", "whole"))
    assert one["final_loss"] == pytest.approx(other["final_loss"], abs=1e-6)


@pytest.mark.parametrize("damage", ["truncated", "changed", "missing", "unsealed"])
def test_a_damaged_checkpoint_is_noticed_and_the_one_before_is_used(damage, case, monkeypatch, capsys):
    train.command(**case.options("whole"))
    interrupt(case, monkeypatch, 3, checkpoint_updates=2)
    newest = next(case.root.glob("work/*/checkpoint-3"))
    assert sorted(path.name for path in newest.parent.glob("checkpoint-*")) == ["checkpoint-2", "checkpoint-3"]
    victim = newest / "optimizer.pt"
    content = victim.read_bytes()
    if damage == "truncated":
        victim.write_bytes(content[: len(content) // 2])
    elif damage == "changed":
        victim.write_bytes(content[:-100] + bytes([content[-100] ^ 1]) + content[-99:])
    elif damage == "missing":
        victim.unlink()
    else:
        (newest / "checksums.json").unlink()
    capsys.readouterr()
    train.command(**case.options())
    output = capsys.readouterr()
    reason = {"missing": "is missing", "unsealed": "not completed"}.get(damage, "checksum of optimizer.pt does not fit")
    assert re.search(f"checkpoint-3 is not used and removed: .*{reason}", output.err)
    assert "resuming from" in output.out and "checkpoint-2" in output.out
    assert sha256_file(case.root / "model/model.safetensors") == sha256_file(case.root / "whole/model.safetensors")


def test_checkpoints_come_by_time_and_only_two_are_kept(case, monkeypatch):
    interrupt(case, monkeypatch, 4, checkpoint_minutes=1e-9)
    kept = sorted(path.name for path in case.root.glob("work/*/checkpoint-*"))
    assert kept == ["checkpoint-3", "checkpoint-4"]
    assert all(find_damage(path) is None for path in case.root.glob("work/*/checkpoint-*"))


def test_another_run_does_not_resume_from_this_ones_checkpoints(case, monkeypatch, capsys):
    case.write_spec(learning_rate=0.02)
    train.command(**case.options("whole"))
    case.write_spec(learning_rate=0.01)
    interrupt(case, monkeypatch, 3)
    case.write_spec(learning_rate=0.02)
    capsys.readouterr()
    train.command(**case.options())
    assert "resuming" not in capsys.readouterr().out
    assert sha256_file(case.root / "model/model.safetensors") == sha256_file(case.root / "whole/model.safetensors")


def test_an_older_model_stays_whole_until_the_new_one_is_complete(case, monkeypatch):
    train.command(**case.options())
    before = sha256_file(case.root / "model/manifest.json")
    case.write_spec(learning_rate=0.02)
    interrupt(case, monkeypatch, 2)
    assert sha256_file(case.root / "model/manifest.json") == before
    train.command(**case.options())
    assert sha256_file(case.root / "model/manifest.json") != before


def test_two_processes_cannot_write_one_work_directory(case):
    with own_work(case.root / "work"), pytest.raises(InputError, match="work is in use by process"):
        train.command(**case.options())
    assert not (case.root / "work/owner.json").exists()


def test_latest_checkpoint_of_an_empty_folder_is_none(tmp_path):
    assert latest_checkpoint(tmp_path) is None


def test_a_resumed_run_counts_the_time_and_energy_before(case, monkeypatch):
    interrupt(case, monkeypatch, 3)
    checkpoint = next(case.root.glob("work/*/checkpoint-3"))
    progress = read_json(checkpoint / "progress.json")
    assert 0 < progress["wall_seconds"] < 100
    write_json(checkpoint / "progress.json", {**progress, "wall_seconds": 7200, "energy_joules": [500.0]})
    seal_checkpoint(checkpoint)
    monkeypatch.setattr("polytune.training.trainer.energy_joules", iter((1000.0, 1250.0)).__next__)
    train.command(**case.options())
    manifest = read_json(case.root / "model/manifest.json")
    assert 7200 <= manifest["wall_seconds"] < 7300
    assert manifest["device_hours"] == pytest.approx(manifest["wall_seconds"] / 3600, abs=1e-3)
    assert manifest["energy_joules"] == 750


def test_checkpoints_of_older_specs_go_when_the_run_is_complete(case, monkeypatch):
    interrupt(case, monkeypatch, 3)
    case.write_spec(learning_rate=0.02)
    (case.root / "work/notes").mkdir()
    train.command(**case.options())
    assert [path.name for path in case.root.glob("work/*")] == ["notes"]


def test_checkpoints_of_another_number_of_devices_are_neither_used_nor_passed_over(case, monkeypatch):
    """The optimizer's state is cut by processes; to begin anew in silence could cost days."""
    interrupt(case, monkeypatch, 3)
    (folder,) = case.root.glob("work/*-1")
    two = folder.rename(folder.with_name(folder.name[:-1] + "2-zero3"))
    message = (
        r"2-zero3/checkpoint-3: this run was begun with 2 processes and ZeRO stage 3, this start has 1 process; .* or"
    )
    with pytest.raises(InputError, match=rf"{message} delete {two} to begin anew"):
        train.command(**case.options())
    shutil.rmtree(two)
    train.command(**case.options())


def test_the_zero_stage_of_one_process_does_not_matter(case, monkeypatch, capsys):
    interrupt(case, monkeypatch, 3, zero_stage=1)
    train.command(**case.options(zero_stage=3))
    assert "resuming from" in capsys.readouterr().out


@pytest.mark.parametrize("file", ["optimizer.pt", "trainer_state.json"])
def test_a_full_disk_stops_the_run_and_keeps_the_checkpoint_before(file, case, monkeypatch, capsys):
    """`/dev/full` in place of a file of the second checkpoint: writing fails as on a full disk."""
    train.command(**case.options("whole"))
    original = UpdateTrainer.save_model

    def save_model(self, directory, **options):
        if self.state.global_step == 4:
            Path(directory).mkdir()
            (Path(directory) / file).symlink_to("/dev/full")
        original(self, directory, **options)

    with monkeypatch.context() as patch:
        patch.setattr(UpdateTrainer, "save_model", save_model)
        with pytest.raises(InputError, match=r"checkpoint-4 cannot be written: .* make room, and the next start res"):
            train.command(**case.options(checkpoint_updates=2))
    capsys.readouterr()
    train.command(**case.options())
    assert "checkpoint-2" in capsys.readouterr().out
    assert sha256_file(case.root / "model/model.safetensors") == sha256_file(case.root / "whole/model.safetensors")


@pytest.mark.slow
def test_a_process_killed_while_it_saves_resumes_from_the_checkpoint_before(case):
    train.command(**case.options("whole"))
    script = (
        "import os, signal, sys\n"
        "from polytune.cli import main\n"
        "from polytune.training import checkpoints\n"
        "seal = checkpoints.seal_checkpoint\n"
        "def kill(path):\n"
        "    os.kill(os.getpid(), signal.SIGKILL) if path.name == 'checkpoint-4' else seal(path)\n"
        "checkpoints.seal_checkpoint = kill\n"
        "main(sys.argv[1:])"
    )
    arguments = case.arguments(checkpoint_updates=2)
    source = Path(train.__file__).resolve().parents[2]
    options = {"capture_output": True, "text": True, "check": False, "env": {**os.environ, "PYTHONPATH": str(source)}}
    killed = subprocess.run([sys.executable, "-c", script, *arguments], **options)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert (case.root / "work/owner.json").exists()  # nobody could remove it
    again = subprocess.run([sys.executable, "-m", "polytune.cli", *arguments], **options)
    assert again.returncode == 0, again.stderr
    assert "checkpoint-4 is not used and removed: it was not completed" in again.stderr
    assert "checkpoint-2" in again.stdout
    assert sha256_file(case.root / "model/model.safetensors") == sha256_file(case.root / "whole/model.safetensors")
