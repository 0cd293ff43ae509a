"""`polytune preflight`: what a training takes for granted, asserted within a minute, not found out after hours."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Annotated, Any

import typer

from polytune.errors import InputError
from polytune.files import write_json


def command(
    output: Annotated[Path, typer.Option(help="What was found (JSON); written by rank 0.")],
    device: Annotated[str, typer.Option(help="`cpu` where no device is expected, else one for each process.")] = "auto",
) -> None:
    """Assert that every process of this job sees its device and that all processes reach each other.

    Start it like a training: `polytune launch --nodes 2 --devices-per-node 8 -- preflight --output preflight.json`.
    """
    rank, ranks = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    local_ranks = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    found = {
        "rank": rank,
        "host": socket.gethostname(),
        "devices": visible_devices(),
        "hub_offline": os.environ.get("HF_HUB_OFFLINE") == "1",
    }
    problem = None if device == "cpu" else device_problem(found["devices"], local_ranks)
    everything = exchange({**found, "problem": problem}, rank, ranks)
    problems = [f"rank {one['rank']} on {one['host']}: {one['problem']}" for one in everything if one["problem"]]
    if problems:
        if rank:  # one process says it for all
            raise SystemExit(1)
        raise InputError("; ".join(problems))
    if rank == 0:
        write_json(output, {"processes": ranks, "ranks": everything})
        print(
            f"preflight: {ranks} processes on {len({one['host'] for one in everything})} hosts reach each other",
            flush=True,
        )


def visible_devices() -> list[str]:
    """Return the names of the devices that this process may use."""
    import torch

    return [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]


def device_problem(devices: list[str], local_ranks: int) -> str | None:
    """Return what is wrong with the devices that a process sees, or None: there must be one per process of a node."""
    if not devices:
        return (
            "torch sees no device: is this a CPU build of torch, or does the job ask for none ('gres' in the profile)? "
            "Set evaluation.device to cpu where that is meant"
        )
    if len(devices) < local_ranks:
        return f"torch sees {len(devices)} devices for {local_ranks} processes on this node"
    return None


def exchange(value: dict[str, Any], rank: int, ranks: int) -> list[dict[str, Any]]:
    """Return the values of all ranks, exchanged as a training does it: NCCL or RCCL between devices, else gloo."""
    if ranks == 1:
        return [value]
    import torch
    import torch.distributed as distributed

    on_devices = torch.cuda.is_available()
    if on_devices:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]) % torch.cuda.device_count())
    distributed.init_process_group("cpu:gloo,cuda:nccl" if on_devices else "gloo", rank=rank, world_size=ranks)
    values: list[Any] = [None] * ranks
    distributed.all_gather_object(values, value)
    if on_devices and not any(one["problem"] for one in values):
        total = torch.ones(1, device="cuda")
        distributed.all_reduce(total)
        if int(total.item()) != ranks:
            raise RuntimeError(f"the sum of ones over {ranks} ranks is {total.item()}")
    distributed.destroy_process_group()
    return values
