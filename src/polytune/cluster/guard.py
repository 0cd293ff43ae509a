"""No second copy of anything that runs: owners of work folders, and jobs that an earlier start left in the queue.

A work folder's `owner.json` names the process that writes there, with its Slurm job. A later process may take the
folder over when that owner is certainly gone: Slurm says that its job has ended, or, outside Slurm, its process no
longer exists. After a `kill -9` of the workflow its jobs go on; they are found by their owners here, and by their names
in the queue.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from polytune.cluster.slurm import QueuedJob, SlurmError, has_slurm, job_state, queued_jobs
from polytune.errors import InputError
from polytune.files import read_json

OWNER = "owner.json"
TOKEN = "POLYTUNE_OWNER"  # tells the ranks that their launcher holds the folder for them
COMPLETING_SECONDS = 180.0  # how long to wait for a job that is just being taken down
JOB_NAME = "polytune"  # slurm-jobname-prefix of the profiles
ACCOUNT = "POLYTUNE_ACCOUNT"


@contextmanager
def own_work(work: Path) -> Iterator[None]:
    """Hold `work/owner.json` while the block runs; an owner that is certainly gone is replaced.

    Raises `InputError` that names the owner and the remedy if it lives or may live.
    """
    work.mkdir(parents=True, exist_ok=True)
    file = work / OWNER
    us = _this_process()
    if os.environ.get(TOKEN) and read_owner(file).get("token") == os.environ[TOKEN]:
        yield  # the launcher that started this process holds the folder
        return
    while True:
        try:
            handle = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
            break
        except FileExistsError:
            owner = read_owner(file)
            _check_gone(owner, us, work)
            _remove(file, owner)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        json.dump(us, stream)
    try:
        yield
    finally:
        if read_owner(file).get("token") == us["token"]:
            file.unlink(missing_ok=True)


def read_owner(file: Path) -> dict:
    """Return the owner that a file names; empty if there is none or its writer was killed before it could say."""
    try:
        return read_json(file) if file.stat().st_size else {}
    except FileNotFoundError:
        return {}


def _remove(file: Path, owner: dict) -> None:
    """Remove the file of an owner that is gone, unless another process has just taken its place."""
    aside = file.with_name(f".{OWNER}.{os.getpid()}.gone")
    try:
        os.replace(file, aside)
    except FileNotFoundError:
        return
    if read_owner(aside) == owner:
        aside.unlink()
    else:
        os.replace(aside, file)


def _this_process() -> dict:
    pid = os.getpid()
    return {
        "pid": pid,
        "started": _start_time(pid),
        "host": socket.gethostname(),
        "slurm_job_id": os.environ.get("SLURM_JOB_ID"),
        "token": f"{socket.gethostname()}:{pid}:{time.time_ns()}",
    }


def _start_time(pid: int) -> str | None:
    """Return when a process of this computer started, in clock ticks since boot; numbers of processes come again."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None  # no such process, or no Linux
    return text.rpartition(")")[2].split()[19]


def _check_gone(owner: dict, us: dict, work: Path) -> None:
    job = owner.get("slurm_job_id")
    if job and job != us["slurm_job_id"]:
        state = _final_state(job, owner, work)
        if state is not None:
            raise InputError(
                f"{work} is in use by Slurm job {job}, which is {state}: a second copy must not write there. "
                f"Wait for it (squeue --job {job}) or stop it (scancel {job}), then start again"
            )
        return
    if owner.get("host") == us["host"]:
        if _is_alive(owner):
            raise InputError(
                f"{work} is in use by process {owner['pid']} of this computer: a second copy must not write there. "
                f"Wait for it or stop it (kill {owner['pid']}), then start again"
            )
        return
    if not owner:
        time.sleep(1.0)  # just being written, or its writer was killed in that moment: then it stays empty
        return
    if job:  # an earlier start of this same job, on another node: Slurm starts a job again only when it has ended
        return
    raise InputError(
        f"{work} is in use by process {owner.get('pid')} on {owner.get('host')}, which cannot be asked from here. If "
        f"it has ended, delete {work / OWNER}, then start again"
    )


def _final_state(job: str, owner: dict, work: Path) -> str | None:
    """Return the state of a job of the queue, after waiting for one that is being taken down."""
    if not has_slurm():
        raise InputError(
            f"{work} is in use by Slurm job {job} (process {owner.get('pid')} on {owner.get('host')}), and squeue is "
            f"not here to ask whether it has ended. If it has, delete {work / OWNER}, then start again"
        )
    deadline = time.monotonic() + COMPLETING_SECONDS
    while True:
        try:
            state = job_state(job)
        except SlurmError as error:
            raise InputError(
                f"{work} is in use by Slurm job {job}, and squeue does not answer whether it has ended ({error}). If "
                f"it has, delete {work / OWNER}, then start again"
            ) from None
        if state != "COMPLETING" or time.monotonic() > deadline:
            return state
        time.sleep(2.0)


def _is_alive(owner: dict) -> bool:
    try:
        os.kill(owner["pid"], 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # somebody else's process: it exists
    started = _start_time(owner["pid"])
    if started is None or owner.get("started") is None:
        return owner["pid"] != os.getpid()
    return started == owner["started"]


def jobs_left(directory: Path, prefix: str = JOB_NAME) -> list[QueuedJob]:
    """Return the jobs in the queue that the workflow of `directory` submitted; `InputError` if Slurm is silent."""
    try:
        jobs = queued_jobs()
    except SlurmError as error:
        raise InputError(f"squeue does not answer ({error}): is this a login node, and is Slurm up?") from None
    own = directory.resolve()
    return [job for job in jobs if job.name.startswith(f"{prefix}_") and Path(job.directory).resolve() == own]


def check_queue(directory: Path) -> None:
    """Raise `InputError` if jobs of an earlier start of the workflow in `directory` are still in the queue."""
    left = jobs_left(directory)
    if not left:
        return
    shown = [f"  {job.job:>10}  {job.state:<10} {job.elapsed:>11}  {job.comment}" for job in left[:20]]
    more = [f"  and {len(left) - 20} more"] if len(left) > 20 else []
    raise InputError(
        "\n".join(
            [
                f"{len(left)} job(s) of an earlier start are still in the queue; a start now would run them twice:",
                *shown,
                *more,
                "Wait for them (polytune wait), or stop them (scancel " + " ".join(job.job for job in left) + ")",
            ]
        )
    )


def check_start(directory: Path) -> None:
    """Raise `InputError` if a start of the workflow from `directory` through Slurm could not go well.

    Checked before the first submission: the account of the jobs, and that no job of an earlier start is left.
    """
    account = os.environ.get(ACCOUNT, "")
    if not account:
        raise InputError(
            f"{ACCOUNT} is not set: Slurm charges every job to an account. Put it into the settings file that you "
            f"source before Snakemake (docs/cluster.md), e.g. export {ACCOUNT}=project_465000001; 'sacctmgr show assoc "
            "user=$USER format=account' lists yours"
        )
    check_queue(directory)
