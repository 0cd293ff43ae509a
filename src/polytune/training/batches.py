"""From token stores and a mixture to the packs of every update.

A run is one stream of rows: epoch after epoch, each a permutation of all selected rows drawn from (seed, epoch).
Update u takes the rows u * B to (u + 1) * B of the stream, B = `global_batch_rows`; an update may span two epochs and
only the last one may be smaller, so there are U = ceil(rows * epochs / B) updates (Lucky 52, section 3: U = ceil(N L E
/ (B W)) with their B W = our B).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from polytune.data.tokens import TokenStore
from polytune.errors import InputError
from polytune.mixtures.manifest import Mixture
from polytune.training.layout import Layout, build_layout, group_rows
from polytune.training.packing import plan_update


@dataclass(frozen=True)
class Pack:
    """Rows that are computed in one forward pass, one behind the other.

    `input_ids` and `position_ids` [1, tokens]; the output layer is asked only at the `predict` [n] positions, for
    `targets` [n] with `weights` [n] (float32; they sum to 1 over all packs of the update). Encoder-decoders have
    `source_ids` [1, tokens] and `source_layout` besides; `input_ids` then is the decoder's input.
    """

    input_ids: torch.Tensor
    position_ids: torch.Tensor
    layout: Layout
    predict: torch.Tensor
    targets: torch.Tensor
    weights: torch.Tensor
    source_ids: torch.Tensor | None = None
    source_layout: Layout | None = None

    def to(self, device: torch.device) -> Pack:
        """Return the pack on `device`."""
        if device.type == "cpu":
            return self
        values = {}
        for name, value in vars(self).items():
            options = {"non_blocking": True} if isinstance(value, torch.Tensor) else {}
            values[name] = None if value is None else value.to(device, **options)
        return Pack(**values)


@dataclass(frozen=True)
class Update:
    """What one process computes in one update; the counts are those of all processes together."""

    number: int
    packs: list[Pack]
    micro_batch_tokens: int
    rows: int
    tokens: int  # tokens fed, without those of empty packs
    supervised: int  # tokens with a weight
    fed: int  # tokens fed, with those of empty packs


@dataclass(frozen=True)
class Limits:
    """How rows are cut and weighted (from the run's hyperparameters)."""

    max_length_tokens: int
    max_source_length_tokens: int | None = None
    prompt_loss_weight: float = 0.0


class Rows:
    """All rows of a mixture, cut to length; row numbers run over the parts in the order of the manifest."""

    def __init__(self, mixture: Mixture, tokens: Path, limits: Limits, encoder_decoder: bool = False) -> None:
        self.limits, self.encoder_decoder = limits, encoder_decoder
        self.stores: list[TokenStore] = []
        owners, numbers, lengths, prompts = [], [], [], []
        for part in mixture.parts:
            store = _open_store(Path(tokens) / part.source / part.language, part, encoder_decoder)
            chosen = mixture.select(part, store.keys)
            owners.append(np.full(len(chosen), len(self.stores), dtype=np.int32))
            numbers.append(chosen)
            lengths.append(store.lengths[chosen])
            prompts.append(np.asarray(store.prompt_lengths)[chosen])
            self.stores.append(store)
        if not sum(map(len, numbers)):
            raise InputError(f"mixture '{mixture.mixture}' has no rows")
        self._owners, self._numbers = np.concatenate(owners), np.concatenate(numbers)
        self._full = np.concatenate(lengths).astype(np.int64)
        self._full_prompts = np.concatenate(prompts).astype(np.int64)

    def __len__(self) -> int:
        return len(self._full)

    @property
    def vocabulary(self) -> int:
        """Return the largest vocabulary that the stores were made with."""
        return max(store.index["vocab_size"] for store in self.stores)

    @cached_property
    def prompts(self) -> np.ndarray:
        """Return the prompt tokens of each row after cutting, shape (rows,)."""
        limit = self.limits.max_source_length_tokens or self.limits.max_length_tokens
        return np.minimum(self._full_prompts, limit if self.encoder_decoder else self.limits.max_length_tokens)

    @cached_property
    def responses(self) -> np.ndarray:
        """Return the tokens of each row that are not prompt, after cutting, shape (rows,)."""
        rest = self._full - self._full_prompts
        room = self.limits.max_length_tokens - (0 if self.encoder_decoder else self.prompts)
        return np.minimum(rest, room)

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
        """Return what cutting did: rows, rows_truncated and rows_without_response."""
        return {
            "rows": len(self),
            "rows_truncated": int((self.prompts + self.responses < self._full).sum()),
            "rows_without_response": int((self.supervised == 0).sum()),
        }

    def read(self, row: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the prompt tokens and the response tokens of a row as int64, after cutting."""
        tokens = self.stores[self._owners[row]].row(self._numbers[row]).astype(np.int64)
        prompt, rest = tokens[: self._full_prompts[row]], tokens[self._full_prompts[row] :]
        kept = int(self.prompts[row])
        if self.encoder_decoder and kept < len(prompt):  # the encoder's input still ends with end-of-sequence
            prompt = np.concatenate([prompt[: kept - 1], prompt[-1:]])
        return prompt[:kept], rest[: self.responses[row]]


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
    return store


class Updates(torch.utils.data.Dataset):
    """The updates of a run as one process sees them; item u is an `Update`."""

    def __init__(
        self,
        rows: Rows,
        seed: int,
        epochs: float,
        global_batch_rows: int,
        micro_batch_tokens: int,
        process: int = 0,
        processes: int = 1,
        decoder_start_token: int | None = None,
    ) -> None:
        self.rows, self.seed, self.global_batch_rows = rows, seed, global_batch_rows
        self.total_rows = math.ceil(len(rows) * epochs)
        self.micro_batch_tokens, self.process, self.processes = micro_batch_tokens, process, processes
        self.decoder_start_token = decoder_start_token
        self._permutations: dict[int, np.ndarray] = {}

    def __len__(self) -> int:
        return math.ceil(self.total_rows / self.global_batch_rows)

    def permutation(self, epoch: int) -> np.ndarray:
        """Return the order of all rows in `epoch` (from 0), shape (rows,)."""
        if epoch not in self._permutations:
            order = np.random.Generator(np.random.PCG64([self.seed, epoch])).permutation(len(self.rows))
            # an update spans at most a few epochs; older orders are not needed again
            self._permutations = {number: kept for number, kept in self._permutations.items() if number >= epoch - 1}
            self._permutations[epoch] = order
        return self._permutations[epoch]

    def rows_of(self, number: int) -> np.ndarray:
        """Return the row numbers of update `number`, in stream order."""
        start = number * self.global_batch_rows
        places = np.arange(start, min(start + self.global_batch_rows, self.total_rows))
        epochs, places = np.divmod(places, len(self.rows))
        return np.concatenate([self.permutation(int(e))[places[epochs == e]] for e in np.unique(epochs)])

    def count_tokens(self) -> tuple[int, int]:
        """Return the tokens of the whole run, and how many of them are supervised."""
        epochs, rest = divmod(self.total_rows, len(self.rows))
        last = self.permutation(epochs)[:rest]
        return tuple(
            epochs * int(counts.sum()) + int(counts[last].sum()) for counts in (self.rows.lengths, self.rows.supervised)
        )

    def __getitem__(self, number: int) -> Update:
        if not 0 <= number < len(self):
            raise IndexError(number)
        chosen = self.rows_of(number)
        lengths = self.rows.lengths[chosen].tolist()
        plan = plan_update(lengths, self.micro_batch_tokens, self.processes)
        weighted = [self._read(int(row)) for row in chosen]
        total = math.fsum(float(weights.sum()) for *_, weights in weighted) or 1.0
        tokens = sum(lengths)
        return Update(
            number=number,
            packs=[self._build(pack, weighted, total) for pack in plan[self.process]],
            micro_batch_tokens=self.micro_batch_tokens,
            rows=len(chosen),
            tokens=tokens,
            supervised=int(self.rows.supervised[chosen].sum()),
            fed=tokens + sum(not pack for packs in plan for pack in packs),
        )

    def _read(self, row: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return source tokens (empty for a decoder), target tokens and the loss weight of each target token."""
        prompt, response = self.rows.read(row)
        if self.rows.encoder_decoder:
            return prompt, response, np.ones(len(response))
        weights = np.ones(len(prompt) + len(response))
        weights[: len(prompt)] = self.rows.limits.prompt_loss_weight
        weights[:1] = 0.0  # nothing predicts the first token
        return prompt[:0], np.concatenate([prompt, response]), weights

    def _build(self, pack: list[int], weighted: list[tuple], total: float) -> Pack:
        if not pack:
            return self._empty()
        sources, targets, weights = zip(*(weighted[row] for row in pack), strict=True)
        sizes = [len(tokens) for tokens in targets]
        joined, weight = np.concatenate(targets), np.concatenate(weights) / total
        supervised = np.flatnonzero(weight)
        common = {
            "position_ids": _tensor(np.concatenate([np.arange(size) for size in sizes]))[None],
            "targets": _tensor(joined[supervised]),
            "weights": torch.from_numpy(weight[supervised].astype(np.float32)),
        }
        if self.rows.encoder_decoder:
            source_sizes = [len(tokens) for tokens in sources]
            groups = group_rows([sizes, source_sizes])
            shifted = np.concatenate([np.concatenate([[self.decoder_start_token], row[:-1]]) for row in targets])
            return Pack(
                input_ids=_tensor(shifted)[None],
                layout=build_layout(sizes, groups),
                predict=_tensor(supervised),
                source_ids=_tensor(np.concatenate(sources))[None],
                source_layout=build_layout(source_sizes, groups, mask_padding=True),
                **common,
            )
        return Pack(
            input_ids=_tensor(joined)[None], layout=build_layout(sizes), predict=_tensor(supervised - 1), **common
        )

    def _empty(self) -> Pack:
        """A pack of one token and no weight: keeps a process in step that has no rows left."""
        one, layout = torch.zeros(1, 1, dtype=torch.long), build_layout([1])
        source = self.rows.encoder_decoder
        return Pack(
            input_ids=one,
            position_ids=one,
            layout=layout,
            predict=one[0],
            targets=one[0],
            weights=torch.zeros(1),
            source_ids=one if source else None,
            source_layout=layout if source else None,
        )


def _tensor(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.int64))
