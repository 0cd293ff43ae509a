"""How far people and a judge agree: on systems (correlation of totals) and on answers (preferences).

Formulas and sources: docs/statistics.md, "Human ratings".
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from polytune.analysis.statistics import fisher_interval, pearson

RESAMPLES = 4999
SIGNS = (-1, 0, 1)
"""A preference between two answers: the second, neither, the first."""


@dataclass(frozen=True)
class SystemAgreement:
    """Agreement on whole systems: r with Fisher's 95 % interval, and Spearman's rank correlation."""

    systems: int
    r: float
    low: float
    high: float
    spearman: float


@dataclass(frozen=True)
class PreferenceAgreement:
    """Agreement on which of two answers is better: share and Cohen's kappa, with 95 % intervals over prompts."""

    pairs: int
    share: float
    share_low: float
    share_high: float
    kappa: float
    kappa_low: float
    kappa_high: float


def system_agreement(judge: np.ndarray, human: np.ndarray) -> SystemAgreement:
    """Return how the systems' totals by the judge go with those by people (one value per system)."""
    from scipy.stats import rankdata

    r = pearson(np.asarray(judge, float)[:, None], np.asarray(human, float))
    low, high = fisher_interval(r, len(judge))
    ranks = pearson(rankdata(judge)[:, None], rankdata(human))
    return SystemAgreement(len(judge), float(r[0]), float(low[0]), float(high[0]), float(ranks[0]))


def preference_counts(judge: np.ndarray, human: np.ndarray) -> np.ndarray:
    """Return, for each prompt, how often judge and people prefer which of two systems: prompts x 3 x 3 (`SIGNS`).

    Values are prompts x systems, NaN where an answer was not rated; every pair of systems that both rated counts.
    """
    counts = np.zeros((len(judge), 3, 3))
    for one, other in combinations(range(judge.shape[1]), 2):
        signs = [np.sign(values[:, one] - values[:, other]) for values in (judge, human)]
        known = ~np.isnan(signs[0] + signs[1])
        places = (np.flatnonzero(known), *(sign[known].astype(int) + 1 for sign in signs))
        np.add.at(counts, places, 1)
    return counts


def preference_agreement(counts: np.ndarray, seed: int = 1) -> PreferenceAgreement:
    """Return share and kappa of agreeing preferences; intervals are percentiles of a bootstrap of prompts.

    `counts` is prompts x 3 x 3, judge by people (`preference_counts`).
    """
    prompts = len(counts)
    draws = np.random.default_rng(seed).multinomial(prompts, np.full(prompts, 1 / prompts), size=RESAMPLES)
    tables = np.concatenate([counts.sum(axis=0)[None], np.tensordot(draws, counts, axes=1)])
    share, kappa = _agreement(tables)
    ends = [np.nanpercentile(values[1:], [2.5, 97.5]) for values in (share, kappa)]
    return PreferenceAgreement(
        int(counts.sum()), float(share[0]), *map(float, ends[0]), float(kappa[0]), *map(float, ends[1])
    )


def _agreement(tables: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the observed agreement of tables (n x k x k) and Cohen's kappa: (observed - expected) / (1 - expected)."""
    with np.errstate(invalid="ignore", divide="ignore"):  # nothing rated, or only one answer: no kappa
        tables = tables / tables.sum(axis=(1, 2), keepdims=True)
        observed = np.trace(tables, axis1=1, axis2=2)
        expected = (tables.sum(axis=1) * tables.sum(axis=2)).sum(axis=1)
        return observed, (observed - expected) / (1 - expected)
