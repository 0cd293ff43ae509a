"""The judge that asks nobody: an answer is compared with the reference answer of its prompt."""

from __future__ import annotations

from polytune.config.judges import Judge
from polytune.errors import InputError
from polytune.judging.overlap import exact_match, token_f1
from polytune.judging.questions import Question
from polytune.judging.replies import Reply

FORMULAS = {"exact-match": exact_match, "token-f1": token_f1}
"""What is computed, by protocol."""


class ReferenceJudge:
    """Computes a verdict from answer, reference and language, and says it in words like any other judge."""

    def __init__(self, judge: Judge) -> None:
        self.identity = judge.identity()

    async def ask(self, question: Question, text: str, key: str, attempt: int) -> Reply:
        """Return the verdict; raises `InputError` for a prompt without reference and a protocol without formula."""
        if (formula := FORMULAS.get(question.protocol.name)) is None:
            raise InputError(
                f"protocol '{question.protocol.name}': a comparison with reference answers has no such verdict; it has "
                f"{', '.join(FORMULAS)}"
            )
        references = question.prompt.references
        reference = references[question.turn - 1] if references else ""
        if not reference.strip():
            raise InputError(
                f"language '{question.language}', item {question.item}, turn {question.turn}: the prompt has no "
                f"reference answer, which '{question.protocol.name}' compares with"
            )
        value = formula(question.answers[-1], reference, question.language)
        return Reply(f"By the reference answer: [[{value:.6f}]]", 0, 0, model="reference", stop="stop")

    async def close(self) -> None:
        """Nothing was opened."""
