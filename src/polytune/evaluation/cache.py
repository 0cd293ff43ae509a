"""Finished evaluations by key, and claims: who computes now, who waits.

One process evaluates every benchmark that a run owes, because loading dominates; the jobs of the other benchmarks find
their results here. Results are written whole, under a name that says what they depend on, so that two processes that
compute the same thing by accident write the same file. Claims only save work. They are plain files made with O_EXCL,
because locks are silent no-ops on some cluster file systems.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from polytune.files import atomic_path, read_json, write_json

HEARTBEAT_SECONDS = 10.0
"""How often the holder of a claim shows that it lives."""

STALE_SECONDS = 60.0
"""How long a claim without a heartbeat counts as live; longer than a file system's delay between two computers."""


@dataclass(frozen=True)
class Cache:
    """A directory of finished evaluations."""

    directory: Path

    def results(self, key: str) -> Path:
        """Return where the results of `key` lie; they are complete if this file exists."""
        return self.directory / f"{key}.json"

    def samples(self, key: str) -> Path:
        """Return where the samples of `key` lie."""
        return self.directory / f"{key}.samples.parquet"

    def has(self, key: str) -> bool:
        """Return whether `key` is finished."""
        return self.results(key).is_file()

    def store(self, key: str, results: dict[str, Any], write_samples: Callable[[Path], None]) -> None:
        """Store an evaluation: first its samples, then, as the sign that it is complete, its results."""
        self.directory.mkdir(parents=True, exist_ok=True)
        write_samples(self.samples(key))
        write_json(self.results(key), results)

    def deliver(self, key: str, output: Path, samples: Path) -> dict[str, Any]:
        """Copy a finished evaluation to the paths that the user asked for; return the results."""
        for source, target in ((self.samples(key), samples), (self.results(key), output)):
            with atomic_path(target) as temporary:
                shutil.copyfile(source, temporary)
        return read_json(output)


@contextmanager
def claim(
    directory: Path, name: str, finished: Callable[[], bool], stale_seconds: float = STALE_SECONDS
) -> Iterator[bool]:
    """Hold the claim `name` while the block runs; yield False if `finished()` came true while waiting for its holder.

    Waits only while the holder lives: on the same computer its process must exist, anywhere its heartbeat must go on.
    A stale claim is taken over by the next generation of the claim, which one process alone can create. Waiting is
    said on standard error.
    """
    directory.mkdir(parents=True, exist_ok=True)
    path = _acquire(directory, name, finished, stale_seconds)
    if path is None:
        yield False
        return
    stop = threading.Event()
    beat = threading.Thread(target=_beat, args=(path, stop), daemon=True)
    beat.start()
    try:
        yield True
    finally:
        stop.set()
        beat.join()
        path.unlink(missing_ok=True)


def _acquire(directory: Path, name: str, finished: Callable[[], bool], stale_seconds: float) -> Path | None:
    """Return the claim file that this process now holds, or None once `finished()`."""
    watched: tuple[Any, float] | None = None  # state of the claim, and when this process first saw that state
    announced = False
    while not finished():
        held = sorted(directory.glob(f"{name}.*.claim"), key=_generation)
        if not held:
            mine = _create(directory / f"{name}.1.claim")
        else:
            state = _state(held[-1])
            if state is None:  # released between the two looks
                continue
            if watched is None or watched[0] != state:
                watched = (state, time.monotonic())
            if not _is_dead_here(state[0]) and time.monotonic() - watched[1] < stale_seconds:
                if not announced:
                    print(f"Waiting: {_described(state[0])} evaluates this model now.", file=sys.stderr, flush=True)
                    announced = True
                time.sleep(0.2)
                continue
            print(f"Taking over from {_described(state[0])}, which is gone.", file=sys.stderr, flush=True)
            mine = _create(directory / f"{name}.{_generation(held[-1]) + 1}.claim")
            if mine is not None:
                for path in held:
                    path.unlink(missing_ok=True)
        if mine is not None:
            if not finished():  # by a holder that released its claim since the last look
                return mine
            mine.unlink()
    return None


def _create(path: Path) -> Path | None:
    """Create a claim; return None if another process was first."""
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    except FileExistsError:
        return None
    with os.fdopen(descriptor, "w") as stream:
        json.dump({"host": socket.gethostname(), "pid": os.getpid()}, stream)
    return path


def _beat(path: Path, stop: threading.Event) -> None:
    """Touch the claim until told to stop or until it was taken over."""
    while not stop.wait(HEARTBEAT_SECONDS):
        try:
            os.utime(path)
        except FileNotFoundError:
            return


def _state(path: Path) -> tuple[str, int] | None:
    """Return (text, time of the last heartbeat) of a claim, None if it is gone.

    The time serves only to see that it changes: clocks of two computers are never compared.
    """
    try:
        return path.read_text(), path.stat().st_mtime_ns
    except FileNotFoundError:
        return None


def _holder(text: str) -> dict[str, Any] | None:
    """Return the holder that a claim names, None while it is still being written."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return None


def _is_dead_here(text: str) -> bool:
    """Return whether the holder was a process of this computer that no longer exists."""
    holder = _holder(text)
    if holder is None or holder["host"] != socket.gethostname():
        return False
    try:
        os.kill(holder["pid"], 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _described(text: str) -> str:
    holder = _holder(text)
    return "another process" if holder is None else f"process {holder['pid']} on {holder['host']}"


def _generation(path: Path) -> int:
    return int(path.name.split(".")[-2])
