"""Checkpoints: resuming to the same bytes, damage, full disks, other runs and other numbers of devices."""

import errno
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from polytune.cluster.guard import own_work
from polytune.errors import InputError
from polytune.files import read_json, sha256_file, write_json
from polytune.training import loop, train
from polytune.training.checkpoints import find_damage, latest_checkpoint, seal_checkpoint
from polytune.training.engine import OneProcess
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
    original = loop.compute_update
    monkeypatch.setattr(
        loop, "compute_update", lambda engine, wanted: computed.append(wanted.number) or original(engine, wanted)
    )
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
    victim = newest / "state.pt"
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
    reason = {"missing": "is missing", "unsealed": "not completed"}.get(damage, "checksum of state.pt does not fit")
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
    begun = time.monotonic()
    interrupt(case, monkeypatch, 3)
    checkpoint = next(case.root.glob("work/*/checkpoint-3"))
    progress = read_json(checkpoint / "progress.json")
    assert 0 < progress["wall_seconds"] < time.monotonic() - begun
    write_json(checkpoint / "progress.json", {**progress, "wall_seconds": 7200, "energy_joules": [500.0]})
    seal_checkpoint(checkpoint)
    monkeypatch.setattr("polytune.training.checkpoints.energy_joules", iter((1000.0, 1250.0)).__next__)
    begun = time.monotonic()
    train.command(**case.options())
    manifest = read_json(case.root / "model/manifest.json")
    assert 7200 <= manifest["wall_seconds"] < 7200.1 + time.monotonic() - begun
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


@pytest.mark.parametrize("file", ["state.pt", "random-0.pt", "progress.json", "checksums.json"])
def test_a_full_disk_stops_the_run_and_keeps_the_checkpoint_before(file, case, monkeypatch, capsys):
    """Writing one file of the second checkpoint fails as on a full disk: `/dev/full`, or the error it gives."""
    train.command(**case.options("whole"))
    original, replace = OneProcess.save, os.replace

    def save(self, checkpoint):
        if checkpoint.name == "checkpoint-4" and file.endswith(".pt"):
            (checkpoint / file).symlink_to("/dev/full")
        original(self, checkpoint)

    def rename(temporary, path):
        if Path(path).parent.name == "checkpoint-4" and Path(path).name == file:
            raise OSError(errno.ENOSPC, "No space left on device", str(temporary))
        replace(temporary, path)

    with monkeypatch.context() as patch:
        patch.setattr(OneProcess, "save", save)
        patch.setattr(os, "replace", rename)
        message = (
            r"checkpoint-4 cannot be written: .* make room, and the next start resumes|checkpoint-4/.*disk is full"
        )
        with pytest.raises(InputError, match=message) as error:
            train.command(**case.options(checkpoint_updates=2))
        assert "\n" not in str(error.value)
    capsys.readouterr()
    train.command(**case.options())
    assert "checkpoint-2" in capsys.readouterr().out
    assert sha256_file(case.root / "model/model.safetensors") == sha256_file(case.root / "whole/model.safetensors")


def test_a_full_disk_under_the_log_is_one_line(case, monkeypatch):
    from torch.utils.tensorboard import SummaryWriter

    def add_scalar(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(SummaryWriter, "add_scalar", add_scalar)
    with pytest.raises(InputError, match=r"-1 cannot be written: .*the disk is full") as error:
        train.command(**case.options())
    assert "\n" not in str(error.value)


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
