"""What a check of the surroundings found: a line that says ok, warn or fail, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Finding:
    """One line of `polytune doctor`."""

    status: Status
    topic: str
    text: str
    remedy: str = ""

    def __str__(self) -> str:
        """Return the line: status, topic, what was found, and behind a dash what to do."""
        return f"{self.status:<4}  {self.topic:<13} {self.text}" + f" - {self.remedy}" * bool(self.remedy)


def ok(topic: str, text: str) -> Finding:
    return Finding("ok", topic, text)


def warn(topic: str, text: str, remedy: str) -> Finding:
    return Finding("warn", topic, text, remedy)


def fail(topic: str, text: str, remedy: str) -> Finding:
    return Finding("fail", topic, text, remedy)
