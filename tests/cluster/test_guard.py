"""Owners of work folders: who may take over from whom. squeue is a script of the test."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from polytune.cluster import guard, slurm
from polytune.cluster.guard import ACCOUNT, OWNER, TOKEN, check_start, own_work
from polytune.errors import InputError
from polytune.files import read_json, write_json


@pytest.fixture(autouse=True)
def outside_slurm(monkeypatch):
    for name in ("SLURM_JOB_ID", TOKEN):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(slurm, "PAUSE_SECONDS", 0.0)


@pytest.fixture
def squeue(tmp_path, monkeypatch):
    """Return a function that sets what squeue answers from now on."""
    folder = tmp_path / "bin"
    folder.mkdir()

    def answer(output: str = "", error: str = "", status: int = 0) -> None:
        (folder / "output").write_text(output)
        (folder / "error").write_text(error)
        script = f'#!/bin/sh\ncat {folder}/output\ncat {folder}/error >&2\necho "$*" >> {folder}/calls\nexit {status}\n'
        (folder / "squeue").write_text(script)
        (folder / "squeue").chmod(0o755)

    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    answer()
    return answer


def owner(**changes) -> dict:
    return {"pid": 1, "started": "1", "host": "elsewhere", "slurm_job_id": None, "token": "t", **changes}


def test_the_folder_is_held_and_released(tmp_path):
    with own_work(tmp_path / "work"):
        held = read_json(tmp_path / "work" / OWNER)
        assert held["pid"] == os.getpid() and held["slurm_job_id"] is None
    assert list((tmp_path / "work").iterdir()) == []


def test_a_second_process_is_refused_while_the_first_lives(tmp_path):
    script = "import sys, time; from pathlib import Path; from polytune.cluster.guard import own_work\n"
    script += f"with own_work(Path({str(tmp_path)!r})): print('held', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as first:
        try:
            assert first.stdout.readline() == "held\n"
            with pytest.raises(InputError, match=f"in use by process {first.pid} of this computer.*kill {first.pid}"):
                own_work(tmp_path).__enter__()
        finally:
            first.kill()
            first.wait()
        assert (tmp_path / OWNER).exists()  # kill -9 leaves it
        with own_work(tmp_path):  # and the next process takes it over
            assert read_json(tmp_path / OWNER)["pid"] == os.getpid()


def test_a_number_that_another_process_has_now_is_no_owner(tmp_path):
    with own_work(tmp_path):
        held = read_json(tmp_path / OWNER)
    write_json(tmp_path / OWNER, {**held, "pid": 1, "started": "12345"})  # process 1 lives, but it did not start then
    with own_work(tmp_path):
        assert read_json(tmp_path / OWNER)["pid"] == os.getpid()


def test_a_process_elsewhere_is_not_guessed_about(tmp_path):
    write_json(tmp_path / OWNER, owner())
    with pytest.raises(
        InputError, match=r"process 1 on elsewhere, which cannot be asked from here.*delete .*owner\.json"
    ):
        own_work(tmp_path).__enter__()


@pytest.mark.parametrize("state", ["RUNNING", "PENDING", "SUSPENDED", "REQUEUED"])
def test_a_job_in_the_queue_keeps_its_folder(tmp_path, squeue, state):
    squeue(output=f"{state}\n")
    write_json(tmp_path / OWNER, owner(slurm_job_id="77"))
    with pytest.raises(InputError, match=rf"in use by Slurm job 77, which is {state}.*scancel 77"):
        own_work(tmp_path).__enter__()
    assert read_json(tmp_path / OWNER)["slurm_job_id"] == "77"


@pytest.mark.parametrize(
    "answer",
    [{}, {"error": "slurm_load_jobs error: Invalid job id specified", "status": 1}],
    ids=["ended", "forgotten"],
)
def test_a_job_that_has_ended_gives_its_folder_up(tmp_path, squeue, answer):
    squeue(**answer)
    write_json(tmp_path / OWNER, owner(slurm_job_id="77"))
    with own_work(tmp_path):
        assert read_json(tmp_path / OWNER)["pid"] == os.getpid()


def test_a_job_that_is_being_taken_down_is_waited_for(tmp_path, squeue, monkeypatch):
    squeue(output="COMPLETING\n")
    monkeypatch.setattr(guard.time, "sleep", lambda seconds: squeue())
    write_json(tmp_path / OWNER, owner(slurm_job_id="77"))
    with own_work(tmp_path):
        assert read_json(tmp_path / OWNER)["pid"] == os.getpid()


def test_without_an_answer_nothing_is_taken_over(tmp_path, squeue, monkeypatch):
    squeue(error="slurm_load_jobs error: Unable to contact slurm controller", status=1)
    monkeypatch.setattr(guard, "job_state", lambda job: slurm.job_state(job, attempts=3, pause_seconds=0.0))
    write_json(tmp_path / OWNER, owner(slurm_job_id="77"))
    with pytest.raises(InputError, match=r"squeue does not answer.*Unable to contact slurm controller"):
        own_work(tmp_path).__enter__()
    assert len((tmp_path / "bin/calls").read_text().splitlines()) == 3


def test_a_requeued_job_takes_over_from_itself(tmp_path, squeue, monkeypatch):
    squeue(output="RUNNING\n")
    monkeypatch.setenv("SLURM_JOB_ID", "77")
    write_json(tmp_path / OWNER, owner(slurm_job_id="77"))  # another node, before the requeue
    with own_work(tmp_path):
        assert read_json(tmp_path / OWNER)["pid"] == os.getpid()


def test_an_owner_killed_before_it_could_write_is_replaced(tmp_path):
    (tmp_path / OWNER).touch()
    with own_work(tmp_path):
        assert read_json(tmp_path / OWNER)["pid"] == os.getpid()


def test_ranks_use_the_folder_that_their_launcher_holds(tmp_path, monkeypatch):
    with own_work(tmp_path):
        token = read_json(tmp_path / OWNER)["token"]
        monkeypatch.setenv(TOKEN, token)
        with own_work(tmp_path):
            pass
        assert read_json(tmp_path / OWNER)["token"] == token  # still the launcher's


def line(job: str, name: str, directory: Path) -> str:
    return "\t".join([job, name, "RUNNING", "1:02", str(directory), "rule_train_full"]) + "\n"


def test_a_start_needs_an_account(tmp_path, squeue, monkeypatch):
    monkeypatch.delenv(ACCOUNT, raising=False)
    with pytest.raises(InputError, match=r"POLYTUNE_ACCOUNT is not set.*export POLYTUNE_ACCOUNT=project_"):
        check_start(tmp_path)


def test_a_start_is_refused_while_own_jobs_are_left(tmp_path, squeue, monkeypatch):
    monkeypatch.setenv(ACCOUNT, "project_1")
    elsewhere = line("1", "polytune_aa", tmp_path / "another checkout") + line("2", "interactive", tmp_path)
    squeue(output=elsewhere)
    check_start(tmp_path)
    squeue(output=elsewhere + line("3", "polytune_bb", tmp_path))
    with pytest.raises(InputError, match="1 job") as caught:
        check_start(tmp_path)
    assert "rule_train_full" in str(caught.value) and "scancel 3)" in str(caught.value)


def test_a_start_without_slurm_is_said(tmp_path, squeue, monkeypatch):
    monkeypatch.setenv(ACCOUNT, "project_1")
    monkeypatch.setattr(guard, "queued_jobs", lambda: slurm.queued_jobs(attempts=1))
    squeue(error="Unable to contact slurm controller", status=1)
    with pytest.raises(InputError, match="is this a login node"):
        check_start(tmp_path)
