"""Hidden states of token trees, and of encoder-decoder pairs, without logits.

Every function returns exactly what the untouched transformers model computes for each request alone, up to the order of
floating-point additions.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch.nn import functional

TREE_ARCHITECTURES = ("bloom", "gpt2", "gpt_neox", "llama", "mixtral")
"""`model_type`s whose attention takes a mask per query and whose logits are `output layer(hidden state)` and nothing else."""

ENCODER_DECODERS = ("t5", "mt5")

GELU_SLOPE = math.sqrt(2 / math.pi)

Hidden = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
"""(tokens [rows, n], positions [rows, n], ancestors bool [rows, n, n], kept [rows, k]) -> hidden states [rows, k, width]
of the kept nodes."""


def supports_trees(config) -> bool:
    """Return whether this configuration's hidden states can be computed on trees."""
    return config.model_type in TREE_ARCHITECTURES and getattr(config, "sliding_window", None) is None


def tree_hidden_states(model) -> Hidden:
    """Return the function that computes the hidden states of trees for `model`."""
    if model.config.model_type == "bloom":
        return lambda *inputs: _bloom(model, *inputs)

    def hidden(tokens, positions, ancestors, kept):
        mask = _additive(ancestors, model.dtype)[:, None]
        output = model.base_model(input_ids=tokens, attention_mask=mask, position_ids=positions, use_cache=False)
        return take_nodes(output.last_hidden_state, kept)

    return hidden


def take_nodes(tensor: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
    """Return [rows, k, width] of the kept nodes [rows, k] from [rows, n, width]."""
    return tensor.gather(1, kept[..., None].expand(-1, -1, tensor.shape[-1]))


def encode_decode(model, source: torch.Tensor, source_mask: torch.Tensor, owners: torch.Tensor, decoder: torch.Tensor):
    """Return the decoder's hidden states [requests, m, width] as the output layer takes them.

    `source` and `source_mask` [contexts, n] are the distinct contexts, encoded once; `owners` [requests] says which
    context belongs to each of the decoder's rows `decoder` [requests, m].
    """
    encoded = model.encoder(input_ids=source, attention_mask=source_mask).last_hidden_state
    hidden = model.decoder(
        input_ids=decoder,
        encoder_hidden_states=encoded[owners],
        encoder_attention_mask=source_mask[owners],
        use_cache=False,
    ).last_hidden_state
    # T5 with tied embeddings (not T5 v1.1, not mT5) scales what the output layer gets
    return hidden * model.model_dim**-0.5 if getattr(model.config, "scale_decoder_outputs", False) else hidden


def _bloom(
    model, tokens: torch.Tensor, positions: torch.Tensor, ancestors: torch.Tensor, kept: torch.Tensor
) -> torch.Tensor:
    """BLOOM's body with a mask per query and ALiBi by tree position; transformers' own takes neither.

    The last block computes queries and everything after them for the kept nodes only.
    """
    from transformers.models.bloom.modeling_bloom import _get_alibi_slopes

    body = model.transformer
    slopes = _get_alibi_slopes(body.num_heads, tokens.device)
    hidden = body.word_embeddings_layernorm(body.word_embeddings(tokens))
    # slope * position is rounded to the model's type before it is added, as transformers does
    alibi = (slopes[None, :, None] * positions[:, None, :]).to(hidden.dtype)
    bias = alibi[:, :, None, :] + _additive(ancestors, hidden.dtype)[:, None]  # [rows, heads, n, n]
    for number, block in enumerate(body.h, start=1):
        attention, mlp, after_norm = block.self_attention, block.mlp, block.apply_residual_connection_post_layernorm
        normed = block.input_layernorm(hidden)
        fused = attention.query_key_value(normed).unflatten(2, (attention.num_heads, 3, attention.head_dim))
        query, key, value = fused.permute(3, 0, 2, 1, 4)  # [rows, heads, n, d]
        residual = normed if after_norm else hidden
        if number == len(body.h):
            wanted = kept[:, None, :, None].expand(-1, attention.num_heads, -1, -1)
            query = query.gather(2, wanted.expand(-1, -1, -1, attention.head_dim))
            bias = bias.gather(2, wanted.expand(-1, -1, -1, bias.shape[-1]))
            residual = take_nodes(residual, kept)
        mixed = functional.scaled_dot_product_attention(
            query, key, value, attn_mask=bias, scale=attention.inv_norm_factor
        )
        hidden = attention.dense(mixed.transpose(1, 2).flatten(2)) + residual
        normed = block.post_attention_layernorm(hidden)
        residual = normed if after_norm else hidden
        hidden = mlp.dense_4h_to_h(_gelu(mlp.dense_h_to_4h(normed))) + residual
    return body.ln_f(hidden)


def _gelu(x: torch.Tensor) -> torch.Tensor:
    """Return the tanh approximation of GELU as x * sigmoid(2 z), z = sqrt(2 / pi) (x + 0.044715 x^3), changing nothing else.

    The same function as tanh's (1 + tanh z = 2 sigmoid 2z) in half the time of PyTorch's CPU kernel.
    """
    if x.device.type != "cpu":
        return functional.gelu(x, approximate="tanh")
    gate = (x * x).mul_(2 * GELU_SLOPE * 0.044715).add_(2 * GELU_SLOPE).mul_(x).sigmoid_()
    return gate.mul_(x)


def _additive(ancestors: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Return 0 where attention is allowed and the most negative finite number elsewhere."""
    mask = torch.zeros(ancestors.shape, dtype=dtype, device=ancestors.device)
    return mask.masked_fill_(~ancestors, torch.finfo(dtype).min)
