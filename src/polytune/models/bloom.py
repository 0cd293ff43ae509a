"""BLOOM for scoring and generation: transformers' weights and arithmetic, with attention on token trees or on a cache.

transformers' own BLOOM takes neither a mask per query nor positions, and importing it takes longer than evaluating a
tiny model. The modules carry transformers' names, so that its checkpoints and adapters fit.
"""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from polytune.models.layers import Embedding, Linear, OwnModel, whole
from polytune.models.nodes import additive_mask, take_nodes
from polytune.models.slots import Slots

NAMES = (
    ("hidden_size", "n_embed"),
    ("n_head", "num_attention_heads"),
    ("n_layer", "num_hidden_layers"),
    ("vocab_size",),
)
"""Sizes in config.json, and their other names."""

GELU_SLOPE = math.sqrt(2 / math.pi)


class Bloom(OwnModel):
    """BLOOM (Le Scao et al. 2022, arXiv 2211.05100, section 3.2): hidden states of token trees."""

    BODY, EMBEDDING, TIED = "transformer", "transformer.word_embeddings.weight", True

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        width, heads, layers, vocabulary = (whole(config, *names) for names in NAMES)
        if width % heads:
            raise ValueError(f"'hidden_size' {width} is no multiple of 'n_head' {heads}")
        changes = {"heads": heads, "model_type": "bloom", "vocab_size": vocabulary, "is_encoder_decoder": False}
        self.config = SimpleNamespace(**{**config, **changes})
        epsilon = config.get("layer_norm_epsilon", 1e-5)
        if not isinstance(epsilon, float):
            raise ValueError(f"'layer_norm_epsilon' is {epsilon!r}")
        self.after_norm = config.get("apply_residual_connection_post_layernorm", False)
        self.transformer = nn.Module()
        self.transformer.word_embeddings = Embedding(self.config.vocab_size, width)
        self.transformer.word_embeddings_layernorm = nn.LayerNorm(width, eps=epsilon)
        self.transformer.h = nn.ModuleList(_build_block(width, epsilon) for _ in range(layers))
        self.transformer.ln_f = nn.LayerNorm(width, eps=epsilon)
        self.lm_head = Linear(width, self.config.vocab_size, bias=False)

    def forward(
        self,
        tokens: torch.Tensor,
        positions: torch.Tensor,
        ancestors: torch.Tensor,
        kept: torch.Tensor,
        slots: torch.Tensor,
    ) -> torch.Tensor:
        body, heads = self.transformer, self.config.heads
        hidden = body.word_embeddings_layernorm(body.word_embeddings(tokens))
        bias = self._alibi(positions, hidden.dtype)[:, :, None] + additive_mask(ancestors, hidden.dtype)[:, None]
        for number, block in enumerate(body.h, start=1):
            last = number == len(body.h)
            normed = block.input_layernorm(hidden)
            query, key, value = _split_heads(block.self_attention.query_key_value(normed), heads)
            residual = normed if self.after_norm else hidden
            if last:
                wanted = kept[:, None, :, None].expand(-1, heads, -1, -1)
                query = query.gather(2, wanted.expand(-1, -1, -1, query.shape[-1]))
                bias = bias.gather(2, wanted.expand(-1, -1, -1, bias.shape[-1]))
                residual = take_nodes(residual, kept, slots)
            mixed = _attend(query, key, value, bias).transpose(1, 2).flatten(2)  # [rows, queries, width]
            if last:
                mixed = mixed.flatten(0, 1).index_select(0, slots)
            hidden = self._finish(block, mixed, residual)
        return body.ln_f(hidden)

    def extend(self, tokens: torch.Tensor, positions: torch.Tensor, mask: torch.Tensor, slots: Slots) -> torch.Tensor:
        body, heads = self.transformer, self.config.heads
        hidden = body.word_embeddings_layernorm(body.word_embeddings(tokens))
        bias = self._alibi(positions, hidden.dtype)[:, :, None] + mask  # [rows, heads, new, columns]
        for number, block in enumerate(body.h):
            normed = block.input_layernorm(hidden)
            query, key, value = _split_heads(block.self_attention.query_key_value(normed), heads)
            mixed = _attend(query, *slots.update(key, value, number), bias).transpose(1, 2).flatten(2)
            hidden = self._finish(block, mixed, normed if self.after_norm else hidden)
        return body.ln_f(hidden)

    def _alibi(self, positions: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
        """Return slope * position [rows, heads, n], rounded to the model's type before it is added, as transformers."""
        slopes = alibi_slopes(self.config.heads).to(positions.device)
        return (slopes[None, :, None] * positions[:, None, :]).to(dtype)

    def _finish(self, block: nn.Module, mixed: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
        """Return what a block makes of its attention's result and the residual, [..., width]."""
        hidden = block.self_attention.dense(mixed) + residual
        normed = block.post_attention_layernorm(hidden)
        residual = normed if self.after_norm else hidden
        return block.mlp.dense_4h_to_h(_gelu(block.mlp.dense_h_to_4h(normed))) + residual


def _split_heads(fused: torch.Tensor, heads: int) -> torch.Tensor:
    """Return queries, keys and values [3, rows, heads, n, d] of what one layer computes for all."""
    return fused.unflatten(2, (heads, 3, -1)).permute(3, 0, 2, 1, 4)


def alibi_slopes(heads: int) -> torch.Tensor:
    """Return ALiBi's slope of every head (Press et al. 2022, arXiv 2108.12409, section 3), float32 [heads].

    For a number of heads that is no power of two, the slopes of the next smaller power are followed by every other
    slope of the next larger one.
    """
    power = 2 ** math.floor(math.log2(heads))
    slopes = [2 ** (-8 * (head + 1) / power) for head in range(power)]
    slopes += [2 ** (-4 * (2 * head + 1) / power) for head in range(heads - power)]
    return torch.tensor(slopes, dtype=torch.float32)


def _build_block(width: int, epsilon: float) -> nn.Module:
    block = nn.Module()
    block.input_layernorm = nn.LayerNorm(width, eps=epsilon)
    block.self_attention = nn.Module()
    block.self_attention.query_key_value = Linear(width, 3 * width)
    block.self_attention.dense = Linear(width, width)
    block.post_attention_layernorm = nn.LayerNorm(width, eps=epsilon)
    block.mlp = nn.Module()
    block.mlp.dense_h_to_4h = Linear(width, 4 * width)
    block.mlp.dense_4h_to_h = Linear(4 * width, width)
    return block


def _attend(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """Return softmax(query key^T / sqrt(d) + bias) value, [rows, heads, queries, d]; the softmax is float32.

    The rows are short, so that one batched product is faster than a fused kernel's many small ones.
    """
    scale = 1 / math.sqrt(query.shape[-1])
    weights = torch.baddbmm(bias.flatten(0, 1), query.flatten(0, 1), key.flatten(0, 1).mT, alpha=scale)
    weights = weights.softmax(-1, dtype=torch.float32).to(value.dtype)
    return torch.bmm(weights, value.flatten(0, 1)).unflatten(0, value.shape[:2])


def _gelu(x: torch.Tensor) -> torch.Tensor:
    """Return the tanh approximation of GELU, x * sigmoid(2 z) with z = sqrt(2 / pi) (x + 0.044715 x^3).

    The same function as with 1 + tanh z = 2 sigmoid 2z, in half the time of PyTorch's CPU kernel.
    """
    if x.device.type != "cpu":
        return functional.gelu(x, approximate="tanh")
    gate = (x * x).mul_(2 * GELU_SLOPE * 0.044715).add_(2 * GELU_SLOPE).mul_(x).sigmoid_()
    return gate.mul_(x)
