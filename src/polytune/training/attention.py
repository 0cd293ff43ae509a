"""Attention inside the rows of a pack, never across them: the mathematics, for `architectures` to install in a model.

The layers of a model share a `PackContext`, which holds the layout of the pack that is computed now.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache

import torch
from torch.nn import functional

from polytune.errors import InputError
from polytune.training.layout import Layout

QUERIES_PER_RUN = 96


class PackContext:
    """The layout of the pack that the model computes now, shared by its attention layers.

    It stays set until the next pack, because activation checkpointing runs the forward pass again during the backward
    pass.
    """

    def __init__(self) -> None:
        self.decoder: Layout | None = None
        self.encoder: Layout | None = None
        self.positions: torch.Tensor | None = None  # of the decoder's tokens in their rows
        self.predict: torch.Tensor | None = None  # positions that the loss asks for
        self.trimmed = False  # whether the model returns only those positions


def attend_rows(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    layouts: tuple[Layout, Layout],
    scale: float,
    dropout: float = 0.0,
    causal: bool = True,
    bias: Callable[[int, int], torch.Tensor] | None = None,
) -> torch.Tensor:
    """Return softmax(scale * query key^T + bias) value within each row.

    `query` [tokens, heads, d], `key` and `value` [tokens, key heads, d], `layouts` of the queries and of the keys (the
    same one for self-attention). `bias(q, k)` returns an additive mask [1, heads, q, k] that includes causality where
    needed. Returns [tokens, heads, d].
    """
    groups = query.shape[1] // key.shape[1]
    results = []
    padded = zip(layouts[0].pad(query), layouts[1].pad(key), layouts[1].pad(value), strict=True)
    for ours, theirs, (q, k, v) in zip(layouts[0].blocks, layouts[1].blocks, padded, strict=True):
        if groups > 1:
            k, v = k.repeat_interleave(groups, dim=2), v.repeat_interleave(groups, dim=2)
        mask = None if bias is None else bias(ours.length, theirs.length)
        if not causal and theirs.padding is not None:
            hidden = torch.zeros(theirs.padding.shape, dtype=q.dtype, device=q.device)
            hidden = hidden.masked_fill(theirs.padding, float("-inf"))[:, None, None, :]
            mask = hidden if mask is None else mask + hidden
        if mask is not None:
            mask = mask.to(q.dtype).expand(ours.rows, q.shape[2], ours.length, theirs.length)
        result = functional.scaled_dot_product_attention(
            q.transpose(1, 2),
            k.transpose(1, 2),
            v.transpose(1, 2),
            attn_mask=mask,
            dropout_p=dropout,
            is_causal=causal and mask is None and ours.length > 1,
            scale=scale,
        )
        results.append(result.transpose(1, 2))
    return layouts[0].unpad(results)


@cache
def variable_length_options() -> frozenset[str]:
    """Return the options of torch's attention for rows of any length; none where torch is too old to have it."""
    try:
        from torch.nn.attention.varlen import varlen_attn
    except ImportError:
        return frozenset()
    return frozenset(inspect.signature(varlen_attn).parameters)


def has_variable_length_kernel(query: torch.Tensor, further: int = 0) -> bool:
    """Return whether torch's flash attention can take the rows of a pack as they lie: one call, no padding.

    `further` are dimensions that the heads get besides.
    """
    fits = query.shape[-1] + further <= 256 and query.shape[-1] % 8 == 0
    half = query.dtype in (torch.bfloat16, torch.float16)
    return query.is_cuda and half and fits and "window_size" in variable_length_options()


def attend_by_kernel(query, key, value, layout: Layout, scale: float) -> torch.Tensor:
    """Return causal attention of [tokens, heads, d] within rows by the kernel for rows of any length."""
    from torch.nn.attention.varlen import varlen_attn

    ends, options = (layout.starts, layout.starts, layout.longest, layout.longest), {}
    groups = query.shape[1] // key.shape[1]
    if groups > 1 and "enable_gqa" in variable_length_options():
        options["enable_gqa"] = True
    elif groups > 1:
        key, value = key.repeat_interleave(groups, dim=1), value.repeat_interleave(groups, dim=1)
    return varlen_attn(query, key, value, *ends, scale=scale, window_size=(-1, 0), **options)


def attend_in_transformers(
    module, query, key, value, attention_mask, dropout=0.0, scaling=None, sliding_window=None, **unused
):
    """Attention function in the form of transformers' AttentionInterface; tensors are [1, heads, tokens, d]."""
    layout = module.pack_context.decoder
    if sliding_window is not None and layout.longest > sliding_window:
        raise InputError(
            f"the base model attends over a window of {sliding_window} tokens and a row has {layout.longest}; "
            "set max_length_tokens to the window or less"
        )
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    if torch.is_autocast_enabled(query.device.type):  # rotary positions leave float32
        dtype = torch.get_autocast_dtype(query.device.type)
        query, key, value = query.to(dtype), key.to(dtype), value.to(dtype)
    tensors = [tensor[0].transpose(0, 1) for tensor in (query, key, value)]  # [tokens, heads, d]
    if has_variable_length_kernel(query) and not dropout:
        result = attend_by_kernel(*tensors, layout, scale)
    else:
        result = attend_rows(*tensors, layouts=(layout, layout), scale=scale, dropout=dropout)
    return result[None], None


def attend_causally(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor, scale: float, dropout: float
) -> torch.Tensor:
    """Return attention of [rows, heads, length, d] under an additive mask [rows, heads, length, length] that is causal.

    On a CPU long rows are computed in runs of queries, each with the keys up to its end: the kernel cannot see that the
    rest is masked, and would compute it.
    """
    length = query.shape[2]
    run = length if query.is_cuda or length < 2 * QUERIES_PER_RUN else QUERIES_PER_RUN
    results = [
        functional.scaled_dot_product_attention(
            query[:, :, start : start + run],
            key[:, :, : start + run],
            value[:, :, : start + run],
            attn_mask=mask[:, :, start : start + run, : start + run],
            dropout_p=dropout,
            scale=scale,
        )
        for start in range(0, length, run)
    ]
    return results[0] if len(results) == 1 else torch.cat(results, dim=2)


class AlibiMasks:
    """ALiBi and causality as one additive mask per head, for rows of any length.

    Positions count from the start of the row, as in a model that sees the row alone, so that rounding is the same too.
    """

    def __init__(self, heads: int) -> None:
        self.heads = heads
        self.mask: torch.Tensor | None = None

    def __call__(self, like: torch.Tensor, length: int) -> torch.Tensor:
        """Return the mask [1, heads, length, length] in the type and on the device of `like`."""
        mask = self.mask
        if mask is None or mask.shape[-1] < length or mask.dtype != like.dtype or mask.device != like.device:
            from transformers.models.bloom.modeling_bloom import build_alibi_tensor

            size = -(-length // 64) * 64
            ones = torch.ones(1, size, dtype=torch.long, device=like.device)
            slopes = build_alibi_tensor(ones, self.heads, like.dtype)  # [heads, 1, size]
            future = torch.full((size, size), float("-inf"), dtype=like.dtype, device=like.device).triu(1)
            mask = self.mask = (slopes + future)[None]
        return mask[:, :, :length, :length]


class AlibiDimensions:
    """ALiBi as further dimensions of queries and keys, for kernels that know no bias.

    The bias slope * position is a product of two numbers, so four dimensions add it to the score exactly enough for
    half precision: the position as 256 a + b, whose parts have no more digits than bfloat16 keeps, times the slope as
    the sum of two numbers of that type, multiplied and added in float32 by the kernel. The rest up to `COUNT` is zero,
    because kernels ask for a multiple of eight.
    """

    COUNT = 8

    def __init__(self, slopes: torch.Tensor, scale: float) -> None:
        self.slopes, self.scale = slopes / scale, scale  # the kernel multiplies every score with the scale
        self.known: tuple | None = None

    def extend(self, fused: torch.Tensor, positions: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return query, key and value [tokens, heads, d + `COUNT`] of `fused` [tokens, heads, 3, d].

        `positions` [tokens] are those in the rows. The values' further dimensions are zero, and so are the result's.
        """
        return _Widen.apply(fused, *self._dimensions(positions, fused.dtype))

    def _dimensions(self, positions: torch.Tensor, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
        if self.known is None or self.known[0] is not positions or self.known[1] != dtype:  # all layers of a pack
            slopes = self.slopes.to(positions.device)
            high = slopes.to(dtype)
            low = (slopes - high.float()).to(dtype)
            ours = torch.stack([high, high, low, low], dim=-1)[None]  # [1, heads, 4]
            ones = positions % 256
            theirs = torch.stack([positions - ones, ones] * 2, dim=-1).to(dtype)[:, None]  # [tokens, 1, 4]
            rest = self.COUNT - ours.shape[-1]
            self.known = (positions, dtype, *(functional.pad(part, (0, rest)) for part in (ours, theirs)))
        return self.known[2:]


class _Widen(torch.autograd.Function):
    """Write further dimensions behind those of fused queries, keys and values: one copy here, one of the gradient."""

    @staticmethod
    def forward(ctx, fused, ours, theirs):
        ctx.width = width = fused.shape[-1]
        wide = fused.new_zeros(*fused.shape[:-1], width + ours.shape[-1])
        wide[..., :width] = fused
        wide[:, :, 0, width:], wide[:, :, 1, width:] = ours, theirs
        return wide.unbind(2)

    @staticmethod
    def backward(ctx, *gradients):
        tokens, heads, _ = gradients[0].shape
        result = gradients[0].new_empty(tokens, heads, len(gradients), ctx.width)
        for place, gradient in enumerate(gradients):
            result[:, :, place] = gradient[..., : ctx.width]
        return result, None, None
