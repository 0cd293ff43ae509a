"""How questions and answers become the tokens that a model sees, and its words an answer.

Templates of instruction tuning know one question and one answer. A conversation is what training would have made of its
turns, one row after the other: prompt, answer, end of sequence, and the prompt of the next turn. So a model sees each
turn in the form that it was tuned on, and the end of an answer as it has learned to end one, whatever ended it here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from polytune.data.templates import Template
from polytune.models.tokenizer import Tokenizer

Conversation = tuple[Sequence[str], Sequence[str]]
"""The questions so far, and the answers to all but the last."""


@dataclass(frozen=True)
class Form:
    """A tokenizer and a template: what a conversation looks like to a model."""

    tokenizer: Tokenizer
    template: Template
    encoder_decoder: bool

    def encode(self, conversations: Sequence[Conversation]) -> list[list[int]]:
        """Return the prompt tokens of each conversation, as training encodes them.

        With the special tokens that the tokenizer puts in front of a row, without the end-of-sequence token that it may
        put behind: an answer follows. The source of an encoder-decoder ends with one.
        """
        texts = [self._rows(*conversation) for conversation in conversations]
        encoded = iter(self.tokenizer.encode([text for rows in texts for text in rows], special_tokens=True))
        end, prompts = self.tokenizer.eos_token_id, []
        for rows in texts:
            tokens: list[int] = []
            for _ in rows:
                row = next(encoded)
                tokens += row[:-1] if row[-1:] == [end] else row
                tokens.append(end)
            prompts.append(tokens if self.encoder_decoder else tokens[:-1] or [end])
        return prompts

    def answer(self, text: str) -> str:
        """Return an answer without what the template puts around it (the world's: a space before)."""
        before, after = self.template.response_pattern.split("{output}")
        return text.removeprefix(before).removesuffix(after)

    def _rows(self, questions: Sequence[str], answers: Sequence[str]) -> list[str]:
        prompts = [self.template.prompt(question, "", turn) for turn, question in enumerate(questions)]
        return [
            prompt + self.template.response(answer) for prompt, answer in zip(prompts, answers, strict=False)
        ] + prompts[-1:]
