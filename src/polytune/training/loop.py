"""The training loop: update after update, from the first one or a checkpoint to the last."""

from __future__ import annotations

import contextlib
import math
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch

from polytune.errors import InputError
from polytune.files import write_text
from polytune.machine import is_out_of_memory, peak_memory_bytes
from polytune.progress import track
from polytune.training.batches import Update, Updates
from polytune.training.checkpoints import (
    Progress,
    load_best,
    load_checkpoint,
    read_clocks,
    save_checkpoint,
    sum_progress,
)
from polytune.training.engine import OneProcess
from polytune.training.options import Hardware
from polytune.training.schedules import learning_rate_factor
from polytune.training.validation import Validator

LOGGED_POINTS = 200  # of a run
SHRUNK = "micro_batch_tokens"  # file in the run's folder: pack size that an out-of-memory stop left behind
ADVICE = "the last checkpoint is kept; lower the learning rate, warm up longer or use precision fp32"


class TrainingDiverged(InputError):
    """The loss, the gradient or a weight is not finite, or the loss has exploded."""


class OutOfMemory(InputError):
    """One of several processes ran out of memory; the next start uses smaller packs."""


def train(
    engine: OneProcess,
    updates: Updates,
    validator: Validator | None,
    hardware: Hardware,
    folder: Path,
    checkpoint: Path | None = None,
) -> Progress:
    """Compute the updates that `checkpoint` has not seen; write checkpoints and TensorBoard's log to `folder`.

    With a validator whose run keeps its best weights, the engine has those in the end. After a signal it saves and
    exits. Raises `TrainingDiverged` and, with several processes, `OutOfMemory`.
    """
    hyper, first = engine.hyper, engine.process == 0
    warmup = math.ceil(len(updates) * hyper.warmup_ratio)
    log_every = max(1, len(updates) // LOGGED_POINTS)
    keeps_best = validator is not None and validator.wanted.keep == "best"

    progress = Progress() if checkpoint is None else Progress.read(checkpoint, engine.process)
    left = range(progress.updates, len(updates))
    stream = map(updates.__getitem__, left) if engine.device.type == "cpu" else read_ahead(updates, left)
    if checkpoint is not None:
        load_checkpoint(engine, checkpoint)

    begun = read_clocks()
    saved = logged = begun[0]
    tokens = fed = 0
    bar = track(stream, "training", len(updates), "update", initial=progress.updates, disable=not first)
    with catch_signals() as signalled, open_log(folder / "logs", first) as write_log:
        for update in bar:
            rate = hyper.learning_rate * learning_rate_factor(
                update.number, len(updates), warmup, hyper.scheduler, hyper.final_learning_rate_ratio
            )
            where = f"at update {update.number + 1} of {len(updates)} (learning rate {rate:g})"

            update, loss = compute_in_memory(engine, updates, update, folder)
            progress.loss_limit = check_loss(loss, progress.loss_limit, engine.model.config.vocab_size, where)
            norm = engine.step(rate)
            if not math.isfinite(norm):
                raise TrainingDiverged(f"the gradient's norm is {norm} {where}; {ADVICE}")
            progress.add(update, loss)
            tokens, fed = tokens + update.tokens, fed + update.fed

            if progress.updates == 1 or progress.updates % log_every == 0:
                now = time.monotonic()
                values = {
                    "loss": progress.log_loss(),
                    "grad_norm": norm,
                    "learning_rate": rate,
                    "tokens_per_second": tokens / (now - logged),
                    "padding_share": 1 - tokens / max(fed, 1),
                    "memory_gib": peak_memory_bytes() / 2**30,
                    "epoch": progress.updates * hyper.global_batch_rows / len(updates.chosen),
                }
                write_log("train", progress.updates, values)
                bar.set_postfix(loss=f"{values['loss']:.3f}", refresh=False)
                logged, tokens, fed = now, 0, 0

            improved = False
            if validator is not None and validator.is_due(progress.updates):
                progress.validation.append((progress.updates, validator.measure(engine)))
                improved = keeps_best and progress.best_update() == progress.updates
                values = {"loss": progress.validation[-1][1], "best_update": progress.best_update()}
                write_log("validation", progress.updates, values)

            # the processes decide together: their clocks differ, and a signal may reach only one of them
            due = bool(hardware.checkpoint_minutes) and time.monotonic() - saved >= hardware.checkpoint_minutes * 60
            due, stop = engine.reduce([due, signalled()], largest=True)
            due = due or stop or (hardware.checkpoint_updates and progress.updates % hardware.checkpoint_updates == 0)
            if (due or improved) and progress.updates < len(updates):  # after the last one the model itself is written
                check_weights(engine, where)
                save_checkpoint(engine, sum_progress(engine, progress, begun), folder)
                saved = time.monotonic()
                if stop:
                    engine.leave()
                    sys.exit(
                        f"interrupted by a signal after update {progress.updates} of {len(updates)}; "
                        f"a checkpoint is saved in {folder} and the next start resumes from it"
                    )
    check_weights(engine, "after the last update")
    if keeps_best:
        load_best(engine, progress, folder)
    return sum_progress(engine, progress, begun)


def read_ahead(updates: Updates, numbers: range) -> Iterator[Update]:
    """Yield updates; a thread packs the next one while a GPU computes, which must not wait.

    Not torch's loader: Slurm's signal may go to all processes of a step, and a loader's process that a signal has ended
    ends the run. It also opens a file for every tensor of a pack.
    """
    with ThreadPoolExecutor(1) as pool:
        coming = [pool.submit(updates.__getitem__, number) for number in numbers[:1]]
        for number in numbers:
            update = coming.pop().result()
            if number + 1 in numbers:
                coming.append(pool.submit(updates.__getitem__, number + 1))
            yield update


def compute_in_memory(engine: OneProcess, updates: Updates, update: Update, folder: Path) -> tuple[Update, float]:
    """Compute the gradient of an update, with smaller packs where they do not fit; return the update and its loss.

    Out of memory, packs of half the size are tried, down to one row a pack. With several processes this one cannot
    repeat alone, so it stops; the next start, a retry of the workflow, uses smaller packs.
    """
    while True:
        if update.micro_batch_tokens != updates.micro_batch_tokens:  # read ahead before the size changed
            update = updates[update.number]
        try:
            return update, compute_update(engine, update)
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            micro = updates.micro_batch_tokens
            if micro <= int(updates.rows.lengths.max()):
                raise InputError(
                    f"out of memory although each pack holds one row ({micro} tokens at most): "
                    "use more devices with a higher --zero-stage, activation checkpointing, "
                    "a smaller max_length_tokens or method lora"
                ) from error
            if engine.processes > 1:
                write_text(folder / SHRUNK, str(micro // 2))
                raise OutOfMemory(f"out of memory; the next start uses packs of {micro // 2} tokens") from error
        print(f"out of memory with packs of {micro} tokens; trying {micro // 2}, the update stays the same", flush=True)
        updates.micro_batch_tokens = micro // 2
        engine.forget()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def compute_update(engine: OneProcess, update: Update) -> float:
    """Compute the gradient of one update, pack by pack; return its loss, which is the same on every process."""
    total = torch.zeros((), device=engine.device)
    for number, pack in enumerate(update.packs, start=1):
        loss = engine.compute_loss(pack)
        engine.add_gradient(loss, last=number == len(update.packs))
        total += loss.detach()
    return engine.reduce([float(total)])[0]


def check_loss(loss: float, limit: float | None, entries: int, where: str) -> float:
    """Return the limit for the next losses; raise `TrainingDiverged` if this one is not finite or has exploded.

    A uniform guess among `entries` costs ln(entries) nats a token: three times that is worse than knowing nothing,
    unless the base model starts there (T5 does before its first tuning).
    """
    if not math.isfinite(loss):
        raise TrainingDiverged(f"the loss is {loss} {where}; {ADVICE}")
    limit = max(3 * math.log(entries), 2 * loss) if limit is None else limit
    if loss > limit:
        raise TrainingDiverged(f"the loss has exploded to {loss:.3g} nats per token {where}; {ADVICE}")
    return limit


def check_weights(engine: OneProcess, where: str) -> None:
    """Raise `TrainingDiverged`, on all processes, if a trained weight is not finite."""
    trained = ((name, weight) for name, weight in engine.model.named_parameters() if weight.requires_grad)
    # at ZeRO stage 3 each process holds a part of a weight, beside an empty one
    broken = [name for name, weight in trained if not getattr(weight, "ds_tensor", weight).isfinite().all()]
    if engine.reduce([len(broken)])[0]:
        raise TrainingDiverged(f"{' '.join(broken[:1]) or 'a weight'} is not finite {where}; {ADVICE}")


@contextlib.contextmanager
def catch_signals() -> Iterator[Callable[[], bool]]:
    """Survive SIGTERM and SIGUSR1, which Slurm sends before a time limit; yield a function that tells of them."""
    received = []
    numbers = (signal.SIGTERM, signal.SIGUSR1)
    previous = {number: signal.signal(number, lambda *caught: received.append(caught)) for number in numbers}
    try:
        yield lambda: bool(received)
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def open_log(folder: Path, first: bool) -> Iterator[Callable[[str, int, dict[str, float]], None]]:
    """Yield a function that writes the values of an update to TensorBoard's event file, on the first process only."""
    if not first:
        yield lambda group, update, values: None
        return
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(folder)) as writer:
        yield lambda group, update, values: [
            writer.add_scalar(f"{group}/{name}", value, update) for name, value in values.items()
        ]
