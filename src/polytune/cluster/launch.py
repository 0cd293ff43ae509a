"""`polytune launch`: start a training on one or many devices, the same way on a laptop, a server and a cluster.

    1 device                              the command itself
    several devices, one computer         one process per device, started here
    several nodes (a Slurm job of the     `srun` starts one process per device; each finds its rank and the address
    resource `mpi`)                       of rank 0 in Slurm's variables, which Snakemake removes outside the step

The launcher holds the run's work folder against a second copy (`polytune.cluster.guard`), passes signals on, and ends
the other ranks when one fails.
"""

from __future__ import annotations

import contextlib
import os
import random
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from polytune.cluster.guard import OWNER, TOKEN, own_work, read_owner
from polytune.errors import InputError

GRACE_SECONDS = 10.0  # for the other ranks after one has failed: they wait for it in a collective operation
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)


def command(
    arguments: Annotated[list[str], typer.Argument(help="The polytune command and its options, after '--'.")],
    nodes: Annotated[int, typer.Option(min=1, help="Nodes.")] = 1,
    devices_per_node: Annotated[int, typer.Option(min=1, help="Processes on each node, one per device.")] = 1,
    work: Annotated[Path | None, typer.Option(help="Work folder that only one copy may use.")] = None,
    step_options: Annotated[
        str, typer.Option(help="Options of srun: cores, devices and binding of each process.")
    ] = "",
    inside_step: Annotated[bool, typer.Option(hidden=True, help="This is one rank of a Slurm step.")] = False,
) -> None:
    """Start a command on one or many devices: directly, as local processes, or by srun."""
    program = ["polytune", *arguments]
    if inside_step:
        os.environ.update(rank_in_step(os.environ))
        given = {"SLURM_GPUS_ON_NODE": os.environ.get("SLURM_GPUS_ON_NODE", "")}  # a rank may be bound to one of them
        check_visible_devices(int(os.environ["LOCAL_WORLD_SIZE"]), given)
        os.execvp(program[0], program)
    with own_work(work) if work else contextlib.nullcontext():
        if work:
            os.environ[TOKEN] = read_owner(work / OWNER)["token"]
        ranks = nodes * devices_per_node
        check_visible_devices(devices_per_node, os.environ)
        if ranks == 1:
            say("1 process", program)
            code = run_together([lambda: subprocess.Popen(program)])
        elif uses_srun(os.environ):
            call = srun_call(nodes, devices_per_node, step_options, arguments)
            say(f"{nodes} x {devices_per_node} processes by srun", call)
            code = run_together([lambda: subprocess.Popen(call)])
        elif nodes == 1:
            say(f"{ranks} local processes", program)
            code = run_together(local_ranks(program, ranks))
        else:
            raise InputError(
                f"--nodes is {nodes}, but this is no Slurm job that may start a step on them: use profiles/lumi or "
                "profiles/slurm, whose training rules have the resource 'mpi', or set training.devices for one computer"
            )
    sys.exit(code)


def say(how: str, call: list[str]) -> None:
    """Write to the log what is started and how."""
    print(f"launch: {how}: {shlex.join(call)}", flush=True)


def uses_srun(environment: dict) -> bool:
    """Return whether this process is the batch part of a Slurm job, from which a step can be started.

    Jobs without the resource `mpi` run as a step already; a step inside it would wait for ever for its own cores.
    """
    return "SLURM_JOB_ID" in environment and "SLURM_STEP_ID" not in environment


def srun_call(nodes: int, devices_per_node: int, step_options: str, arguments: list[str]) -> list[str]:
    """Return the call that starts every rank; it repeats all sizes, because Snakemake removes Slurm's variables."""
    return [
        "srun",
        f"--nodes={nodes}",
        f"--ntasks-per-node={devices_per_node}",
        f"--ntasks={nodes * devices_per_node}",
        "--kill-on-bad-exit=1",
        "--unbuffered",  # progress bars end no lines
        *shlex.split(step_options),
        "polytune",
        "launch",
        "--inside-step",
        "--",
        *arguments,
    ]


def rank_in_step(environment: dict) -> dict[str, str]:
    """Return what torch.distributed and DeepSpeed need, from the variables of a Slurm step."""
    from polytune.cluster.slurm import first_node_address

    return {
        "RANK": environment["SLURM_PROCID"],
        "LOCAL_RANK": environment["SLURM_LOCALID"],
        "WORLD_SIZE": environment["SLURM_NTASKS"],
        "LOCAL_WORLD_SIZE": environment["SLURM_NTASKS_PER_NODE"],
        "MASTER_ADDR": first_node_address(),
        # two jobs on one node must differ; below 32768, where Linux takes ports for outgoing connections
        "MASTER_PORT": str(20000 + int(environment["SLURM_JOB_ID"]) % 10000),
    }


def local_ranks(program: list[str], ranks: int) -> list[Callable[[], subprocess.Popen]]:
    """Return starters of `ranks` processes on this computer."""
    shared = {"WORLD_SIZE": str(ranks), "LOCAL_WORLD_SIZE": str(ranks)}
    shared |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}

    def starter(rank: int) -> Callable[[], subprocess.Popen]:
        environment = {**os.environ, **shared, "RANK": str(rank), "LOCAL_RANK": str(rank)}
        return lambda: subprocess.Popen(program, env=environment)

    return [starter(rank) for rank in range(ranks)]


def free_port() -> int:
    """Return a port that nobody listens on.

    Rank 0 listens only after seconds of imports. So not a port that the system gives out: those are the ones that it
    takes for any outgoing connection meanwhile (32768 and above on Linux).
    """
    for port in random.SystemRandom().sample(range(20000, 32768), 100):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise InputError("none of 100 ports between 20000 and 32767 is free on 127.0.0.1")


def run_together(starters: list[Callable[[], subprocess.Popen]], grace_seconds: float = GRACE_SECONDS) -> int:
    """Start processes and wait for all; pass signals on; when one fails, end the others. Return the first bad status.

    The status of a process that a signal ended is 128 + signal, as in a shell.
    """
    processes: list[subprocess.Popen] = []
    received: list[int] = []

    def pass_on(number, frame) -> None:
        received.append(number)
        for process in processes:
            if process.poll() is None:
                process.send_signal(number)

    previous = {number: signal.signal(number, pass_on) for number in SIGNALS}
    try:
        for start in starters:
            processes.append(start())
            if received:  # arrived while the last one was being started
                processes[-1].send_signal(received[-1])
        return _wait(processes, grace_seconds)
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()
                process.wait()
        for number, handler in previous.items():
            signal.signal(number, handler)


def _wait(processes: list[subprocess.Popen], grace_seconds: float) -> int:
    failed: int | None = None
    deadline = float("inf")
    while any(process.poll() is None for process in processes):
        if failed is None:
            failed = next((rank for rank, process in enumerate(processes) if process.poll()), None)
            if failed is not None and len(processes) > 1:
                print(
                    f"launch: rank {failed} ended with status {_status(processes[failed])}; the others have "
                    f"{grace_seconds:g} s to end",
                    file=sys.stderr,
                    flush=True,
                )
                deadline = time.monotonic() + grace_seconds
        if time.monotonic() > deadline:
            for rank, process in enumerate(processes):
                if process.poll() is None:
                    print(f"launch: rank {rank} is ended", file=sys.stderr, flush=True)
                    process.kill()
        time.sleep(0.05)
    if failed is None:
        failed = next((rank for rank, process in enumerate(processes) if process.poll()), None)
    return 0 if failed is None else _status(processes[failed])


def _status(process: subprocess.Popen) -> int:
    code = process.poll()
    return code if code >= 0 else 128 - code


def check_visible_devices(devices_per_node: int, environment: dict) -> None:
    """Raise `InputError` if the job has fewer devices than processes, as far as the environment tells.

    Slurm sets SLURM_GPUS_ON_NODE where it has given out devices; the two others are lists of what a process may see.
    """
    counts = {
        "SLURM_GPUS_ON_NODE": lambda text: int(text),
        "ROCR_VISIBLE_DEVICES": lambda text: len(text.split(",")),
        "CUDA_VISIBLE_DEVICES": lambda text: len(text.split(",")),
    }
    for name, count in counts.items():
        text = environment.get(name, "")
        if text and (seen := count(text)) < devices_per_node:
            raise InputError(
                f"{name}={text}: this job has {seen} devices on its node, but {devices_per_node} processes are to use "
                "one each; raise 'gres' of the rule in the profile or lower training.devices"
            )
