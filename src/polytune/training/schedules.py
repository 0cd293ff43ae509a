"""Learning rates over the updates of a run."""

from __future__ import annotations

import math


def learning_rate_factor(update: int, updates: int, warmup: int, scheduler: str, final_ratio: float = 0.0) -> float:
    """Return the share of the peak learning rate that update number `update` (from 0) uses.

    Linear warm-up from 0 over `warmup` updates, then `constant`, or `linear` or half a `cosine` down to `final_ratio`
    at `updates`. With `final_ratio` 0 these are transformers' schedules of the same names.
    """
    if update < warmup:
        return update / warmup
    if scheduler == "constant":
        return 1.0
    progress = min((update - warmup) / max(updates - warmup, 1), 1.0)
    remaining = 1.0 - progress if scheduler == "linear" else 0.5 * (1.0 + math.cos(math.pi * progress))
    return final_ratio + (1.0 - final_ratio) * remaining
