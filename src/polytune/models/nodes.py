"""Nodes of token trees as tensors: who attends to whom, and which are kept."""

from __future__ import annotations

import torch


def additive_mask(ancestors: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Return 0 where attention is allowed and the most negative finite number elsewhere."""
    mask = torch.zeros(ancestors.shape, dtype=dtype, device=ancestors.device)
    return mask.masked_fill_(~ancestors, torch.finfo(dtype).min)


def take_nodes(tensor: torch.Tensor, kept: torch.Tensor, slots: torch.Tensor) -> torch.Tensor:
    """Return [m, width] of the kept nodes (`batches.collate_trees`) from [rows, n, width]."""
    first = torch.arange(len(tensor), device=tensor.device)[:, None] * tensor.shape[1]
    return tensor.flatten(0, 1).index_select(0, (kept + first).flatten()[slots])
