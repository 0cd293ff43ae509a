"""Hidden states of token trees, and of encoder-decoder pairs, without logits.

Every function returns exactly what the untouched transformers model computes for each request alone, up to the order of
floating-point additions.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from polytune.models.architectures import known_architecture
from polytune.models.layers import OwnModel
from polytune.models.nodes import additive_mask, take_nodes

Hidden = Callable[..., torch.Tensor]
"""(tokens [rows, n], positions [rows, n], ancestors bool [rows, n, n], kept [rows, k], slots [m]) -> hidden states
[m, width] of the kept nodes, as `batches.collate_trees` describes them."""


def supports_trees(model) -> bool:
    """Return whether this model's hidden states can be computed on trees."""
    if isinstance(model, OwnModel):
        return True
    known = known_architecture({"model_type": model.config.model_type})
    return known is not None and known.takes_masks and getattr(model.config, "sliding_window", None) is None


def tree_hidden_states(model) -> Hidden:
    """Return the function that computes the hidden states of trees for `model`."""
    if isinstance(model, OwnModel):
        return model

    def hidden(tokens, positions, ancestors, kept, slots):
        mask = additive_mask(ancestors, model.dtype)[:, None]
        output = model.base_model(input_ids=tokens, attention_mask=mask, position_ids=positions, use_cache=False)
        return take_nodes(output.last_hidden_state, kept, slots)

    return hidden


def encode_decode(
    model, labels: torch.Tensor, owners: torch.Tensor, source: torch.Tensor, source_mask: torch.Tensor
) -> torch.Tensor:
    """Return the decoder's hidden states [requests, m, width] as the output layer takes them.

    `source` and `source_mask` [contexts, n] are the distinct contexts, encoded once; `owners` [requests] says which
    context belongs to each row of `labels` [requests, m].
    """
    decoder = model.prepare_decoder_input_ids_from_labels(labels=labels)
    encoded = model.encoder(input_ids=source, attention_mask=source_mask).last_hidden_state
    hidden = model.decoder(
        input_ids=decoder,
        encoder_hidden_states=encoded[owners],
        encoder_attention_mask=source_mask[owners],
        use_cache=False,
    ).last_hidden_state
    # T5 with tied embeddings (not T5 v1.1, not mT5) scales what the output layer gets
    return hidden * model.model_dim**-0.5 if getattr(model.config, "scale_decoder_outputs", False) else hidden
