"""The harness's model class `polytune`: shared prompts are computed once, logits only where they are scored.

The harness owns tasks, requests and metrics; this class answers `loglikelihood` requests with the same numbers as its
own `hf` class (HFLM), whose rules for token boundaries, empty contexts and truncation it follows. One thing is
otherwise on purpose: a text that spells a special token is text (`models.tokenizer`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import torch
from lm_eval.api.instance import Instance
from lm_eval.api.model import TemplateLM
from lm_eval.api.registry import register_model
from lm_eval.models.utils import resolve_max_length

from polytune.errors import InputError, reason
from polytune.evaluation.batches import batch_by_length, collate_pairs, collate_trees
from polytune.evaluation.scoring import Logits, Scores, add_scores, output_logits
from polytune.evaluation.trees import build_tree
from polytune.machine import is_out_of_memory, keep_freed_memory, limit_memory
from polytune.models.architectures import is_encoder_decoder
from polytune.models.directory import ModelDirectory
from polytune.models.forward import encode_decode, supports_trees, tree_hidden_states
from polytune.models.load import choose_precision, load_scorer
from polytune.models.nodes import take_nodes
from polytune.models.tokenizer import read_model_tokenizer
from polytune.progress import track

BATCH_TOKENS = 8192
"""Tokens of a batch at most, padding included."""

CACHED_ACTIVATIONS = 2**20
"""On a CPU a batch has at most so many values in its widest layer (4 MiB, which a core's caches hold): 10 % faster than
batches four times as large, and no batch is smaller than 512 tokens."""

Pair = tuple[list[int], list[int]]
"""Token ids of a context and of its continuation."""


@register_model("polytune")
class PolytuneLM(TemplateLM):
    """Log-likelihoods of choices for decoder-only and encoder-decoder models.

    `lm_eval.simple_evaluate(model="polytune", model_args={"pretrained": "DIR"})` works once this module is imported.
    """

    def __init__(
        self,
        pretrained: str,
        base: str | None = None,
        device: str | None = "cpu",
        precision: str = "auto",
        batch_tokens: int = BATCH_TOKENS,
        max_length: int | None = None,
        batch_size: int | str | None = None,  # the harness always passes these two; `batch_tokens` replaces them
        max_batch_size: int | None = None,
    ) -> None:
        super().__init__()
        found = ModelDirectory.find(Path(pretrained), Path(base) if base else None)
        device = device or "cpu"
        if device.startswith("cpu"):
            limit_memory()
        self.tokenizer = read_model_tokenizer(found)
        self.model = load_scorer(found, device, choose_precision(precision, device, found.config))
        self.adapter = found.adapter is not None
        self._device = torch.device(device)
        self.batch_tokens = int(batch_tokens)
        if self._device.type == "cpu":
            keep_freed_memory()
            width = self.model.get_output_embeddings().weight.shape[1]
            self.batch_tokens = min(self.batch_tokens, max(512, CACHED_ACTIVATIONS // (4 * width)))
        self.backend = "seq2seq" if self.model.config.is_encoder_decoder else "causal"
        self.max_length = max_length or resolve_max_length(self.model.config, self.tokenizer)
        self.vocabulary = self.model.config.vocab_size
        if self.prefix_token_id >= self.vocabulary:
            raise InputError(
                f"{self.tokenizer.directory}: the special token {self.prefix_token_id} is beyond the model's "
                f"{self.vocabulary} embeddings; is it another model's tokenizer?"
            )
        self._encoded: dict[tuple[str, bool | None], list[int]] = {}
        self._try(found.directory)

    @property
    def eot_token_id(self) -> int:
        return self.tokenizer.eos_token_id

    @property
    def prefix_token_id(self) -> int:
        """Return the token that stands before a text without context: beginning of sequence, else end of sequence."""
        return self.eot_token_id if self.tokenizer.bos_token_id is None else self.tokenizer.bos_token_id

    def get_model_info(self) -> dict:
        """Return what the results say of the model; the harness asks for it too."""
        return {
            "architecture": type(self.model).__name__,
            "parameters": self.model.num_parameters(),
            "precision": str(self.model.dtype).removeprefix("torch."),
            "max_length_tokens": self.max_length,
            "adapter": self.adapter,
        }

    def tok_encode(self, string: str, add_special_tokens: bool | None = None, **_unused) -> list[int]:
        """Return the token ids of a text; special tokens as the tokenizer adds them unless told otherwise."""
        key = (string, add_special_tokens)
        if key not in self._encoded:
            self._encode_all([key])
        return self._encoded[key]

    def loglikelihood(self, requests: list[Instance], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
        """Return (log-likelihood of the continuation, whether greedy decoding would produce it) for every request."""
        self._encode_ahead(request.args for request in requests)
        pairs = [self._encode_request(*request.args) for request in requests]
        self._encoded.clear()
        groups: dict[object, list[int]] = {}
        for number, request in enumerate(requests):
            question = (request.task_name, request.doc_id)
            groups.setdefault(request.args[0] if None in question else question, []).append(number)
        names = [f"{request.task_name}, item {request.doc_id}, choice {request.idx}" for request in requests]
        answers = self._score(pairs, list(groups.values()), names, disable_tqdm).pairs()
        for request, answer in zip(requests, answers, strict=True):
            self.cache_hook.add_partial("loglikelihood", request.args, answer)
        return answers

    def score_answers(self, pairs: list[Pair], names: list[str]) -> np.ndarray:
        """Return the log-likelihood of each continuation after its whole context, in nats; float64 [pairs].

        `names` say what a pair is. Raises `InputError` for one that the model's context cannot hold.
        """
        for name, (context, continuation) in zip(names, pairs, strict=True):
            size = len(context) if self.backend == "seq2seq" else len(context) + len(continuation) - 1
            if size > self.max_length:
                raise InputError(f"{name}: has {size} tokens, the model reads {self.max_length} at most")
        return self._score(pairs, [[number] for number in range(len(pairs))], names, quiet=False).loglikelihood

    def _loglikelihood_tokens(self, requests, disable_tqdm: bool = False, **_unused) -> list[tuple[float, bool]]:
        pairs = [(context, continuation) for _, context, continuation in requests]
        names = [f"request {number}" for number in range(len(pairs))]
        return self._score(pairs, [[number] for number in range(len(pairs))], names, disable_tqdm).pairs()

    def loglikelihood_rolling(self, requests, disable_tqdm: bool = False) -> list[float]:
        raise NotImplementedError("the model class 'polytune' scores choices; for perplexities use lm-eval's 'hf'")

    def generate_until(self, requests, disable_tqdm: bool = False) -> list[str]:
        raise NotImplementedError("the model class 'polytune' scores choices; for generation use lm-eval's 'hf'")

    def _encode_request(self, context: str, continuation: str) -> Pair:
        """Encode as `TemplateLM.loglikelihood` does."""
        if context:
            return self._encode_pair(context, continuation)
        return [self.prefix_token_id], self.tok_encode(continuation, add_special_tokens=False)

    def _encode_ahead(self, arguments: Iterable[tuple[str, str]]) -> None:
        """Tokenise in one batch every text that `_encode_request` will ask for."""
        wanted: dict[tuple[str, bool | None], None] = {}
        for context, continuation in arguments:
            kept = context.rstrip()
            if not context:
                wanted[(continuation, False)] = None
            elif self.backend == "causal":
                wanted[(context + continuation, None)] = wanted[(kept, None)] = None
            else:
                wanted[(context[len(kept) :] + continuation, False)] = wanted[(kept, None)] = None
        self._encode_all(wanted)

    def _encode_all(self, keys: Iterable[tuple[str, bool | None]]) -> None:
        keys = list(keys)
        for special in (True, False):  # None: as HFLM, with the special tokens that belong around a text
            batch = [key for key in keys if (key[1] is not False) == special]
            for (text, wanted), ids in zip(
                batch, self.tokenizer.encode([text for text, _ in batch], special), strict=True
            ):
                if ids and max(ids) >= self.vocabulary:
                    raise InputError(
                        f"{self.tokenizer.directory}: gives token id {max(ids)} for {text[:60]!r}, the model has "
                        f"{self.vocabulary} embeddings; is it another model's tokenizer?"
                    )
                self._encoded[text, wanted] = ids

    @torch.inference_mode()
    def _score(self, pairs: list[Pair], groups: list[list[int]], names: list[str], quiet: bool) -> Scores:
        """Return the scores of all pairs; `groups` are the requests of each question, `names` say what a request is.

        Raises `InputError` for continuations that cannot be scored, and for log-likelihoods that are no finite number.
        """
        scores = Scores.empty(len(pairs))
        for name, (context, continuation) in zip(names, pairs, strict=True):
            if not context or not 0 < len(continuation) <= self.max_length:
                raise InputError(
                    f"{name}: the context has {len(context)} tokens and the continuation {len(continuation)}; at least "
                    f"one of each is needed, and at most {self.max_length} of the continuation fit the model"
                )
        score = self._scorer()
        with track([], "Scoring", total=len(pairs), unit="choice", disable=quiet) as bar:
            for done in score(pairs, groups, scores):
                wrong = np.flatnonzero(~np.isfinite(scores.loglikelihood))
                if len(wrong):
                    raise InputError(
                        f"{names[wrong[0]]}: the log-likelihood is {scores.loglikelihood[wrong[0]]}; the model's "
                        f"weights are not finite, or what they compute in {self.model.dtype} is not"
                    )
                bar.update(done)
        return scores

    @torch.inference_mode()
    def _try(self, directory: Path) -> None:
        """Raise `InputError` if the model fails on a text of one token: libraries check little of a configuration."""
        pairs, score = [([self.prefix_token_id], [self.prefix_token_id])], self._scorer()
        try:
            list(score(pairs, [[0]], Scores.empty(1)))
        except Exception as error:
            if is_out_of_memory(error):
                raise
            raise InputError(f"{directory}: the model cannot compute a text: {reason(error)}") from error

    def _scorer(self):
        return self._score_encoder_decoder if self.backend == "seq2seq" else self._score_trees

    def _score_trees(self, pairs: list[Pair], groups: list[list[int]], scores: Scores) -> Iterator[int]:
        """Score with decoder-only models, yielding how many requests each batch finished.

        Architectures without an exact tree attention get a row per request and their own logits.
        """
        trees_fit = supports_trees(self.model)
        if not trees_fit:
            groups = [[number] for group in groups for number in group]
        trees = [build_tree([pairs[number] for number in group], group, self.max_length) for group in groups]
        hidden_states = tree_hidden_states(self.model) if trees_fit else self._own_logits
        logits_of = self._logits_of(trees_fit)
        for rows in batch_by_length([len(tree.tokens) for tree in trees], self.batch_tokens):
            batch = collate_trees([trees[row] for row in rows])
            inputs = (torch.from_numpy(array).to(self.device) for array in batch.inputs)
            add_scores(
                scores, hidden_states(*inputs), logits_of, self.vocabulary, batch.places, batch.targets, batch.requests
            )
            yield sum(len(trees[row].requests) for row in rows)

    def _own_logits(self, tokens, _positions, _ancestors, kept, slots) -> torch.Tensor:
        """Return the model's own logits of right-padded rows at the kept places, as HFLM computes them."""
        return take_nodes(self.model(input_ids=tokens, use_cache=False).logits, kept, slots)

    def _logits_of(self, from_hidden: bool) -> Logits:
        """Return how logits follow from what was computed: through the output layer, or they are already there."""
        if from_hidden:
            return output_logits(self.model.get_output_embeddings())
        return lambda logits, part: logits[:, part]

    def _score_encoder_decoder(self, pairs: list[Pair], groups: list[list[int]], scores: Scores) -> Iterator[int]:
        """Score with encoder-decoder models: distinct contexts of a batch are encoded once."""
        fits = is_encoder_decoder(self.model.config.model_type)
        logits_of = self._logits_of(fits)
        sizes = [max(len(pairs[group[0]][0]), sum(len(pairs[number][1]) for number in group)) for group in groups]
        for chosen in batch_by_length(sizes, self.batch_tokens):
            requests = [number for index in chosen for number in groups[index]]
            batch = collate_pairs([pairs[number] for number in requests], self.max_length)
            labels, owners, source, mask, slots = (torch.from_numpy(array).to(self.device) for array in batch.inputs)
            if fits:
                hidden = encode_decode(self.model, labels, owners, source, mask)
            else:
                hidden = self.model(input_ids=source[owners], attention_mask=mask[owners], labels=labels).logits
            hidden, numbers = hidden.flatten(0, 1).index_select(0, slots), np.array(requests)[batch.requests]
            add_scores(scores, hidden, logits_of, self.vocabulary, batch.places, batch.targets, numbers)
            yield len(requests)
