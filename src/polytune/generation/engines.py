"""What answers requests, whichever software computes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from polytune.errors import InputError
from polytune.generation.journal import Stop
from polytune.models.directory import ModelDirectory
from polytune.models.tokenizer import Tokenizer

LENGTHS = ("n_positions", "max_position_embeddings")
"""Keys of config.json that say how many tokens a decoder-only model knows positions of. BLOOM and T5 have none: they
know distances."""


@dataclass(frozen=True)
class Request:
    """A prompt, and how many tokens its answer may have."""

    number: int
    prompt: list[int]
    room: int
    stream: int
    """Where the random numbers of its sampling begin, below 2^63."""

    @property
    def width(self) -> int:
        """Return how many tokens it takes at most."""
        return len(self.prompt) + self.room


@dataclass(frozen=True)
class Sampling:
    """How the next token is chosen; temperature 0 takes the most likely one."""

    temperature: float
    top_p: float


@dataclass(frozen=True)
class Said:
    """The answer to a request."""

    request: Request
    text: str
    tokens: int
    """Without the end of sequence."""
    stop: Stop


class Engine(Protocol):
    """A model that is ready to answer."""

    def answer(self, requests: Iterable[Request], sampling: Sampling) -> Iterator[list[Said]]:
        """Yield answers as soon as they are finished, in any order; each request is answered once."""


class Engines(Protocol):
    """Opens models one after the other; what can be shared between them is loaded or started once."""

    def open(self, model: ModelDirectory, tokenizer: Tokenizer) -> AbstractContextManager[Engine]:
        """Return the engine of a model, for a block."""

    def close(self) -> None:
        """Give back what is loaded or running."""


def longest_context(config: dict[str, Any]) -> int | None:
    """Return how many tokens prompt and answer may have together, None without a limit."""
    if config.get("is_encoder_decoder") or config.get("model_type") == "bloom":
        return None
    return next((config[key] for key in LENGTHS if isinstance(config.get(key), int)), None)


def check_vocabulary(model: ModelDirectory, requests: Iterable[Request]) -> None:
    """Raise `InputError` for a prompt with a token that the model has no embedding of."""
    entries = model.config.get("vocab_size")
    for request in requests:
        if isinstance(entries, int) and max(request.prompt) >= entries:
            raise InputError(
                f"{model.tokenizer}: gives token id {max(request.prompt)}, the model has {entries} embeddings; is it "
                "another model's tokenizer?"
            )
