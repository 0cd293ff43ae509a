"""Packs in every architecture of the studies: attention inside the rows of a pack, in one model instance.

The attention layers read the pack's layout from a `PackContext` that they share, and position ids restart at zero in
every row. The result equals the untouched model on each row alone.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MethodType

import torch
from torch.nn import functional

from polytune.models.architectures import find_architecture
from polytune.models.bloom import alibi_slopes
from polytune.training.attention import (
    AlibiDimensions,
    AlibiMasks,
    PackContext,
    attend_by_kernel,
    attend_causally,
    attend_in_transformers,
    has_variable_length_kernel,
)
from polytune.training.llama import install_llama
from polytune.training.t5 import install_t5

IMPLEMENTATION = "polytune_rows"  # the name under which transformers knows our attention function


def install(model) -> PackContext:
    """Make `model` attend within the rows of packs; return the context through which it learns each pack's layout."""
    context = PackContext()
    kind = model.config.model_type
    architecture = find_architecture({"model_type": kind}, "config.json")
    if kind == "bloom":
        _install_bloom(model, context)
    elif architecture.encoder_decoder:
        install_t5(model, context)
    else:
        _install_interface(model, context, architecture.llama_blocks)
    for module in model.modules():  # stacks of an encoder-decoder have their own copies of the configuration
        if hasattr(module, "config"):
            module.config._attn_implementation = IMPLEMENTATION  # unknown to transformers' masks: none is built
    return context


def _install_interface(model, context: PackContext, llama_blocks: bool) -> None:
    from transformers import AttentionInterface

    AttentionInterface.register(IMPLEMENTATION, attend_in_transformers)
    for module in model.modules():
        if type(module).__name__.endswith("Attention"):
            module.pack_context = context
    if llama_blocks:
        install_llama(model)
        layer = model.base_model.layers[-1]
        layer.forward = MethodType(_last_llama_block(context), layer)
        context.trimmed = True


def _last_llama_block(context: PackContext) -> Callable:
    def forward(self, hidden_states, **options):
        attended, _ = self.self_attn(hidden_states=self.input_layernorm(hidden_states), **options)
        # the rest of the last block only at the positions that the loss asks for
        hidden_states = (hidden_states + attended).index_select(1, context.predict)
        return hidden_states + self.mlp(self.post_attention_layernorm(hidden_states))

    return forward


def _install_bloom(model, context: PackContext) -> None:
    masks, last = AlibiMasks(model.config.n_head), model.config.n_layer - 1
    scale = model.transformer.h[0].self_attention.inv_norm_factor
    dimensions = AlibiDimensions(alibi_slopes(model.config.n_head), scale)
    context.trimmed = True

    def attend_blocks(self, fused, dropout):
        results = []
        for block, padded in zip(context.decoder.blocks, context.decoder.pad(fused), strict=True):
            query, key, value = padded.transpose(1, 2).unbind(3)  # [rows, heads, length, d]
            mask = masks(query, block.length).expand(block.rows, -1, -1, -1)
            result = attend_causally(query, key, value, mask, self.inv_norm_factor, dropout)
            results.append(result.transpose(1, 2))
        return context.decoder.unpad(results)

    def attend(self, hidden_states, residual, alibi, attention_mask, **unused):
        fused = self.query_key_value(hidden_states)[0].view(-1, self.num_heads, 3, self.head_dim)
        dropout = self.attention_dropout.p if self.training else 0.0
        if has_variable_length_kernel(fused, dimensions.COUNT) and not dropout:
            widened = dimensions.extend(fused, context.positions)
            joined = attend_by_kernel(*widened, context.decoder, scale)[..., : self.head_dim]
        else:
            joined = attend_blocks(self, fused, dropout)
        if self.layer_idx == last:  # the rest of the last block only at the positions that the loss asks for
            joined, residual = joined.index_select(0, context.predict), residual.index_select(1, context.predict)
        output = self.dense(joined.reshape(1, -1, self.hidden_size))
        return residual + functional.dropout(output, self.hidden_dropout, self.training), None

    for block in model.transformer.h:
        block.self_attention.forward = MethodType(attend, block.self_attention)
        # the same function (tanh approximation) in one kernel instead of six forward and fifteen backward
        block.mlp.gelu_impl = torch.nn.GELU(approximate="tanh")
