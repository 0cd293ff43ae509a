"""What a maximum length leaves of tokenised rows, and how many answers it cuts.

A tokenizer needs more tokens for some languages than for others, so one maximum length cuts them differently: a
comparison of languages is then also one of how much was left of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from polytune.errors import InputError


@dataclass(frozen=True)
class Lengths:
    """How long rows may be, in tokens (from a run's hyperparameters)."""

    max_length_tokens: int
    max_source_length_tokens: int | None = None
    """The same for the encoder's input of encoder-decoders; None: as the other."""

    def cut(self, prompts: np.ndarray, totals: np.ndarray, encoder_decoder: bool) -> tuple[np.ndarray, np.ndarray]:
        """Return what is left of prompts and of answers, int64 [rows]; `totals` are the tokens of both together.

        An answer ends with the end-of-sequence token. Of a decoder the two share the room, and the answer comes last.
        """
        longest = self.max_length_tokens
        kept = np.minimum(prompts, (self.max_source_length_tokens or longest) if encoder_decoder else longest)
        return kept, np.minimum(totals - prompts, longest - (0 if encoder_decoder else kept))


@dataclass(frozen=True)
class Cut:
    """How many of so many rows lose a part of their answer, and how many all of it."""

    rows: int
    partly: int
    wholly: int

    @classmethod
    def count(cls, answers: np.ndarray, left: np.ndarray) -> Cut:
        """Return the count for answers of so many tokens, of which so many are left; int64 [rows] both."""
        lost = left < answers
        wholly = lost & (left == 0)
        return cls(len(answers), int(lost.sum() - wholly.sum()), int(wholly.sum()))

    @property
    def share(self) -> float:
        """Return the share of the rows whose answer is cut, partly or wholly."""
        return (self.partly + self.wholly) / self.rows if self.rows else 0.0

    def __str__(self) -> str:
        return f"of {self.rows:,} answers {self.wholly:,} cut wholly and {self.partly:,} partly ({self.share:.1%})"

    def __add__(self, other: Cut) -> Cut:
        return Cut(self.rows + other.rows, self.partly + other.partly, self.wholly + other.wholly)

    def to_json(self) -> dict[str, Any]:
        """Return the three numbers by name."""
        return asdict(self)


def check_cut(cuts: Mapping[str, Cut], longest: int, largest_share: float, where: str) -> None:
    """Raise `InputError` that begins with `where` if a language loses more answers than `largest_share` of its rows.

    `cuts` are by `source/language`; `longest` is the maximum length, for the message.
    """
    over = {name: cut for name, cut in cuts.items() if cut.share > largest_share}
    if over:
        worst = sorted(over, key=lambda name: -over[name].share)
        said = "; ".join(f"{name}: {over[name]}" for name in worst[:5]) + f"; {len(over) - 5} more" * (len(over) > 5)
        raise InputError(
            f"{where}: at max_length_tokens {longest}, {said}. That is more than the allowed share {largest_share:g} "
            "(config key data.largest_cut_share). Raise max_length_tokens, let the mixture drop these rows in all its "
            "languages (complete_rows: true), or raise the share."
        )
