"""The engine in this process: our loop on models of transformers, and on our own BLOOM."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from polytune.generation.choosing import choose_by
from polytune.generation.decoding import ContinuousBatch
from polytune.generation.engines import Request, Said, Sampling
from polytune.machine import keep_freed_memory, limit_memory
from polytune.models.adapters import is_plain, with_lora
from polytune.models.architectures import find_architecture
from polytune.models.directory import ModelDirectory
from polytune.models.load import choose_precision, load_scorer
from polytune.models.tokenizer import Tokenizer


class LocalEngine:
    """A loaded model."""

    def __init__(self, model, tokenizer: Tokenizer, batch_tokens: int) -> None:
        self.model, self.tokenizer, self.batch_tokens = model, tokenizer, batch_tokens

    def answer(self, requests: Iterable[Request], sampling: Sampling) -> Iterator[list[Said]]:
        """Yield answers as soon as they are finished."""
        choose = choose_by(self.model.get_output_embeddings(), sampling.temperature, sampling.top_p)
        batch = ContinuousBatch(self.model, self.tokenizer.eos_token_id, choose, self.batch_tokens)
        for finished in batch.answer(requests):
            yield [
                Said(
                    request,
                    self.tokenizer.decode(tokens, skip_special_tokens=True),
                    len(tokens),
                    "end" if len(tokens) < request.room else "length",
                )
                for request, tokens in finished
            ]


class LocalEngines:
    """Loads models in turn; a base that is loaded serves all plain LoRA adapters that come next."""

    def __init__(self, device: str, batch_tokens: int) -> None:
        self.device, self.batch_tokens = device, batch_tokens
        self.base, self.weights = None, None
        if device.startswith("cpu"):
            keep_freed_memory()
            limit_memory()

    @contextmanager
    def open(self, model: ModelDirectory, tokenizer: Tokenizer) -> Iterator[LocalEngine]:
        """Yield the engine of a model; raises `InputError` for one that cannot be loaded, or continued."""
        find_architecture(model.config, model.weights / "config.json")
        shared = model.adapter is None or is_plain(model.adapter)
        if not shared or self.weights != model.weights.resolve():
            self.close()
            self.base = self._load(ModelDirectory(model.weights) if shared else model)
            self.weights = model.weights.resolve() if shared else None
        with ExitStack() as added:
            if shared and model.adapter is not None:
                model.check_base()
                added.enter_context(with_lora(self.base, model.adapter))
            yield LocalEngine(self.base, tokenizer, self.batch_tokens)

    def close(self) -> None:
        """Forget the loaded base."""
        self.base = self.weights = None

    def _load(self, model: ModelDirectory) -> Any:
        return load_scorer(model, self.device, choose_precision("auto", self.device, model.config))
