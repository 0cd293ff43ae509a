"""From the rows of a mixture to the packs of every update.

A run is one stream of rows: epoch after epoch, each a permutation of the chosen rows drawn from (seed, epoch).
Update u takes the rows u * B to (u + 1) * B of the stream, B = `global_batch_rows`; an update may span two epochs and
only the last one may be smaller, so there are U = ceil(rows * epochs / B) updates (Lucky 52, section 3: U = ceil(N L E
/ (B W)) with their B W = our B).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import torch

from polytune.training.layout import Layout, build_layout, group_rows, to_device
from polytune.training.packing import plan_update
from polytune.training.rows import Rows


@dataclass(frozen=True)
class Pack:
    """Rows that are computed in one forward pass, one behind the other.

    `input_ids` and `position_ids` [1, tokens]; the output layer is asked only at the `predict` [n] positions, for
    `targets` [n] with `weights` [n] (float32; they sum to 1 over all packs of the update). Encoder-decoders have
    `source_ids` [1, tokens] and `source_layout` besides; `input_ids` then is the decoder's input. `origins` are the
    `source/language` and the supervised tokens of each row.
    """

    input_ids: torch.Tensor
    position_ids: torch.Tensor
    layout: Layout
    predict: torch.Tensor
    targets: torch.Tensor
    weights: torch.Tensor
    source_ids: torch.Tensor | None = None
    source_layout: Layout | None = None
    origins: tuple[tuple[str, int], ...] = ()

    def to(self, device: torch.device) -> Pack:
        """Return the pack on `device`."""
        return self if device.type == "cpu" else to_device(self, device)


@dataclass(frozen=True)
class Update:
    """What one process computes in one update; the counts are those of all processes together."""

    number: int
    packs: list[Pack]
    micro_batch_tokens: int
    tokens: int  # tokens fed, without those of empty packs
    fed: int  # tokens fed, with those of empty packs


@lru_cache(maxsize=2)
def _draw_order(rows: int, seed: int, epoch: int) -> np.ndarray:
    return np.random.Generator(np.random.PCG64([seed, epoch])).permutation(rows)


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
        chosen: np.ndarray | None = None,
    ) -> None:
        self.chosen = np.arange(len(rows)) if chosen is None else chosen  # numbers of the rows that the run draws
        self.rows, self.seed, self.epochs, self.global_batch_rows = rows, seed, epochs, global_batch_rows
        self.total_rows = math.ceil(len(self.chosen) * epochs)
        self.micro_batch_tokens, self.process, self.processes = micro_batch_tokens, process, processes
        self.decoder_start_token = decoder_start_token

    def __len__(self) -> int:
        return math.ceil(self.total_rows / self.global_batch_rows)

    def permutation(self, epoch: int) -> np.ndarray:
        """Return the order of the chosen rows in `epoch` (from 0), shape (chosen,)."""
        return self.chosen[_draw_order(len(self.chosen), self.seed, epoch)]

    def rows_after(self, updates: int) -> int:
        """Return how many rows the first `updates` updates draw."""
        return min(updates * self.global_batch_rows, self.total_rows)

    def rows_of(self, number: int) -> np.ndarray:
        """Return the row numbers of update `number`, in stream order."""
        places = np.arange(number * self.global_batch_rows, self.rows_after(number + 1))
        epochs, places = np.divmod(places, len(self.chosen))
        return np.concatenate([self.permutation(int(e))[places[epochs == e]] for e in np.unique(epochs)])

    @cached_property
    def draws(self) -> np.ndarray:
        """Return how often the run draws each row, shape (rows,)."""
        epochs, rest = divmod(self.total_rows, len(self.chosen))
        draws = np.zeros(len(self.rows), int)
        draws[self.chosen] = epochs
        draws[self.permutation(epochs)[:rest]] += 1
        return draws

    def count_tokens(self) -> tuple[int, int]:
        """Return the tokens of the whole run, and how many of them are supervised."""
        return int((self.draws * self.rows.lengths).sum()), int((self.draws * self.rows.supervised).sum())

    def __getitem__(self, number: int) -> Update:
        if not 0 <= number < len(self):
            raise IndexError(number)
        chosen = self.rows_of(number)
        lengths = self.rows.lengths[chosen].tolist()
        plan = plan_update(lengths, self.micro_batch_tokens, self.processes)
        weighted = [self._read(int(row)) for row in chosen]
        total = math.fsum(float(weights.sum()) for _, _, weights, _ in weighted) or 1.0
        tokens = sum(lengths)
        return Update(
            number=number,
            packs=[self._build([weighted[row] for row in pack], total) for pack in plan[self.process]],
            micro_batch_tokens=self.micro_batch_tokens,
            tokens=tokens,
            fed=tokens + sum(not pack for packs in plan for pack in packs),
        )

    def _read(self, row: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, str]:
        """Return source tokens (empty for a decoder), target tokens, the loss weight of each of them, the origin."""
        prompt, response = self.rows.read(row)
        origin = self.rows.origin(row)
        if self.rows.encoder_decoder:
            return prompt, response, np.ones(len(response)), origin
        weights = np.ones(len(prompt) + len(response))
        weights[: len(prompt)] = self.rows.limits.prompt_loss_weight
        weights[:1] = 0.0  # nothing predicts the first token
        return prompt[:0], np.concatenate([prompt, response]), weights, origin

    def _build(self, pack: list[tuple], total: float) -> Pack:
        if not pack:
            return self._empty()
        sources, targets, weights, origins = zip(*pack, strict=True)
        sizes = [len(tokens) for tokens in targets]
        joined, weight = np.concatenate(targets), np.concatenate(weights) / total
        supervised = np.flatnonzero(weight)
        common = {
            "position_ids": _tensor(np.concatenate([np.arange(size) for size in sizes]))[None],
            "targets": _tensor(joined[supervised]),
            "weights": torch.from_numpy(weight[supervised].astype(np.float32)),
            "origins": tuple(zip(origins, [int((row > 0).sum()) for row in weights], strict=True)),
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
        source = (one, layout) if self.rows.encoder_decoder else (None, None)
        return Pack(one, one, layout, one[0], one[0], torch.zeros(1), *source)


def _tensor(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.int64))
