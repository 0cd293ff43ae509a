"""Where the rows of a pack lie, and how they are laid side by side for attention.

A pack is one flat sequence of tokens without padding, so linear layers, norms and the loss waste nothing. Attention
alone needs rows apart: rows of similar length form a block of shape [rows, longest] that one batched attention call
computes. Blocks are padded at the end only. A padded position of a causal block comes after every real one, so that no
real query sees it, and its result is dropped; blocks that are not causal carry a mask.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, is_dataclass, replace

import numpy as np
import torch

# Attention of a block costs rows * longest^2. Padding may waste this many query-key pairs before a further block is
# cheaper: the best of 0 to 100,000 on one CPU core, for rows of 17 tokens (4 heads) as for rows of 110 (8 heads).
PAIRS_PER_BLOCK = 4_000
# A GPU pads cheaply, and every block costs launches in every layer: BLOOM-7B1 with LoRA on an H200 trained 2.4 to 2.7
# times as fast as with 4,000 (packs of 6,800 tokens; no other value was measured).
PAIRS_PER_BLOCK_ON_GPU = 400_000


@dataclass(frozen=True)
class Block:
    """Consecutive rows of a pack: tokens `start` to `stop`, padded to [rows, length].

    `gather` (rows * length) takes block positions from the tokens, `scatter` (stop - start) takes tokens from block
    positions; both are None when every row has the same length.
    """

    start: int
    stop: int
    rows: int
    length: int
    gather: torch.Tensor | None
    scatter: torch.Tensor | None
    padding: torch.Tensor | None  # [rows, length], True where there is no token

    def pad(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return the block's tokens [stop - start, ...] as [rows, length, ...]."""
        if self.gather is not None:
            tokens = _Pad.apply(tokens, self.gather, self.scatter)
        return tokens.view(self.rows, self.length, *tokens.shape[1:])

    def unpad(self, block: torch.Tensor) -> torch.Tensor:
        """Return the tokens [stop - start, ...] of a block [rows, length, ...]: the inverse of `pad`."""
        flat = block.reshape(self.rows * self.length, *block.shape[2:])
        return flat if self.scatter is None else _Unpad.apply(flat, self.scatter)


@dataclass(frozen=True)
class Layout:
    """The blocks of a pack, in the order of its tokens; `starts` (int32, rows + 1) is where rows begin and end."""

    blocks: tuple[Block, ...]
    longest: int
    starts: torch.Tensor

    def pad(self, tokens: torch.Tensor) -> list[torch.Tensor]:
        """Return the blocks of `tokens` [pack tokens, ...], each [rows, length, ...].

        They are split at once, because the gradient of a slice is as large as the whole.
        """
        parts = tokens.split([block.stop - block.start for block in self.blocks])
        return [block.pad(part) for block, part in zip(self.blocks, parts, strict=True)]

    def unpad(self, blocks: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return the tokens [pack tokens, ...] of blocks [rows, length, ...]: the inverse of `pad`."""
        parts = [block.unpad(values) for block, values in zip(self.blocks, blocks, strict=True)]
        return parts[0] if len(parts) == 1 else torch.cat(parts)


def to_device(value, device: torch.device):
    """Return a tensor, or a tuple or dataclass with tensors anywhere inside, on `device`."""
    if isinstance(value, torch.Tensor):
        return value.to(device, non_blocking=True)
    if isinstance(value, tuple):
        return tuple(to_device(item, device) for item in value)
    if is_dataclass(value):
        return replace(value, **{name: to_device(item, device) for name, item in vars(value).items()})
    return value


class _Pad(torch.autograd.Function):
    """Gather with a cheap gradient: padded positions never receive any, so the gradient is a gather as well."""

    @staticmethod
    def forward(ctx, tokens, gather, scatter):
        ctx.save_for_backward(scatter)
        return tokens.index_select(0, gather)

    @staticmethod
    def backward(ctx, gradient):
        (scatter,) = ctx.saved_tensors
        return gradient.index_select(0, scatter), None, None


class _Unpad(torch.autograd.Function):
    """Inverse gather; the gradient of padded positions is zero."""

    @staticmethod
    def forward(ctx, block, scatter):
        ctx.save_for_backward(scatter)
        ctx.size = block.shape
        return block.index_select(0, scatter)

    @staticmethod
    def backward(ctx, gradient):
        (scatter,) = ctx.saved_tensors
        return gradient.new_zeros(ctx.size).index_copy_(0, scatter, gradient), None


def group_rows(lengths: Sequence[Sequence[int]]) -> list[slice]:
    """Cut the rows of a pack into runs that share a block.

    `lengths` holds one sequence of row lengths per side (one for a decoder; source and target for an encoder-decoder).
    A run ends where padding the next row into it would cost more than a further block.
    """
    allowed = PAIRS_PER_BLOCK_ON_GPU if torch.cuda.is_available() else PAIRS_PER_BLOCK
    sides = [np.asarray(side, dtype=np.int64) for side in lengths]
    rows = len(sides[0])
    groups, first = [], 0
    while first < rows:
        # cost of one block over rows first..i, minus the cost of the rows alone, on the most wasteful side
        waste = np.zeros(rows - first, dtype=np.int64)
        for side in sides:
            part = side[first:]
            longest = np.maximum.accumulate(part)
            waste = np.maximum(waste, np.arange(1, len(part) + 1) * longest**2 - np.cumsum(part**2))
        stop = first + max(int(np.searchsorted(np.maximum.accumulate(waste), allowed, side="right")), 1)
        groups.append(slice(first, stop))
        first = stop
    return groups


def build_layout(lengths: Sequence[int], groups: Sequence[slice] | None = None, mask_padding: bool = False) -> Layout:
    """Return the layout of rows of `lengths` tokens that follow each other in a pack.

    `groups` are the runs of rows that share a block (default: `group_rows`); `mask_padding` records the padded
    positions, which attention that is not causal must mask.
    """
    sizes = np.asarray(lengths, dtype=np.int64)
    ends = np.concatenate([[0], np.cumsum(sizes)])
    blocks = []
    for group in groups if groups is not None else group_rows([lengths]):
        part = sizes[group]
        start, stop, longest = int(ends[group.start]), int(ends[group.stop]), int(part.max())
        gather = scatter = padding = None
        if int(part.min()) < longest:
            columns = np.arange(longest)
            real = columns < part[:, None]
            first = (ends[group.start : group.stop] - start)[:, None]
            gather = torch.from_numpy(np.where(real, first + columns, 0).ravel())
            scatter = torch.from_numpy(np.flatnonzero(real))
            padding = torch.from_numpy(~real) if mask_padding else None
        blocks.append(Block(start, stop, len(part), longest, gather, scatter, padding))
    return Layout(tuple(blocks), int(sizes.max(initial=0)), torch.from_numpy(ends.astype(np.int32)))
