"""The journal of requests: append-only JSON lines, so that no answer is paid for twice and none is lost.

Each process writes a file of its own; all files of the folder are read. A line stands before its answer is used. What a
crash has cut is the last line of a file, which does not count.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from polytune.errors import InputError
from polytune.files import explain_failure

Entry = dict[str, Any]
NEEDED = {"key", "outcome", "text", "reason", "prompt_tokens", "completion_tokens", "price", "tries"}
"""What every entry has; besides: model, stop, time."""

REFRESH_SECONDS = 1.0


class Journal:
    """What a judge was asked and said, by whomever. `durable` waits for the disk: for answers that cost money."""

    def __init__(self, directory: Path, durable: bool) -> None:
        self.directory, self.durable = directory, durable
        self.spent = 0.0
        """Price of everything in the journal."""
        self.damaged = 0
        """Whole lines that are no entry: a disk's fault, for no crash writes such."""
        self._entries: dict[str, list[tuple[str, int, Entry]]] = defaultdict(list)
        self._read_to: dict[Path, int] = {}
        self._file: Path | None = None
        self._descriptor = -1
        self._written = 0
        self._refreshed = -REFRESH_SECONDS
        self.refresh()

    def entries(self, key: str) -> list[Entry]:
        """Return what is known of a request, the oldest writer's entries first: the same for whoever asks."""
        self.refresh()
        return [entry for _, _, entry in sorted(self._entries.get(key, ()), key=lambda found: found[:2])]

    def append(self, entry: Entry) -> None:
        """Add an entry; when this returns, a killed process has kept it (`durable`: a dead machine has, too)."""
        if self._file is None:
            self._open()
        line = json.dumps(entry, allow_nan=False).encode() + b"\n"
        try:
            _write_all(self._descriptor, line)
            if self.durable:
                os.fsync(self._descriptor)
        except OSError as error:
            os.ftruncate(self._descriptor, self._written)  # or the next line would be joined to a part of this one
            raise InputError(explain_failure(error, self._file) or f"{self._file}: {error}") from error
        self._take(self._file, self._written, entry)
        self._written += len(line)

    def refresh(self) -> None:
        """Read what other processes have added, at most once a second."""
        if time.monotonic() - self._refreshed < REFRESH_SECONDS:
            return
        self._refreshed = time.monotonic()
        for path in sorted(self.directory.glob("*.jsonl")):
            if path != self._file and path.stat().st_size > self._read_to.get(path, 0):
                self._read(path)

    def close(self) -> None:
        """Close the file that was written."""
        if self._file is not None:
            os.close(self._descriptor)

    def _open(self) -> None:
        name = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{os.getpid()}-{secrets.token_hex(3)}.jsonl"
        self._file = self.directory / name
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o666)
        except OSError as error:
            raise InputError(explain_failure(error, self._file) or f"{self._file}: {error}") from error

    def _read(self, path: Path) -> None:
        start = self._read_to.get(path, 0)
        with path.open("rb") as stream:
            stream.seek(start)
            lines = stream.read().split(b"\n")
        position = start
        for line in lines[:-1]:  # after the last line break: nothing, or a line that is not whole (yet)
            try:
                entry = json.loads(line)
                if not isinstance(entry, dict) or not set(entry) >= NEEDED:
                    raise ValueError("lacks something")
                self._take(path, position, entry | {"price": float(entry["price"])})
            except (ValueError, TypeError):
                self.damaged += 1
                print(f"{path}: byte {position}: not an entry of a journal; it counts as not asked", file=sys.stderr)
            position += len(line) + 1
        self._read_to[path] = position

    def _take(self, path: Path, position: int, entry: Entry) -> None:
        self._entries[entry["key"]].append((path.name, position, entry))
        self.spent += entry["price"]


def _write_all(descriptor: int, line: bytes) -> None:
    while line:
        line = line[os.write(descriptor, line) :]
