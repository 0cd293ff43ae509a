"""Keys and values of rows that are being generated, in memory that is allocated once and used over again.

Every row's newest token stands in the same column, so that rows of any age share one batch: a row's first token stands
in a column of its own, what lies before it belongs to nobody and is masked. To transformers' models this is a cache.
"""

from __future__ import annotations

import torch


class Slots:
    """Keys and values of `rows` rows in `columns` columns, of every layer [rows, heads, columns, d]; `move` makes room.

    `open` says which rows and columns the next call of the model is about: it writes its keys and values into the last
    of these columns and attends to all of them.
    """

    is_compileable = False  # transformers asks this of a cache

    def __init__(self) -> None:
        self.rows = self.columns = 0
        self.layers: list[tuple[torch.Tensor, torch.Tensor]] = []
        self.open(slice(0, 0), 0, 0, 0)

    def open(self, rows: slice, first: int, end: int, new: int) -> None:
        """Let the next call be about `rows` from column `first` to `end`, the last `new` of which it will write."""
        self.opened, self.first, self.end, self.new = rows, first, end, new

    def update(
        self, keys: torch.Tensor, values: torch.Tensor, layer: int, *_unused
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Keep the new keys and values [rows, heads, new, d] of a layer; return all of the open columns."""
        if layer == len(self.layers):
            shape = (self.rows, keys.shape[1], self.columns, keys.shape[3])
            # zeros, because what is masked is still multiplied, and zero times NaN is NaN
            self.layers.append((keys.new_zeros(shape), values.new_zeros(shape)))
        kept = tuple(tensor[self.opened] for tensor in self.layers[layer])
        for tensor, new in zip(kept, (keys, values), strict=True):
            tensor[:, :, self.end - self.new : self.end] = new
        return tuple(tensor[:, :, self.first : self.end] for tensor in kept)

    def read(self, layer: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the keys and values of a layer in the open rows and columns."""
        return tuple(tensor[self.opened, :, self.first : self.end] for tensor in self.layers[layer])

    def fill(self, holes: list[int], rows: list[int], first: int, end: int) -> None:
        """Copy `rows` into the places `holes`, between the columns `first` and `end`."""
        for pair in self.layers:
            for tensor in pair:
                for hole, row in zip(holes, rows, strict=True):
                    tensor[hole, :, first:end] = tensor[row, :, first:end]

    def move(self, rows: int, columns: int, kept: int, first: int, end: int, new_end: int) -> None:
        """Change the size; what the first `kept` rows hold from `first` to `end` then ends at `new_end`.

        Layer after layer, so that both sizes of one layer are all that exists at once.
        """
        self.rows, self.columns = rows, columns
        for number, pair in enumerate(self.layers):
            self.layers[number] = ()
            moved = []
            for old in pair:
                new = old.new_zeros((rows, old.shape[1], columns, old.shape[3]))
                new[:kept, :, new_end - (end - first) : new_end] = old[:kept, :, first:end]
                moved.append(new)
            self.layers[number] = tuple(moved)

    # what transformers' models ask of a cache besides

    def get_seq_length(self, layer: int = 0) -> int:
        """Return how many of the open columns were written before."""
        return self.end - self.first - self.new

    get_query_offset = get_seq_length

    def get_mask_sizes(self, new: int, layer: int) -> tuple[int, int]:
        """Return the number of open columns, and which is the first."""
        return self.end - self.first, 0
