"""Which checkpoints stand out from their neighbours in many languages at once.

Lucky 52 calls the model to which Korean was added an outlier by eye. Here a checkpoint is compared with the median of
its neighbours, language by language, and the comparison is shared over the languages. A single language that jumps
because it has just been added moves nothing: the median over the languages does not see it.
"""

from __future__ import annotations

import numpy as np

NORMAL_MAD = 1.4826
"""Median absolute deviation to standard deviation of a normal distribution (Rousseeuw & Croux 1993)."""
FEWEST = 5
"""Checkpoints without which nothing can stand out."""


def outlier_scores(values: np.ndarray) -> np.ndarray:
    """Return how far each checkpoint lies from its neighbours, in robust standard deviations, with sign.

    `values` is (..., checkpoints, languages), checkpoints in order; the result is (..., checkpoints). Each language's
    difference from the median of up to two neighbours on either side is divided by its median absolute deviation; the
    median over the languages is divided by its own. The first and the last checkpoint have neighbours on one side only
    and get NaN.
    """
    values = np.asarray(values, dtype=float)
    count = values.shape[-2]
    shared = np.full(values.shape[:-1], np.nan)
    if count < FEWEST:
        return shared
    inner = np.empty((*values.shape[:-2], count - 2, values.shape[-1]))
    for place in range(1, count - 1):
        reach = min(2, place, count - 1 - place)
        sides = [values[..., place + step, :] for step in range(-reach, reach + 1) if step]
        inner[..., place - 1, :] = values[..., place, :] - np.median(sides, axis=0)
    shared[..., 1:-1] = _scale(np.median(_scale(inner, axis=-2), axis=-1), axis=-1)
    return shared


def _scale(values: np.ndarray, axis: int) -> np.ndarray:
    """Divide by the median absolute deviation from zero; values that never vary become 0."""
    spread = NORMAL_MAD * np.median(np.abs(values), axis=axis, keepdims=True)
    return np.divide(values, spread, out=np.zeros_like(values), where=spread > 0)


def outlier_threshold(checkpoints: int, languages: int, level: float = 0.05, studies: int = 2000) -> float:
    """Return the |score| that the most extreme checkpoint of a study of pure noise exceeds with probability `level`.

    Found by simulating `studies` studies of independent normal noise with a fixed seed. A fixed cut such as 3.5 would
    raise false alarms in short series, whose median absolute deviation is itself uncertain.
    """
    if checkpoints < FEWEST:
        return np.nan
    noise = np.random.default_rng(52).standard_normal((studies, checkpoints, languages))
    return float(np.quantile(np.nanmax(np.abs(outlier_scores(noise)), axis=-1), 1 - level))
