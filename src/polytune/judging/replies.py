"""What every judge has in common: a reply to a text, or a reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol

from polytune.judging.questions import Question

Outcome = Literal["answer", "refusal", "wrong-model", "unanswered"]
"""The judge answered; it refused, as its server says; another model answered; nothing came back."""
UNANSWERED = "unanswered"


@dataclass(frozen=True)
class Reply:
    """What came back, whatever it is worth."""

    text: str
    prompt_tokens: int
    completion_tokens: int
    outcome: Outcome = "answer"
    reason: str = ""
    model: str = ""
    stop: str = ""


class Unanswered(Exception):
    """A request without an answer that was paid for; `again` tells whether it may be sent again as it is."""

    def __init__(self, reason: str, again: bool = True, wait_seconds: float | None = None) -> None:
        super().__init__(reason)
        self.again = again
        self.wait_seconds = wait_seconds
        """What the server asks to wait; None if it says nothing."""


class Backend(Protocol):
    """A judge that can be asked."""

    identity: dict[str, Any]
    """Everything that its answers depend on but the question."""

    async def ask(self, question: Question, text: str, key: str, attempt: int) -> Reply:
        """Return the reply to `text`, in which `question` was rendered.

        `key` names the request; `attempt` counts the replies to it so far: a further one is another draw. Raises
        `Unanswered`, or `InputError` for what would happen to every request.
        """
        ...

    async def close(self) -> None:
        """Give back what was opened."""
        ...


def seed_of(seed: int, repeat: int, attempt: int) -> int:
    """Return the seed of one attempt: a further attempt and the repeat block are other draws of the same judge."""
    return seed + 1_000 * attempt + 1_000_000 * repeat
