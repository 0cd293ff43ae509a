"""Log-likelihoods from hidden states: logits exist only where a token is scored, and only in chunks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

LOGITS_PER_CHUNK = 2**24
"""Logits that exist at once (64 MiB in float32): 66 positions of BLOOM's 250,880-entry vocabulary."""


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


def add_scores(
    scores: Scores,
    hidden: torch.Tensor,
    output_layer: Callable[[torch.Tensor], torch.Tensor],
    vocabulary: int,
    places: np.ndarray,
    targets: np.ndarray,
    requests: np.ndarray,
) -> None:
    """Add log p(target | place) to the request of every (place, target).

    `hidden` is [places, width], which `output_layer` turns into logits [places, `vocabulary`]; `places`, `targets` and `requests` are parallel int64 arrays [n]. Several requests may score
    the same place: its logits are computed once. The softmax is taken in float32 whatever the model's type.
    """
    distinct, inverse = np.unique(places, return_inverse=True)
    order = np.argsort(inverse, kind="stable")
    inverse, targets, requests = inverse[order], targets[order], requests[order]
    rows = max(1, LOGITS_PER_CHUNK // vocabulary)
    for start in range(0, len(distinct), rows):
        first, last = np.searchsorted(inverse, (start, start + rows))
        chosen = torch.from_numpy(distinct[start : start + rows]).to(hidden.device)
        logits = output_layer(hidden.index_select(0, chosen)).float()
        row = torch.from_numpy(inverse[first:last] - start).to(hidden.device)
        target = torch.from_numpy(targets[first:last]).to(hidden.device)
        value = logits[row, target] - logits.logsumexp(-1)[row]
        equal = logits.argmax(-1)[row] == target
        np.add.at(scores.loglikelihood, requests[first:last], value.double().cpu().numpy())
        np.logical_and.at(scores.greedy, requests[first:last], equal.cpu().numpy())
