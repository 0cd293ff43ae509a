"""The next token: the most likely one, or one drawn from the most likely ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch.nn import functional

LOGITS_AT_ONCE = {"cpu": 2**20, "gpu": 2**26}
"""Logits that exist at once in greedy decoding, rows times a slice of the vocabulary: 4 MiB in float32, what a core's
caches hold; on a GPU 256 MiB."""

Choose = Callable[[torch.Tensor, Sequence[np.random.Generator]], list[int]]
"""(hidden states [rows, width], a source of random numbers per row) -> a token per row"""


def choose_by(output_layer: torch.nn.Module, temperature: float, top_p: float) -> Choose:
    """Return how the next tokens follow from hidden states; with temperature 0 the most likely token is taken."""
    if temperature == 0:
        return lambda hidden, _draws: most_likely(hidden, output_layer)
    return lambda hidden, draws: draw_tokens(
        output_layer(hidden).float() / temperature, top_p, [draw.random() for draw in draws]
    )


def most_likely(hidden: torch.Tensor, output_layer: torch.nn.Module) -> list[int]:
    """Return the token with the largest logit of every row, the first of equal ones.

    A plain output layer is multiplied a slice of the vocabulary at a time: the logits of 64 rows and 250,880 entries
    are 64 MB that would be written and read again for one number a row.
    """
    if type(output_layer) is not torch.nn.Linear:
        return output_layer(hidden).argmax(-1).tolist()
    weight, bias = output_layer.weight, output_layer.bias
    step = max(1024, LOGITS_AT_ONCE["cpu" if hidden.device.type == "cpu" else "gpu"] // len(hidden))
    found = []
    for start in range(0, len(weight), step):
        part = slice(start, start + step)
        found.append(functional.linear(hidden, weight[part], None if bias is None else bias[part]).max(-1))
    best = torch.stack([part.values for part in found]).argmax(0)  # [rows]
    tokens = torch.stack([part.indices for part in found]).gather(0, best[None])[0]
    return (tokens + best * step).tolist()


def draw_tokens(logits: torch.Tensor, top_p: float, uniforms: Sequence[float]) -> list[int]:
    """Return a token per row of `logits` [rows, vocabulary] from the smallest set of most likely tokens whose
    probability reaches `top_p` (Holtzman et al. 2020, arXiv 1904.09751, section 3.1).

    `uniforms` in [0, 1) decide, one a row: the token at which the summed probability passes that share of the set's.
    """
    probabilities, tokens = logits.softmax(-1).sort(dim=-1, descending=True, stable=True)
    summed = probabilities.double().cumsum(-1)
    size = (summed < top_p * summed[:, -1:]).sum(-1, keepdim=True).clamp_(max=logits.shape[1] - 1)  # its last token
    wanted = torch.tensor(uniforms, dtype=torch.float64, device=logits.device)[:, None] * summed.gather(1, size)
    drawn = torch.searchsorted(summed, wanted, right=True).minimum(size)
    return tokens.gather(1, drawn)[:, 0].tolist()
