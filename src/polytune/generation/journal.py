"""Finished answers, kept as they come: a killed job loses what was in work, and nothing is generated twice.

A journal holds the answers to one language of a prompt set by one model with the same options. Its name is the digest
of all that they depend on, so that two processes that compute the same thing by accident write the same lines, and
neither needs a lock. It may be deleted at any time: what is missing is generated.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from polytune.errors import InputError
from polytune.files import explain_failure

Stop = Literal["end", "length", "context"]
"""Why an answer stopped: the model ended it, it had as many tokens as allowed, or the model's context was full."""

Place = tuple[int, int]
"""Item, and turn from 1."""


@dataclass(frozen=True)
class Answer:
    """What a model said in one turn."""

    text: str
    tokens: int
    """Tokens that were generated, without the end of sequence."""
    prompt_tokens: int
    stop: Stop
    seconds: float
    """Its share of the time that the batch took."""


class Journal:
    """The answers of one file, by item and turn, and what the processes that wrote it said of themselves."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.answers: dict[Place, Answer] = {}
        self.provenance: list[dict[str, Any]] = []
        self.reread()

    def reread(self) -> None:
        """Read what is kept; a line that was not written to its end, or is none of ours, is left out and told."""
        self.answers, self.provenance = {}, []
        lines = self.path.read_bytes().splitlines() if self.path.is_file() else []
        for number, line in enumerate(lines, start=1):
            try:
                record = json.loads(line)
                if "provenance" in record:
                    self.provenance.append(record["provenance"])
                else:
                    self.answers.setdefault((record.pop("item"), record.pop("turn")), Answer(**record))
            except (ValueError, LookupError, TypeError, AttributeError):
                print(f"{self.path}: line {number} is damaged; its answer is generated again", file=sys.stderr)

    def begin(self, provenance: dict[str, Any]) -> None:
        """Say who writes here, on a line of its own even if the last one was cut."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        torn = self.path.is_file() and not self.path.read_bytes().endswith(b"\n")
        self._append(b"\n" * torn + _line({"provenance": provenance}))
        self.provenance.append(provenance)

    def add(self, answers: Iterable[tuple[Place, Answer]]) -> None:
        """Keep finished answers: they are in the file when this returns."""
        added = list(answers)
        self._append(b"".join(_line({"item": item, "turn": turn, **asdict(one)}) for (item, turn), one in added))
        self.answers.update(added)

    def _append(self, lines: bytes) -> None:
        try:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
            with open(descriptor, "ab", buffering=0) as stream:
                if stream.write(lines) != len(lines):
                    raise InputError(f"{self.path}: was not written to its end; free space, or move storage.work")
        except OSError as error:
            raise InputError(explain_failure(error, self.path) or f"{self.path}: {error}") from error


def _line(record: dict[str, Any]) -> bytes:
    return json.dumps(record).encode() + b"\n"
