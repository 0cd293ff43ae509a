"""Two models on the same items: exact McNemar, permutation of signs, clusters of parallel items. docs/statistics.md.

Differences of items that are translations of each other are one cluster: they are averaged first
(`cluster_differences`), and the cluster is what is drawn or flipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

RESAMPLES = 9999
TIE = 1e-9
"""A flipped sum this close to the observed one, relative to the largest possible one, counts as equal."""
CHUNK = 64_000_000
"""Bytes of signs that are held at once."""


def mcnemar_p(gained: int, lost: int) -> float:
    """Return the exact two-sided p that `gained` and `lost` items are equally many in truth (McNemar 1947).

    Items that both models have right, or both wrong, say nothing; of the others half are gained if the models are
    equal: the doubled tail of the binomial distribution, at most 1.
    """
    from scipy.special import bdtr

    changed = gained + lost
    return 1.0 if not changed else min(1.0, 2 * float(bdtr(min(gained, lost), changed, 0.5)))


def cluster_differences(values: pd.DataFrame, reference: pd.DataFrame) -> np.ndarray:
    """Return the mean difference of each item: tables of items x languages (or runs), those of both in common.

    Raises `ValueError` if they have none in common or an item is missing on one side: scores of a study have the same
    items, so that would be a fault of the program.
    """
    if not values.index.equals(reference.index) or not values.columns.equals(reference.columns):
        raise ValueError("the two models were not measured on the same items")
    return (values.to_numpy() - reference.to_numpy()).mean(axis=1)


def sign_flip_p(differences: np.ndarray, resamples: int = RESAMPLES, seed: int = 1) -> np.ndarray:
    """Return the two-sided p of each column of `differences` (clusters x comparisons) by flipping signs (Fisher 1935).

    If two models are equal, a cluster's difference is as likely to have the other sign. p is the share of sign vectors
    whose summed differences are at least as far from 0: all 2^n of them if they are no more than `resamples`, else
    (1 + count) / (1 + resamples) of random ones, the same for each comparison (Phipson & Smyth 2010).
    """
    differences = np.asarray(differences, dtype=float)
    clusters = len(differences)
    kept = differences.reshape(clusters, -1)
    bound = np.abs(kept.sum(axis=0)) - TIE * np.abs(kept).sum(axis=0)
    every = clusters < 63 and 2**clusters <= resamples
    count = np.zeros(kept.shape[1], dtype=int)
    for signs in _all_signs(clusters) if every else _random_signs(clusters, resamples, seed):
        count += (np.abs(signs @ kept) >= bound).sum(axis=0)
    p = count / 2**clusters if every else (count + 1) / (resamples + 1)
    return p.reshape(differences.shape[1:])


def _all_signs(clusters: int) -> Iterator[np.ndarray]:
    """Yield all sign vectors in one block."""
    yield 1.0 - 2.0 * (np.arange(2**clusters)[:, None] >> np.arange(clusters) & 1)


def _random_signs(clusters: int, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Yield blocks of random sign vectors, a bit of the generator for each sign."""
    generator = np.random.default_rng(seed)
    rows = max(1, CHUNK // (8 * clusters))
    for start in range(0, resamples, rows):
        count = min(rows, resamples - start)
        bits = np.unpackbits(np.frombuffer(generator.bytes(count * -(-clusters // 8)), dtype=np.uint8))
        yield 1.0 - 2.0 * bits.reshape(count, -1)[:, :clusters]
