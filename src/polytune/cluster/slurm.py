"""Questions to Slurm, through its own commands."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass

ATTEMPTS, PAUSE_SECONDS = 60, 10.0  # a controller that restarts or fails over is back within ten minutes


class SlurmError(Exception):
    """Slurm could not be asked: its commands failed for all attempts."""


@dataclass(frozen=True)
class QueuedJob:
    """One job of the user that has not ended."""

    job: str
    name: str
    state: str
    elapsed: str
    directory: str
    comment: str


def has_slurm() -> bool:
    """Return whether Slurm's commands are there (inside a container they are not)."""
    return shutil.which("squeue") is not None


def job_state(job: str, attempts: int = ATTEMPTS, pause_seconds: float = PAUSE_SECONDS) -> str | None:
    """Return the state of a job (`RUNNING`, `PENDING`, `COMPLETING`, ...), or None if it has ended.

    Raises `SlurmError` if squeue does not answer.
    """
    lines = _squeue(["--jobs", job, "--format", "%T"], attempts, pause_seconds)
    return lines[0] if lines else None


def queued_jobs(attempts: int = 3, pause_seconds: float = 2.0) -> list[QueuedJob]:
    """Return the user's jobs in the queue; raises `SlurmError` if squeue does not answer."""
    lines = _squeue(["--me", "--format", "%i\t%j\t%T\t%M\t%Z\t%k"], attempts, pause_seconds)
    return [QueuedJob(*line.split("\t", 5)) for line in lines]


def _squeue(options: list[str], attempts: int, pause_seconds: float) -> list[str]:
    for attempt in range(1, attempts + 1):
        answer = subprocess.run(["squeue", "--noheader", *options], capture_output=True, text=True, check=False)
        if answer.returncode == 0:
            return [line for line in answer.stdout.splitlines() if line.strip()]
        if "Invalid job id" in answer.stderr:  # ended so long ago that the controller has forgotten it
            return []
        if attempt < attempts:
            print(f"squeue does not answer ({answer.stderr.strip()}); asking again", file=sys.stderr, flush=True)
            time.sleep(pause_seconds)
    raise SlurmError(answer.stderr.strip())


def first_node_address() -> str:
    """Return the address of this job's first node, where rank 0 runs; only inside a job step, outside containers."""
    import socket

    def ask(*arguments: str) -> str:
        return subprocess.run(["scontrol", *arguments], capture_output=True, text=True, check=True).stdout

    nodes = os.environ.get("SLURM_STEP_NODELIST") or os.environ["SLURM_JOB_NODELIST"]
    name = ask("show", "hostnames", nodes).split()[0]
    try:
        socket.getaddrinfo(name, None)
        return name
    except socket.gaierror:  # the node's name is not its host's name: Slurm knows its address
        fields = dict(part.split("=", 1) for part in ask("--oneliner", "show", "node", name).split() if "=" in part)
        return fields["NodeAddr"]
