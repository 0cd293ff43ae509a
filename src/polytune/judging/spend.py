"""What judging costs: before, from lengths, and after, from what the judge's server counted."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from polytune.config.judges import Judge
from polytune.judging.protocols import Protocol

BYTES_PER_TOKEN = 4.0  # of English prose in today's vocabularies; other scripts have more tokens and more bytes


@dataclass(frozen=True)
class Usage:
    """Requests, tokens and price."""

    calls: float = 0.0
    prompt_tokens: float = 0.0
    completion_tokens: float = 0.0
    price: float = 0.0

    def __add__(self, other: Usage) -> Usage:
        return Usage(*(one + two for one, two in zip(asdict(self).values(), asdict(other).values(), strict=True)))

    def __mul__(self, share: float) -> Usage:
        return Usage(*(one * share for one in asdict(self).values()))


@dataclass(frozen=True)
class Lengths:
    """Mean tokens of one question, of one answer, of one reference (0: the prompt set has none) and of a judgement."""

    question: float
    answer: float
    judgement: float
    reference: float = 0.0


def estimate_tokens(text: str) -> int:
    """Return about how many tokens a text has, where no server has counted them."""
    return math.ceil(len(text.encode(errors="replace")) / BYTES_PER_TOKEN)


def forecast(
    protocol: Protocol, judge: Judge, items: Mapping[int, int], lengths: Lengths, repeat_share: float
) -> Usage:
    """Return what judging one run in one language takes, if each request is answered the first time.

    `items` is how many questions there are in each turn; a second turn shows the first one, too.
    """
    seats = 2 if protocol.scale is None else 1
    total = Usage()
    for turn, count in items.items():
        calls = seats * (count + math.ceil(repeat_share * count))
        text = protocol.text(turn, lengths.reference > 0)
        shown = estimate_tokens(text) + turn * (lengths.question + seats * lengths.answer)
        if "{reference}" in text:
            shown += turn * lengths.reference
        total += Usage(calls, calls * shown, calls * lengths.judgement, calls * judge.price(shown, lengths.judgement))
    return total


def used(rows: Iterable[Mapping[str, Any]]) -> Usage:
    """Return what rows of verdicts took. A request that several rows share (the same words of two runs) counts once."""
    paid = {row["key"]: row for row in rows}.values()
    columns = ("attempts", "prompt_tokens", "completion_tokens", "price")
    return sum((Usage(*(row[column] for column in columns)) for row in paid), Usage())
