"""Checkpoints in a work directory: checksummed, bound to one run, written by one process at a time.

    work/owner.json                                 who writes here now (`polytune.cluster.guard`)
    work/{fingerprint}/checkpoint-{update}/         Trainer's or DeepSpeed's files
    work/{fingerprint}/checkpoint-{update}/checksums.json   written last: the checkpoint is whole
    work/{fingerprint}/logs/                        TensorBoard

The fingerprint is a digest of everything that a resumed run must share with the interrupted one, so another run never
sees these checkpoints.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from polytune.files import sha256_file, write_json

CHECKSUMS = "checksums.json"
KEPT = 2  # the newest, and the one before it in case the newest is damaged


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


def latest_checkpoint(folder: Path) -> Path | None:
    """Return the newest undamaged checkpoint in `folder`; damaged ones are reported on standard error and removed."""
    steps = {}
    for path in Path(folder).glob("checkpoint-*"):
        if match := re.fullmatch(r"checkpoint-(\d+)", path.name):
            steps[int(match[1])] = path
    for step in sorted(steps, reverse=True):
        damage = find_damage(steps[step])
        if damage is None:
            return steps[step]
        print(f"checkpoint {steps[step]} is not used and removed: {damage}", file=sys.stderr)
        shutil.rmtree(steps[step])
    return None
