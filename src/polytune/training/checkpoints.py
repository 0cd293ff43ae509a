"""Checkpoints in a work directory: checksummed, bound to one run, written by one process at a time.

    work/owner.json                            who writes here now (`polytune.cluster.guard`)
    work/{run}/checkpoint-{update}/            weights and optimizer (state.pt, or DeepSpeed's folder state/),
                                               random-{process}.pt, progress.json
    work/{run}/checkpoint-{update}/checksums.json   written last: the checkpoint is whole
    work/{run}/logs/                           TensorBoard

The name of the run's folder is a digest of everything that decides its weights (`Run.digest`), and how many processes
train it with which ZeRO stage: the optimizer's state is cut accordingly. So no other run ever sees these checkpoints.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from polytune.errors import InputError
from polytune.files import explain_failure, read_json, sha256_file, write_json
from polytune.machine import energy_joules
from polytune.training.batches import Update
from polytune.training.engine import OneProcess

CHECKSUMS, PROGRESS = "checksums.json", "progress.json"
KEPT = 2  # the newest, and the one before it in case the newest is damaged; and what was best for each of them


@dataclass
class Progress:
    """How far a run has come; with weights, optimizer and random state this is a checkpoint."""

    updates: int = 0
    loss_limit: float | None = None  # a larger loss has exploded; known after the first update
    losses: list[float] = field(default_factory=list)  # of the updates since the last logged point
    logged: list[float] = field(default_factory=list)  # the last ten logged losses
    rows: Counter[str] = field(default_factory=Counter)  # rows computed of each source/language
    supervised_tokens: Counter[str] = field(default_factory=Counter)
    validation: list[tuple[int, float]] = field(default_factory=list)  # updates done, loss on the held-out rows
    wall_seconds: float = 0.0
    energy_joules: list[float | None] = field(default_factory=list)  # of each process; None: the device does not tell

    @classmethod
    def read(cls, checkpoint: Path, process: int) -> Progress:
        """Return the progress of a checkpoint; the first process goes on with what all have counted."""
        content = read_json(checkpoint / PROGRESS)
        for name in ("rows", "supervised_tokens"):
            content[name] = Counter({} if process else content[name])
        return cls(**content)

    def add(self, update: Update, loss: float) -> None:
        """Count an update that is done, by the packs that this process has computed."""
        self.updates = update.number + 1
        self.losses.append(loss)
        for pack in update.packs:
            for origin, supervised in pack.origins:
                self.rows[origin] += 1
                self.supervised_tokens[origin] += supervised

    def best_update(self, until: int | None = None) -> int | None:
        """Return after how many updates (at most `until`) the loss on the held-out rows was lowest; None: unknown."""
        points = [point for point in self.validation if until is None or point[0] <= until]
        return min(points, key=lambda point: point[1])[0] if points else None

    def log_loss(self) -> float:
        """Return the mean loss since the last logged point."""
        self.logged = [*self.logged, sum(self.losses) / len(self.losses)][-10:]
        self.losses = []
        return self.logged[-1]


def read_clocks() -> tuple[float, float | None]:
    """Return seconds and joules of clocks of which only differences mean something; None: the device does not tell."""
    return time.monotonic(), energy_joules()


def sum_progress(engine: OneProcess, progress: Progress, begun: tuple[float, float | None]) -> Progress:
    """Return the progress of all processes together, which wait for each other; `begun` are the clocks at the start."""
    seconds, joules = read_clocks()
    before = progress.energy_joules[engine.process] if progress.energy_joules else 0.0
    energy = None if joules is None or begun[1] is None else (before or 0.0) + joules - begun[1]
    energies, rows, tokens = zip(*engine.gather((energy, progress.rows, progress.supervised_tokens)), strict=True)
    return replace(
        progress,
        rows=sum(rows, Counter()),
        supervised_tokens=sum(tokens, Counter()),
        wall_seconds=progress.wall_seconds + seconds - begun[0],
        energy_joules=list(energies),
    )


def save_checkpoint(engine: OneProcess, progress: Progress, folder: Path) -> None:
    """Write and seal the checkpoint of `progress`; remove those that neither of the last two needs."""
    checkpoint = folder / f"checkpoint-{progress.updates}"
    with report_failed_write(checkpoint):
        checkpoint.mkdir(exist_ok=True)
        engine.save(checkpoint)
        state = {"cpu": torch.get_rng_state()}
        if torch.cuda.is_available():
            state["cuda"] = torch.cuda.get_rng_state()
        torch.save(state, checkpoint / f"random-{engine.process}.pt")
        engine.gather(None)  # every process has written its part
        if engine.process == 0:
            write_json(checkpoint / PROGRESS, vars(progress))
            seal_checkpoint(checkpoint)
            steps = _steps(folder)
            newest = sorted(steps)[-KEPT:]
            for step in steps.keys() - {*newest, *map(progress.best_update, newest)}:
                shutil.rmtree(steps[step])
    engine.gather(None)


def load_best(engine: OneProcess, progress: Progress, folder: Path) -> None:
    """Take up the weights of the update with the lowest loss on the held-out rows; the run has no further update.

    Raises `InputError` on every process if their checkpoint is damaged.
    """
    best = progress.best_update()
    if best == progress.updates:
        return
    checkpoint = folder / f"checkpoint-{best}"
    if damage := engine.gather(find_damage(checkpoint) if engine.process == 0 else None)[0]:
        raise InputError(f"{checkpoint}, the best of the run, is damaged: {damage}; delete {folder} to begin anew")
    engine.load(checkpoint)


def load_checkpoint(engine: OneProcess, checkpoint: Path) -> None:
    """Take up weights, optimizer and random state; dropout, all that draws random numbers, goes on where it was."""
    engine.load(checkpoint)
    state = torch.load(checkpoint / f"random-{engine.process}.pt", weights_only=True)
    torch.set_rng_state(state["cpu"])
    if "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"])


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
def report_failed_write(target: Path) -> Iterator[None]:
    """Turn a failure of the block to write `target`, a full disk above all, into an `InputError` in one line."""
    try:
        yield
    except Exception as error:
        reason = None if isinstance(error, InputError) else explain_failure(error, target)
        if reason is None:
            raise
        raise InputError(
            f"{target} cannot be written: {reason}. Checkpoints saved before are kept: make room, and the next start "
            "resumes from the last one"
        ) from error


def _hash_files(folder: Path, names: list[str]) -> dict[str, str]:
    with ThreadPoolExecutor(8) as pool:  # hashing releases the interpreter lock; large models have many shards
        return dict(zip(names, pool.map(lambda name: sha256_file(folder / name), names), strict=True))


def seal_checkpoint(checkpoint: Path) -> None:
    """Write the checksums of a complete checkpoint; only sealed checkpoints are ever resumed."""
    files = sorted(path for path in checkpoint.rglob("*") if path.is_file() and path.name != CHECKSUMS)
    write_json(checkpoint / CHECKSUMS, _hash_files(checkpoint, [str(path.relative_to(checkpoint)) for path in files]))


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
    for name, found in _hash_files(checkpoint, list(sums)).items():
        if found != sums[name]:
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
