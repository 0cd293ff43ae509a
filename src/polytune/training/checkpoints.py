"""Checkpoints in a work directory: checksummed, bound to one run, written by one process at a time.

    work/owner.json                            who writes here now (`polytune.cluster.guard`)
    work/{run}/checkpoint-{update}/            Trainer's or DeepSpeed's files
    work/{run}/checkpoint-{update}/checksums.json   written last: the checkpoint is whole
    work/{run}/logs/                           TensorBoard

The name of the run's folder is a digest of everything that decides its weights (`run_digest`), and how many processes
train it with which ZeRO stage: the optimizer's state is cut accordingly. So no other run ever sees these checkpoints.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from polytune.errors import InputError
from polytune.files import sha256_file, write_json

CHECKSUMS = "checksums.json"
KEPT = 2  # the newest, and the one before it in case the newest is damaged


def run_folder(work: Path, digest: str, processes: int, zero_stage: int) -> Path:
    """Return the folder in `work` for the checkpoints of the run `digest` (16 hexadecimal digits), trained so."""
    return work / (f"{digest}-{processes}-zero{zero_stage}" if processes > 1 else f"{digest}-1")


def check_geometry(folder: Path) -> None:
    """Raise `InputError` if only another number of processes or ZeRO stage has left checkpoints of the run.

    To begin anew without a word could cost days of many devices.
    """
    if any(folder.glob("checkpoint-*")):
        return
    for other in sorted(folder.parent.glob(f"{folder.name.partition('-')[0]}-*")):
        if other != folder and (left := _steps(other)):
            raise InputError(
                f"{left[max(left)]}: this run was begun with {_describe(other)}, this start has {_describe(folder)}; "
                f"its checkpoints cannot be resumed so. Start as before, or delete {other} to begin anew"
            )


def _describe(folder: Path) -> str:
    _, processes, *stage = folder.name.split("-")
    return f"{processes} processes and ZeRO stage {stage[0].removeprefix('zero')}" if stage else "1 process"


def remove_folders(work: Path) -> None:
    """Remove the checkpoints of all runs in `work`: of the one that is complete, and of its older specs."""
    for folder in work.iterdir():
        if re.fullmatch(r"[0-9a-f]{16}-\d+(-zero\d)?", folder.name):
            shutil.rmtree(folder)


@contextmanager
def explain_failure(target: Path) -> Iterator[None]:
    """Turn a failure of the block to write `target`, a full disk above all, into an `InputError`."""
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, RuntimeError, SafetensorError) as error:
        if isinstance(error, RuntimeError) and not re.search("inline_container|iostream", str(error)):  # torch.save's
            raise
        free = shutil.disk_usage(target.parent).free / 2**30
        raise InputError(
            f"{target} cannot be written: {error} ({free:.1f} GiB are free there, quotas aside). "
            "Checkpoints saved before are kept: make room, and the next start resumes from the last one"
        ) from error


def _files(checkpoint: Path) -> list[Path]:
    return sorted(path for path in checkpoint.rglob("*") if path.is_file() and path.name != CHECKSUMS)


def seal_checkpoint(checkpoint: Path) -> None:
    """Write the checksums of a complete checkpoint; only sealed checkpoints are ever resumed."""
    files = _files(checkpoint)
    with ThreadPoolExecutor(8) as pool:  # hashing releases the interpreter lock; large models have many shards
        sums = list(pool.map(sha256_file, files))
    write_json(
        checkpoint / CHECKSUMS,
        {str(path.relative_to(checkpoint)): sum_ for path, sum_ in zip(files, sums, strict=True)},
    )


def find_damage(checkpoint: Path) -> str | None:
    """Return what is wrong with a checkpoint, or None if every file is as it was sealed."""
    file = checkpoint / CHECKSUMS
    if not file.is_file():
        return "it was not completed"
    try:
        sums = json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        return f"{CHECKSUMS} is broken"
    for name in sums:
        if not (checkpoint / name).is_file():
            return f"{name} is missing"
    with ThreadPoolExecutor(8) as pool:
        found = pool.map(sha256_file, (checkpoint / name for name in sums))
        for (name, expected), actual in zip(sums.items(), found, strict=True):
            if actual != expected:
                return f"the checksum of {name} does not fit"
    return None


def _steps(folder: Path) -> dict[int, Path]:
    """Return the checkpoints in `folder`, whole or not, by number of updates."""
    matches = {path: re.fullmatch(r"checkpoint-(\d+)", path.name) for path in Path(folder).glob("checkpoint-*")}
    return {int(match[1]): path for path, match in matches.items() if match}


def latest_checkpoint(folder: Path) -> Path | None:
    """Return the newest undamaged checkpoint in `folder`; damaged ones are reported on standard error and removed."""
    steps = _steps(folder)
    for step in sorted(steps, reverse=True):
        damage = find_damage(steps[step])
        if damage is None:
            return steps[step]
        print(f"checkpoint {steps[step]} is not used and removed: {damage}", file=sys.stderr)
        shutil.rmtree(steps[step])
    return None
