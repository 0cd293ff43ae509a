"""Hidden states of token trees, and of encoder-decoder pairs, without logits.

Every function returns exactly what the untouched transformers model computes for each request alone, up to the order of
floating-point additions.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.nn import functional

TREE_ARCHITECTURES = ("bloom", "gpt2", "gpt_neox", "llama", "mixtral")
"""`model_type`s whose attention takes a mask per query and whose logits are `output layer(hidden state)` and nothing else."""

ENCODER_DECODERS = ("t5", "mt5")

Hidden = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
"""(tokens [rows, n], positions [rows, n], ancestors bool [rows, n, n]) -> hidden states [rows, n, width]."""


def supports_trees(config) -> bool:
    """Return whether this configuration's hidden states can be computed on trees."""
    return config.model_type in TREE_ARCHITECTURES and getattr(config, "sliding_window", None) is None


def tree_hidden_states(model) -> Hidden:
    """Return the function that computes the hidden states of trees for `model`."""
    if model.config.model_type == "bloom":
        return lambda tokens, positions, ancestors: _bloom(model, tokens, positions, ancestors)

    def hidden(tokens, positions, ancestors):
        mask = _additive(ancestors, model.dtype)[:, None]
        body = model.base_model
        return body(input_ids=tokens, attention_mask=mask, position_ids=positions, use_cache=False).last_hidden_state

    return hidden


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
    return hidden * model.model_dim**-0.5 if model.config.scale_decoder_outputs else hidden


def _bloom(model, tokens: torch.Tensor, positions: torch.Tensor, ancestors: torch.Tensor) -> torch.Tensor:
    """BLOOM's body with a mask per query and ALiBi by tree position; transformers' own takes neither."""
    from transformers.models.bloom.modeling_bloom import _get_alibi_slopes

    body = model.transformer
    rows, length = tokens.shape
    slopes = _get_alibi_slopes(body.num_heads, tokens.device)
    hidden = body.word_embeddings_layernorm(body.word_embeddings(tokens))
    # slope * position is rounded to the model's type before it is added, as transformers does
    alibi = (slopes[None, :, None] * positions[:, None, :]).to(hidden.dtype)
    bias = alibi[:, :, None, :] + _additive(ancestors, hidden.dtype)[:, None]  # [rows, heads, n, n]
    for block in body.h:
        attention = block.self_attention
        normed = block.input_layernorm(hidden)
        fused = attention.query_key_value(normed).view(rows, length, attention.num_heads, 3, attention.head_dim)
        query, key, value = fused.permute(3, 0, 2, 1, 4)
        mixed = functional.scaled_dot_product_attention(
            query, key, value, attn_mask=bias, scale=attention.inv_norm_factor
        )
        mixed = attention.dense(mixed.transpose(1, 2).reshape(rows, length, -1))
        hidden = mixed + (normed if block.apply_residual_connection_post_layernorm else hidden)
        normed = block.post_attention_layernorm(hidden)
        inner = functional.gelu(block.mlp.dense_h_to_4h(normed), approximate="tanh")
        residual = normed if block.apply_residual_connection_post_layernorm else hidden
        hidden = block.mlp.dense_4h_to_h(inner) + residual
    return body.ln_f(hidden)


def _additive(ancestors: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Return 0 where attention is allowed and the most negative finite number elsewhere."""
    mask = torch.zeros(ancestors.shape, dtype=dtype, device=ancestors.device)
    return mask.masked_fill_(~ancestors, torch.finfo(dtype).min)
