"""T5 and mT5: encoder, decoder and cross attention inside the rows of a pack.

The relative position bias depends on the distance of two tokens only, so one bias for the longest row serves every
row: its upper left corner is the bias of a shorter one.
"""

from __future__ import annotations

from types import MethodType

import torch

from polytune.training.attention import PackContext, attend_rows


def install_t5(model, context: PackContext) -> None:
    """Replace the attention layers of a T5 or mT5 model; `context` holds the layouts of source and target."""
    for stack in (model.encoder, model.decoder):
        for block in stack.block:
            for layer in block.layer[:-1]:
                cross = hasattr(layer, "EncDecAttention")
                attention = layer.EncDecAttention if cross else layer.SelfAttention
                attention.forward = MethodType(_attend(context, cross), attention)


def _attend(context: PackContext, cross: bool):
    def attend(self, hidden_states, mask=None, key_value_states=None, position_bias=None, **unused):
        causal = self.is_decoder and not cross
        ours = context.decoder if self.is_decoder else context.encoder
        theirs = context.encoder if cross else ours
        split = (-1, self.n_heads, self.key_value_proj_dim)
        states = key_value_states if cross else hidden_states
        if not cross and position_bias is None:  # the first layer computes the bias, the others receive it
            position_bias = self.compute_bias(ours.longest, ours.longest, device=hidden_states.device)
            if causal:
                future = torch.ones(ours.longest, ours.longest, dtype=torch.bool, device=hidden_states.device).triu(1)
                position_bias = position_bias.masked_fill(future, float("-inf"))
        result = attend_rows(
            self.q(hidden_states)[0].view(split),
            self.k(states)[0].view(split),
            self.v(states)[0].view(split),
            layouts=(ours, theirs),
            scale=1.0,  # T5 does not scale the scores
            dropout=self.dropout if self.training else 0.0,
            causal=causal,
            bias=None if cross else lambda q, k: position_bias[:, :, :q, :k],
        )
        return self.o(result.reshape(1, -1, self.inner_dim)), position_bias, None

    return attend
