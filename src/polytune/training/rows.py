"""The rows of a mixture: where their tokens are, and how they are cut and weighted."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from polytune.data.cutting import Cut, Lengths
from polytune.data.tokens import TokenStore
from polytune.errors import InputError
from polytune.mixtures.manifest import Mixture


@dataclass(frozen=True)
class Limits(Lengths):
    """How rows are cut and weighted (from the run's hyperparameters)."""

    prompt_loss_weight: float = 0.0


class Rows:
    """All rows of a mixture, cut to length; row numbers run over the parts in the order of the manifest.

    Raises `InputError` if there is nothing to learn from: no row, or no response token that survives the cut.
    """

    def __init__(self, mixture: Mixture, tokens: Path, limits: Limits, encoder_decoder: bool = False) -> None:
        self.mixture, self.limits, self.encoder_decoder = mixture, limits, encoder_decoder
        self.stores = [
            _open_store(Path(tokens) / part.source / part.language, part, encoder_decoder) for part in mixture.parts
        ]
        chosen = [mixture.select(part, store.keys) for part, store in zip(mixture.parts, self.stores, strict=True)]
        if not sum(map(len, chosen)):
            raise InputError(f"mixture '{mixture.mixture}' has no rows")
        self.owners = np.repeat(np.arange(len(chosen)), [len(numbers) for numbers in chosen])  # part of each row
        self._numbers = np.concatenate(chosen)
        pairs = list(zip(self.stores, chosen, strict=True))
        self._full = np.concatenate([store.lengths[numbers] for store, numbers in pairs]).astype(np.int64)
        self.keys = np.concatenate([store.keys[numbers] for store, numbers in pairs])  # of the rows' ids, uint64
        prompts = [np.asarray(store.prompt_lengths)[numbers] for store, numbers in pairs]
        self._full_prompts = np.concatenate(prompts).astype(np.int64)
        if not (self.responses.any() and self.supervised.any()):
            raise InputError(
                f"mixture '{mixture.mixture}': not one of its {len(self)} rows keeps a response token when it is cut "
                f"to max_length_tokens {limits.max_length_tokens}, the shortest prompt has {self._full_prompts.min()}"
            )

    def __len__(self) -> int:
        return len(self._full)

    @cached_property
    def _kept(self) -> tuple[np.ndarray, np.ndarray]:
        return self.limits.cut(self._full_prompts, self._full, self.encoder_decoder)

    @property
    def prompts(self) -> np.ndarray:
        """Return the prompt tokens of each row after cutting, shape (rows,)."""
        return self._kept[0]

    @property
    def responses(self) -> np.ndarray:
        """Return the tokens of each row that are not prompt, after cutting, shape (rows,)."""
        return self._kept[1]

    def count_cut(self) -> dict[str, Cut]:
        """Return how many answers are cut, by `source/language`."""
        answers = self._full - self._full_prompts
        names = [f"{part.source}/{part.language}" for part in self.mixture.parts]
        ours = {name: np.isin(self.owners, [i for i, other in enumerate(names) if other == name]) for name in names}
        return {name: Cut.count(answers[rows], self.responses[rows]) for name, rows in ours.items()}

    @cached_property
    def lengths(self) -> np.ndarray:
        """Return the tokens of each row after cutting; 0 where no token would be supervised, shape (rows,)."""
        return np.where(self.supervised > 0, self.prompts + self.responses, 0)

    @cached_property
    def supervised(self) -> np.ndarray:
        """Return how many tokens of each row have a loss weight, shape (rows,)."""
        if self.encoder_decoder:
            return self.responses
        weighted = self.prompts + self.responses if self.limits.prompt_loss_weight else self.responses
        first = (self.prompts == 0) | bool(self.limits.prompt_loss_weight)  # nothing predicts the first token of a row
        return np.maximum(weighted - first, 0)

    @property
    def counts(self) -> dict[str, int]:
        """Return what cutting did: rows, rows_truncated and rows_without_response, whatever prompts weigh."""
        return {
            "rows": len(self),
            "rows_truncated": int((self.prompts + self.responses < self._full).sum()),
            "rows_without_response": int((self.responses == 0).sum()),
        }

    def read(self, row: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the prompt tokens and the response tokens of a row as int64, after cutting."""
        store = self.stores[self.owners[row]]
        tokens = store.row(self._numbers[row]).astype(np.int64)
        if len(tokens) != self._full[row]:
            raise InputError(
                f"{store.path}: row {self._numbers[row]} has {len(tokens)} tokens, {self._full[row]} were announced; "
                "token stores must not change during a run"
            )
        prompt, rest = tokens[: self._full_prompts[row]], tokens[self._full_prompts[row] :]
        kept = int(self.prompts[row])
        if self.encoder_decoder and kept < len(prompt):  # the encoder's input still ends with end-of-sequence
            prompt = np.concatenate([prompt[: kept - 1], prompt[-1:]])
        return prompt[:kept], rest[: self.responses[row]]

    def origin(self, row: int) -> str:
        """Return `source/language` of a row as the store tells it from which `read` takes its tokens."""
        return "/".join(self.stores[self.owners[row]].path.parts[-2:])

    def highest_token_id(self, entries: int) -> int:
        """Return the highest token id that a model of `entries` ids has to know.

        The stores' highest will do where it is below `entries`; else the rows are read, which may hold none so high.
        """
        highest = max(_highest_token_id(store) for store in self.stores)
        if highest < entries:
            return highest
        return max(int(np.concatenate(self.read(row)).max(initial=0)) for row in range(len(self)))


def _highest_token_id(store: TokenStore) -> int:
    """Return what `index.json` says; where it says nothing, the tokens are read."""
    told = store.index.get("highest_token_id")
    if told is None and store.index["tokens"]:
        told = int(np.memmap(store.path / "tokens.bin", store.index["dtype"], "r").max())
    return told or 0


def _open_store(path: Path, part, encoder_decoder: bool) -> TokenStore:
    store = TokenStore(path)
    index = store.index
    if index["encoder_decoder"] != encoder_decoder:
        made, needed = (
            "an encoder-decoder" if kind else "a decoder" for kind in (not encoder_decoder, encoder_decoder)
        )
        raise InputError(f"{path}/index.json: tokenised for {made}, the base model is {needed}")
    if index["data_digest"] != part.data_digest:
        raise InputError(
            f"{path}/index.json: 'data_digest' {index['data_digest'][:12]}... is not that of the mixture "
            f"({part.data_digest[:12]}...); tokenise the source again or build the mixture again"
        )
    files = (len(store.keys), len(store.prompt_lengths), len(store.lengths), int(store.offsets[-1]))
    said = (index["rows"], index["rows"], index["rows"], index["tokens"])
    size = (store.path / "tokens.bin").stat().st_size
    if files != said or size != index["tokens"] * np.dtype(index["dtype"]).itemsize:
        raise InputError(f"{path}: its files are not those that index.json describes; tokenise the source again")
    return store
