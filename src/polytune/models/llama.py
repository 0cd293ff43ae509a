"""Llama for scoring and generation: transformers' weights and arithmetic, with attention on token trees or on a cache.

Importing transformers' class takes as long as scoring some forty questions with a model of 135 million parameters. This
one computes keys and values once for a group of heads, and its last block for the wanted nodes only.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from polytune.models.layers import Embedding, Linear, OwnModel, whole
from polytune.models.nodes import additive_mask, take_nodes
from polytune.models.slots import Slots

DEFAULTS = {"rms_norm_eps": 1e-6, "max_position_embeddings": 2048, "rope_theta": 10000.0}
"""What transformers' configuration of a Llama has where config.json is silent."""

SHORT = 96
"""Columns up to which two batched products are faster on a CPU than a fused kernel's many small ones."""

Rotation = tuple[torch.Tensor, torch.Tensor]
"""Cosines and sines of rotary positions, [rows, 1, n, d / 2]."""


class RMSNorm(nn.Module):
    """Root mean square normalisation (Zhang & Sennrich 2019, arXiv 1910.07467, eq. 4) over the last dimension."""

    def __init__(self, width: int, epsilon: float) -> None:
        super().__init__()
        self.weight, self.epsilon = nn.Parameter(torch.empty(width)), epsilon

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.dtype == torch.float32:
            return functional.rms_norm(x, x.shape[-1:], self.weight, self.epsilon)
        # 16-bit weights multiply what was rounded to 16 bits, as transformers has it
        return self.weight * functional.rms_norm(x.float(), x.shape[-1:], eps=self.epsilon).to(x.dtype)


class Llama(OwnModel):
    """Llama (Touvron et al. 2023, arXiv 2302.13971, section 2.2), with grouped queries: states of token trees."""

    BODY, EMBEDDING, TIED = "model", "model.embed_tokens.weight", False

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        sizes = ("hidden_size", "num_attention_heads", "num_hidden_layers", "vocab_size", "intermediate_size")
        width, heads, layers, vocabulary, inner = (whole(config, name) for name in sizes)
        groups = whole(config, "num_key_value_heads") if config.get("num_key_value_heads") is not None else heads
        if heads % groups or width % heads:
            raise ValueError(
                f"'num_attention_heads' {heads} is no multiple of 'num_key_value_heads' {groups}, or does not divide "
                f"'hidden_size' {width}"
            )
        depth = width // heads if config.get("head_dim") is None else whole(config, "head_dim")
        given = {**DEFAULTS, **config, "model_type": "llama", "vocab_size": vocabulary, "is_encoder_decoder": False}
        self.config = SimpleNamespace(**{**given, "groups": groups, "depth": depth, "theta": rotary_base(config)})
        epsilon = given["rms_norm_eps"]
        if not isinstance(epsilon, float):
            raise ValueError(f"'rms_norm_eps' is {epsilon!r}")
        self.model = nn.Module()
        self.model.embed_tokens = Embedding(vocabulary, width)
        self.model.layers = nn.ModuleList()
        biases = {"attention": bool(config.get("attention_bias")), "mlp": bool(config.get("mlp_bias"))}
        for _ in range(layers):
            block = nn.Module()
            block.input_layernorm = RMSNorm(width, epsilon)
            block.self_attn = nn.Module()
            for name, size in (("q_proj", heads), ("k_proj", groups), ("v_proj", groups)):
                block.self_attn.add_module(name, Linear(width, size * depth, bias=biases["attention"]))
            block.self_attn.o_proj = Linear(heads * depth, width, bias=biases["attention"])
            block.post_attention_layernorm = RMSNorm(width, epsilon)
            block.mlp = nn.Module()
            block.mlp.gate_proj = Linear(width, inner, bias=biases["mlp"])
            block.mlp.up_proj = Linear(width, inner, bias=biases["mlp"])
            block.mlp.down_proj = Linear(inner, width, bias=biases["mlp"])
            self.model.layers.append(block)
        self.model.norm = RMSNorm(width, epsilon)
        self.lm_head = Linear(width, vocabulary, bias=False)

    def forward(
        self,
        tokens: torch.Tensor,
        positions: torch.Tensor,
        ancestors: torch.Tensor,
        kept: torch.Tensor,
        slots: torch.Tensor,
    ) -> torch.Tensor:
        hidden = self.model.embed_tokens(tokens)
        rotation = self._rotation(positions, hidden.dtype)
        mask = additive_mask(ancestors, hidden.dtype)[:, None]
        *blocks, last = self.model.layers
        for block in blocks:
            normed = block.input_layernorm(hidden)
            query, (key, value) = self._query(block, normed, rotation), self._key_value(block, normed, rotation)
            hidden = _finish(block, _attend(query, key, value, mask), hidden)
        normed = last.input_layernorm(hidden)
        key, value = self._key_value(last, normed, rotation)
        wanted = normed.gather(1, kept[:, :, None].expand(-1, -1, normed.shape[-1]))
        rotation = self._rotation(positions.gather(1, kept), hidden.dtype)
        mask = mask.gather(2, kept[:, None, :, None].expand(-1, -1, -1, mask.shape[-1]))
        mixed = _attend(self._query(last, wanted, rotation), key, value, mask)
        hidden = _finish(last, mixed.flatten(0, 1).index_select(0, slots), take_nodes(hidden, kept, slots))
        return self.model.norm(hidden)

    def extend(self, tokens: torch.Tensor, positions: torch.Tensor, mask: torch.Tensor, slots: Slots) -> torch.Tensor:
        hidden = self.model.embed_tokens(tokens)
        rotation = self._rotation(positions[:, -tokens.shape[1] :], hidden.dtype)
        for number, block in enumerate(self.model.layers):
            normed = block.input_layernorm(hidden)
            query = self._query(block, normed, rotation)
            key, value = slots.update(*self._key_value(block, normed, rotation), number)
            hidden = _finish(block, _attend(query, key, value, mask), hidden)
        return self.model.norm(hidden)

    def _rotation(self, positions: torch.Tensor, dtype: torch.dtype) -> Rotation:
        """Return the rotation of positions [rows, n] (Su et al. 2021, arXiv 2104.09864, eq. 34), rounded last."""
        depth = self.config.depth
        exponents = torch.arange(0, depth, 2, dtype=torch.float32) / depth
        frequencies = (1.0 / self.config.theta**exponents).to(positions.device)
        angles = positions[:, None, :, None].float() * frequencies
        return angles.cos().to(dtype), angles.sin().to(dtype)

    def _query(self, block: nn.Module, normed: torch.Tensor, rotation: Rotation) -> torch.Tensor:
        """Return the rotated queries of all heads, [rows, heads, n, d]."""
        return _rotate(self._split(block.self_attn.q_proj(normed)), rotation)

    def _key_value(self, block: nn.Module, normed: torch.Tensor, rotation: Rotation) -> tuple[torch.Tensor, ...]:
        """Return the rotated keys, and the values, of all groups of heads, [rows, groups, n, d] each."""
        attention = block.self_attn
        return _rotate(self._split(attention.k_proj(normed)), rotation), self._split(attention.v_proj(normed))

    def _split(self, heads: torch.Tensor) -> torch.Tensor:
        return heads.unflatten(2, (-1, self.config.depth)).transpose(1, 2)


def rotary_base(config: dict[str, Any]) -> float:
    """Return the base of rotary positions; raises `ValueError` where positions are scaled, which we do not compute."""
    said = config.get("rope_parameters") or config.get("rope_scaling") or {}
    kind = said.get("rope_type", said.get("type", "default"))
    base = said.get("rope_theta", config.get("rope_theta", DEFAULTS["rope_theta"]))
    if kind != "default" or said.get("partial_rotary_factor", config.get("partial_rotary_factor", 1)) != 1:
        raise ValueError(f"positions are scaled ({kind})")
    if not isinstance(base, int | float):
        raise ValueError(f"'rope_theta' is {base!r}")
    return float(base)


def is_plain_llama(config: dict[str, Any]) -> bool:
    """Return whether this class computes what a configuration of a Llama describes; transformers' takes the rest."""
    try:
        rotary_base(config)
    except (ValueError, AttributeError):
        return False
    return config.get("hidden_act", "silu") == "silu"


def _rotate(x: torch.Tensor, rotation: Rotation) -> torch.Tensor:
    """Return x [rows, heads, n, d] turned by its positions: its halves are the two coordinates of d / 2 planes."""
    (first, second), (cosine, sine) = x.chunk(2, -1), rotation
    return torch.cat((first * cosine - second * sine, second * cosine + first * sine), -1)


def _attend(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Return softmax(query key^T / sqrt(d) + mask) value, [rows, queries, heads * d]; the softmax is float32.

    Queries [rows, heads, queries, d] of a group share its keys and values [rows, groups, n, d]; `mask` is [rows, 1,
    queries, n].
    """
    rows, heads, queries, depth = query.shape
    groups, columns = key.shape[1:3]
    if queries > 1 and (query.device.type != "cpu" or columns > SHORT):
        # the fused kernels that take a mask know no groups; one query would have to copy all keys for them
        key, value = (tensor.repeat_interleave(heads // groups, 1) for tensor in (key, value))
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return mixed.transpose(1, 2).flatten(2)
    shape = (rows * groups, heads // groups * queries, -1)
    weights = torch.bmm(query.reshape(shape), key.reshape(rows * groups, columns, depth).mT)
    weights = weights.view(rows, heads, queries, columns).mul_(depth**-0.5).add_(mask)
    weights = weights.softmax(-1, dtype=torch.float32).to(value.dtype)
    mixed = torch.bmm(weights.view(shape), value.reshape(rows * groups, columns, depth))
    return mixed.view(query.shape).transpose(1, 2).flatten(2)


def _finish(block: nn.Module, mixed: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
    """Return what a block makes of its attention's result and the residual, [..., width]."""
    hidden = block.self_attn.o_proj(mixed) + residual
    normed, mlp = block.post_attention_layernorm(hidden), block.mlp
    return mlp.down_proj(functional.silu(mlp.gate_proj(normed)).mul_(mlp.up_proj(normed))) + hidden
