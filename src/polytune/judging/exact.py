"""The judge of the generated world: it knows the truth, answers in words like any other, and errs only if told to.

With the options of its entry it errs by a known law, so that what reveals a bias can be tested against truth.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Protocol

from polytune.config.judges import Judge
from polytune.errors import InputError
from polytune.files import sha256_file
from polytune.judging.protocols import SEATS
from polytune.judging.questions import Question
from polytune.judging.replies import Reply
from polytune.judging.spend import estimate_tokens


class Truth(Protocol):
    """What an answer to a question of the world is worth (`polytune.world.answers.AnswerKey`)."""

    def rate(self, item: int, turn: int, text: str) -> int:
        """Return the rating, 1 to 3."""
        ...

    def grade(self, item: int, turn: int, text: str) -> int:
        """Return the grade, 1 to 10."""
        ...

    def is_in(self, language: str, text: str) -> bool:
        """Tell whether an answer is in a language."""
        ...


class ExactJudge:
    """Rates by the truth, in whatever language it is told: who rates may multiply the rating by the language pass.

    A comparison cannot be corrected afterwards, so there the language counts: an answer in another one than was asked
    for is worth nothing; of two in the right one the higher grade wins.
    """

    def __init__(self, judge: Judge, truth: Truth, world_digest: str) -> None:
        self.options = judge.options
        self.truth = truth
        self.identity = {**judge.identity(), "world": world_digest}

    @classmethod
    def open(cls, judge: Judge, world: Path | None) -> ExactJudge:
        """Return the judge of a world's folder."""
        if world is None:
            raise InputError(f"judge '{judge.name}': judges by the truth of a world; name its folder: --world DIR")
        from polytune.world.answers import AnswerKey

        return cls(judge, AnswerKey.read(world), sha256_file(world / "world.json"))

    async def ask(self, question: Question, text: str, key: str, attempt: int) -> Reply:
        """Return the verdict in words; whatever chance decides follows from the request alone."""
        rng = random.Random(f"{key}/{attempt}")
        said = self._compare(question, rng) if question.protocol.scale is None else self._rate(question, rng)
        return Reply(said, estimate_tokens(text), estimate_tokens(said), model="world", stop="stop")

    async def close(self) -> None:
        """Nothing was opened."""

    def _rate(self, question: Question, rng: random.Random) -> str:
        low, high = question.protocol.scale
        answer, asked = question.answers[-1], question.prompt.turns[question.turn - 1]
        rate = {(1, 3): self.truth.rate, (1, 10): self.truth.grade}[low, high]
        rating = rate(question.item, question.turn, answer)
        if rng.random() < self.options["length_bias"] and _words(answer) > _words(asked):
            rating = min(rating + 1, high)
        if rng.random() < self.options["noise"]:
            rating = rng.randint(low, high)
        return f"By what is true in the world. Rating: [[{rating}]]"

    def _worth(self, question: Question, answer: str) -> int:
        in_language = self.truth.is_in(question.language, answer)
        return self.truth.grade(question.item, question.turn, answer) if in_language else 0

    def _compare(self, question: Question, rng: random.Random) -> str:
        first, second = question.answers[-1], question.others[-1]
        verdict = _higher(self._worth(question, first), self._worth(question, second))
        if rng.random() < self.options["length_bias"]:
            verdict = _higher(_words(first), _words(second))
        if rng.random() < self.options["position_bias"]:
            verdict = "A"
        if rng.random() < self.options["noise"]:
            verdict = rng.choice(list(SEATS))
        return f"By what is true in the world. Verdict: [[{verdict}]]"


def _higher(first: int, second: int) -> str:
    return "A" if first > second else "B" if second > first else "C"


def _words(text: str) -> int:
    return len(text.split())
