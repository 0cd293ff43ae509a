"""Log-likelihoods from hidden states: logits exist only where a token is scored, and only a slice at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from polytune.evaluation.linear import linear

LOGITS_AT_ONCE = {"cpu": 2**18, "gpu": 2**26}
"""Logits that exist at once, positions times a slice of the vocabulary: 1 MiB in float32, the cache of one core; on a
GPU 256 MiB, enough to keep it busy."""

Logits = Callable[[torch.Tensor, slice], torch.Tensor]
"""(hidden states [places, width], slice of the vocabulary) -> logits [places, slice]"""


@dataclass
class Scores:
    """Sum of log-probabilities and "greedy decoding would say this" per request."""

    loglikelihood: np.ndarray
    """float64 [requests]"""
    greedy: np.ndarray
    """bool [requests]"""

    @classmethod
    def empty(cls, requests: int) -> Scores:
        """Return zero log-likelihoods to add to."""
        return cls(np.zeros(requests), np.ones(requests, bool))

    def pairs(self) -> list[tuple[float, bool]]:
        """Return what the harness expects: one (log-likelihood, greedy) per request."""
        return [(float(value), bool(flag)) for value, flag in zip(self.loglikelihood, self.greedy, strict=True)]


def output_logits(output_layer: torch.nn.Module) -> Logits:
    """Return the function that computes a slice of an output layer's logits.

    A layer that is more than a matrix (an adapter's) computes all its logits for every slice: slow, but right.
    """
    if not isinstance(output_layer, torch.nn.Linear):
        return lambda hidden, part: output_layer(hidden)[:, part]
    weight, bias = output_layer.weight, output_layer.bias
    return lambda hidden, part: linear(hidden, weight[part], None if bias is None else bias[part])


def add_scores(
    scores: Scores,
    hidden: torch.Tensor,
    logits_of: Logits,
    vocabulary: int,
    places: np.ndarray,
    targets: np.ndarray,
    requests: np.ndarray,
) -> None:
    """Add log p(target | place) to the request of every (place, target).

    `hidden` is [places, width]; `places`, `targets` and `requests` are parallel int64 arrays [n]. Several requests may
    score the same place: its logits are computed once. The log-sum-exp runs over slices of the vocabulary, in float32
    whatever the model's type (Milakov and Gimelshein 2018, arXiv 1805.02867, algorithm 3).
    """
    device = hidden.device
    row, target = torch.from_numpy(places).to(device), torch.from_numpy(targets).to(device)
    found = torch.empty(len(targets), device=device)
    peak = torch.full((len(hidden),), -torch.inf, device=device)
    total = torch.zeros(len(hidden), device=device)
    step = max(1024, LOGITS_AT_ONCE["cpu" if device.type == "cpu" else "gpu"] // len(hidden))
    for start in range(0, vocabulary, step):
        logits = logits_of(hidden, slice(start, start + step)).float()
        here = ((target >= start) & (target < start + step)).nonzero()[:, 0]
        found[here] = logits[row[here], target[here] - start]
        higher = torch.maximum(peak, logits.amax(-1))
        total = total * (peak - higher).exp() + logits.sub_(higher[:, None]).exp_().sum(-1)
        peak = higher
    value = found - (peak + total.log())[row]
    np.add.at(scores.loglikelihood, requests, value.double().cpu().numpy())
    np.logical_and.at(scores.greedy, requests, (found >= peak[row]).cpu().numpy())
