"""`polytune launch`: ranks on one computer, the call of srun, and what happens when one rank fails."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from polytune.cluster.launch import (
    check_visible_devices,
    free_port,
    local_ranks,
    rank_in_step,
    run_together,
    srun_call,
    uses_srun,
)
from polytune.errors import InputError

PATIENCE_SECONDS = 300.0  # for what takes a few seconds on a machine that is not busy
LONG_SECONDS = 600  # a process that is not ended sleeps longer than the test has patience


def python(script: str) -> list[str]:
    return [sys.executable, "-c", script]


def test_local_ranks_know_themselves(tmp_path):
    script = f"import json, os; json.dump(dict(os.environ), open({str(tmp_path)!r} + '/' + os.environ['RANK'], 'w'))"
    assert run_together(local_ranks(python(script), 3)) == 0
    seen = [json.loads((tmp_path / str(rank)).read_text()) for rank in range(3)]
    assert [(one["RANK"], one["LOCAL_RANK"], one["WORLD_SIZE"], one["LOCAL_WORLD_SIZE"]) for one in seen] == [
        (str(rank), str(rank), "3", "3") for rank in range(3)
    ]
    assert {one["MASTER_ADDR"] for one in seen} == {"127.0.0.1"}
    assert len({one["MASTER_PORT"] for one in seen}) == 1


def test_a_failing_rank_ends_the_others(capfd):
    script = f"import os, sys, time; sys.exit(7) if os.environ['RANK'] == '1' else time.sleep({LONG_SECONDS})"
    started = time.monotonic()
    assert run_together(local_ranks(python(script), 3), grace_seconds=0.5) == 7
    assert time.monotonic() - started < PATIENCE_SECONDS
    said = capfd.readouterr().err
    assert "rank 1 ended with status 7" in said and "rank 0 is ended" in said and "rank 2 is ended" in said


def test_a_rank_that_a_signal_ends_is_a_failure():
    script = (
        "import os, signal, time; os.kill(os.getpid(), signal.SIGKILL) if os.environ['RANK'] == '0' else "
        f"time.sleep({LONG_SECONDS})"
    )
    assert run_together(local_ranks(python(script), 2), grace_seconds=0.2) == 128 + signal.SIGKILL


def test_ranks_have_time_to_end_after_a_failure(tmp_path):
    script = (
        "import os, sys, time\nif os.environ['RANK'] == '0': sys.exit(3)\n"
        f"time.sleep(1.0); open({str(tmp_path)!r} + '/saved', 'w')"
    )
    assert run_together(local_ranks(python(script), 2), grace_seconds=PATIENCE_SECONDS) == 3
    assert (tmp_path / "saved").exists()


def test_a_signal_reaches_every_rank(tmp_path):
    rank = (
        "import os, signal, sys, time\n"
        f"mark = {str(tmp_path)!r} + '/' + os.environ['RANK']\n"
        "signal.signal(signal.SIGTERM, lambda *_: (open(mark + '-stopped', 'w'), sys.exit(1)))\n"
        f"open(mark + '-started', 'w'); time.sleep({LONG_SECONDS})"
    )
    launcher = (
        "import sys; from polytune.cluster.launch import local_ranks, run_together\n"
        f"sys.exit(run_together(local_ranks([sys.executable, '-c', {rank!r}], 2)))"
    )
    process = subprocess.Popen(python(launcher))
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(list(tmp_path.glob("*-started"))) < 2:
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.05)
    process.terminate()
    assert process.wait(timeout=PATIENCE_SECONDS) == 1
    assert {path.name for path in tmp_path.glob("*-stopped")} == {"0-stopped", "1-stopped"}


def test_srun_gets_every_size_again():
    call = srun_call(10, 8, "--cpus-per-task=7 --cpu-bind=mask_cpu:0x1,0x2", ["train", "--spec", "spec.json"])
    assert call[:4] == ["srun", "--nodes=10", "--ntasks-per-node=8", "--ntasks=80"]
    assert "--kill-on-bad-exit=1" in call and "--cpu-bind=mask_cpu:0x1,0x2" in call
    assert call[-6:] == ["launch", "--inside-step", "--", "train", "--spec", "spec.json"]


def test_a_step_is_only_started_from_the_batch_part_of_a_job():
    assert uses_srun({"SLURM_JOB_ID": "1"})
    assert not uses_srun({"SLURM_JOB_ID": "1", "SLURM_STEP_ID": "0"})
    assert not uses_srun({})


@pytest.mark.parametrize(("resolves", "address"), [(True, "localhost"), (False, "10.0.0.7")])
def test_ranks_of_a_step(tmp_path, monkeypatch, resolves, address):
    name = "localhost" if resolves else "nid1.invalid"
    (tmp_path / "scontrol").write_text(
        f'#!/bin/sh\ncase "$*" in\n"show hostnames nid[1-2]") echo {name}; echo nid2;;\n'
        '"--oneliner show node nid1.invalid") echo "NodeName=nid1.invalid NodeAddr=10.0.0.7 Port=1";;\n'
        "*) exit 1;;\nesac\n"
    )
    (tmp_path / "scontrol").chmod(0o755)
    step = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "SLURM_PROCID": "9",
        "SLURM_LOCALID": "1",
        "SLURM_NTASKS": "16",
        "SLURM_NTASKS_PER_NODE": "8",
        "SLURM_JOB_ID": "123456",
        "SLURM_STEP_NODELIST": "nid[1-2]",
    }
    for variable, value in step.items():
        monkeypatch.setenv(variable, value)
    assert rank_in_step(os.environ) == {
        "RANK": "9",
        "LOCAL_RANK": "1",
        "WORLD_SIZE": "16",
        "LOCAL_WORLD_SIZE": "8",
        "MASTER_ADDR": address,
        "MASTER_PORT": "23456",
    }


def test_too_few_devices_are_said():
    check_visible_devices(8, {"SLURM_GPUS_ON_NODE": "8", "ROCR_VISIBLE_DEVICES": "0,1,2,3,4,5,6,7"})
    check_visible_devices(2, {})  # a laptop tells nothing
    with pytest.raises(InputError, match="SLURM_GPUS_ON_NODE=1: this job has 1 devices on its node, but 2 processes"):
        check_visible_devices(2, {"SLURM_GPUS_ON_NODE": "1"})
    with pytest.raises(InputError, match="CUDA_VISIBLE_DEVICES=0"):
        check_visible_devices(2, {"CUDA_VISIBLE_DEVICES": "0"})


def launch(*arguments: str, cwd: Path) -> subprocess.CompletedProcess:
    """Run `polytune launch` with a `polytune` on PATH, as a rule does it."""
    (cwd / "polytune").write_text(f'#!/bin/sh\nexec {sys.executable} -m polytune.cli "$@"\n')
    (cwd / "polytune").chmod(0o755)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SLURM_")}
    environment["PATH"] = f"{cwd}:{environment['PATH']}"
    call = [sys.executable, "-m", "polytune.cli", "launch", *arguments]
    return subprocess.run(
        call, env=environment, cwd=cwd, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
    )


def test_one_device_runs_the_command_itself(tmp_path):
    done = launch("--work", "work", "--step-options=", "--", "train", "--spec", "nothing.json", cwd=tmp_path)
    assert done.returncode != 0 and "launch: 1 process: polytune train --spec nothing.json" in done.stdout
    assert "missing option" in done.stderr
    assert list((tmp_path / "work").iterdir()) == []


def test_many_nodes_need_slurm(tmp_path):
    done = launch("--nodes", "2", "--", "train", cwd=tmp_path)
    assert done.returncode == 1 and "--nodes is 2, but this is no Slurm job" in done.stderr


def test_every_other_command_has_the_hub_switched_off(tmp_path):
    done = launch("--", "preflight", "--device", "cpu", "--output", "found.json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "found.json").read_text())["ranks"][0]["hub_offline"] is True


def test_a_port_that_is_taken_is_not_given(monkeypatch):
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        taken, other = listening.getsockname()[1], free_port()
        monkeypatch.setattr("random.SystemRandom.sample", lambda *arguments: [taken, other])
        assert free_port() == other
        monkeypatch.setattr("random.SystemRandom.sample", lambda *arguments: [taken])
        with pytest.raises(InputError, match="none of 100 ports"):
            free_port()
    assert 20000 <= other < 32768  # outside of what Linux takes for outgoing connections
