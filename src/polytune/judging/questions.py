"""What a judge is asked: every question of a prompt set with the answers to it, in the order of the verdicts."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from polytune.errors import InputError, shown
from polytune.judging.protocols import Protocol, render
from polytune.prompts.prompt import Prompt
from polytune.readers.parquet import read_table

Place = tuple[str, int, int]
"""Language, item and turn: where an answer belongs."""

FIRST, SECOND = "first", "second"
"""The seat of the run whose verdicts these are."""


@dataclass(frozen=True)
class Question:
    """One request to a judge: a conversation up to a turn, with one assistant's answers or with two."""

    protocol: Protocol
    language: str
    item: int
    turn: int
    prompt: Prompt
    answers: tuple[str, ...]
    """Up to this turn; side by side those of the first seat."""
    others: tuple[str, ...] = ()
    """Those of the second seat."""
    order: str = ""
    repeat: int = 0

    def render(self) -> str:
        """Return the text that a judge is shown."""
        columns = {"question": self.prompt.turns, "reference": self.prompt.references}
        columns |= {"answer": self.answers, "other": self.others}
        values = {}
        for name, texts in columns.items():
            if texts:  # `{question}` is the one of this turn, `{question_1}` the first of two
                values |= {name: texts[self.turn - 1], f"{name}_1": texts[0]}
        return render(self.protocol.text(self.turn, bool(values.get("reference", "").strip())), values)


def read_answers(path: Path, languages: Sequence[str]) -> dict[Place, str]:
    """Return the answers of a file of responses in some languages by their place, in the file's order.

    Raises `InputError` for a language without answers, a place twice or a second turn without the first.
    """
    answers: dict[Place, str] = {}
    for row in read_table(path, ["language", "item", "turn", "text"]).to_pylist():
        place = (row["language"], row["item"], row["turn"])
        if place in answers:
            raise InputError(f"{path}: language '{place[0]}', item {place[1]}, turn {place[2]} stands there twice")
        answers[place] = row["text"]
    found = {language for language, _, _ in answers}
    if missing := [language for language in languages if language not in found]:
        raise InputError(f"{path}: no answers in '{missing[0]}'; there are: {', '.join(sorted(found)) or 'none'}")
    for language, item, turn in answers:
        if turn > 1 and (language, item, turn - 1) not in answers:
            raise InputError(
                f"{path}: language '{language}', item {item}: turn {turn} is there, turn {turn - 1} is not"
            )
    return {place: text for place, text in answers.items() if place[0] in set(languages)}


def repeated_items(items: Iterable[int], name: str, share: float) -> frozenset[int]:
    """Return the items of the repeat block: the `share` of them, rounded up, with the smallest hashes.

    They are the same in every language and for every run, and those of a larger share hold those of a smaller one.
    """
    ordered = sorted(set(items), key=lambda item: hashlib.sha256(f"{name}/{item}".encode()).digest())
    return frozenset(ordered[: math.ceil(share * len(ordered))])


def write_questions(
    protocol: Protocol,
    prompts: dict[str, dict[int, Prompt]],
    answers: dict[Place, str],
    others: dict[Place, str] | None,
    repeated: frozenset[int],
    where: str,
) -> list[Question]:
    """Return the requests for one file of responses: languages as in `prompts`, then item, turn, order, repeat.

    `others` are the opponent's answers where two are compared. Raises `InputError` that begins with `where` for an
    answer to a question that there is not, or one that the opponent has not answered or only the opponent has.
    """
    if others is not None and (unpaired := sorted(set(answers) ^ set(others))):
        language, item, turn = unpaired[0]
        raise InputError(
            f"{where}: language '{language}', item {item}, turn {turn} is answered by one of the two runs only"
        )
    questions: list[Question] = []
    ranks = {language: rank for rank, language in enumerate(prompts)}
    for language, item, turn in sorted(answers, key=lambda place: (ranks[place[0]], *place[1:])):
        prompt = prompts[language].get(item)
        if prompt is None or turn > len(prompt.turns):
            raise InputError(f"{where}: language '{language}', item {shown(item)}: its prompt set has no turn {turn}")
        given, other = (
            tuple(texts[language, item, number] for number in range(1, turn + 1)) if texts else ()
            for texts in (answers, others)
        )
        asked = Question(protocol, language, item, turn, prompt, given, other)
        for seated in _seats(asked) if others is not None else (asked,):
            questions += [replace(seated, repeat=repeat) for repeat in range(2 if item in repeated else 1)]
    return questions


def _seats(asked: Question) -> Iterator[Question]:
    yield replace(asked, order=FIRST)
    yield replace(asked, order=SECOND, answers=asked.others, others=asked.answers)
