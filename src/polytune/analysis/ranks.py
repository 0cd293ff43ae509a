"""Ranks that say how sure they are: intervals of ranks, and groups of models that cannot be told apart.

A model's rank lies between one more than the number of models that are certainly better and the number of those that
are not certainly worse. "Certainly" holds for all pairs at once (Mogstad, Romano, Shaikh & Wilhelm 2024): all true
ranks lie in their intervals in at least 95 % of studies. Formulas: docs/statistics.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_lowercase

import numpy as np

from polytune.analysis.intervals import LEVEL

DRAWS = 4000


@dataclass(frozen=True)
class Ranks:
    """Ranks of models, 1 the best; `apart` says of each two whether they differ."""

    values: np.ndarray
    rank: np.ndarray
    low: np.ndarray
    high: np.ndarray
    groups: tuple[str, ...]
    """For each model the letters of its groups: models with a letter in common cannot be told apart."""
    apart: np.ndarray

    @property
    def separated(self) -> float:
        """Return the share of pairs that are told apart; NaN for a single model."""
        pairs = np.triu_indices(len(self.values), 1)
        return float(self.apart[pairs].mean()) if len(pairs[0]) else math.nan


def draw_means(models: Sequence[Sequence[np.ndarray]], fixed: Sequence[bool], seed: int = 1) -> np.ndarray:
    """Return means as other items and seeds might have given them, draws x models, from multivariate t distributions.

    `models` holds for each model an array for each set of items (a language's, or all parallel ones), runs x items; the
    mean over sets is plain. Items vary together over the models as they did: covariance of the items' means over runs,
    divided by the items. Runs scatter around their model with the pooled variance of all models that have several,
    divided by the model's number of runs; those of `fixed` models, untuned bases, do not scatter.
    """
    generator, sets = np.random.default_rng(seed), len(models[0])
    covariance, counts = np.zeros((len(models), len(models))), []
    for place in range(sets):
        items = np.stack([model[place].mean(axis=0) for model in models])  # models x items
        counts.append(items.shape[1])
        covariance += np.atleast_2d(np.cov(items)) / counts[-1] / sets**2
    runs = [np.mean([part.mean(axis=1) for part in model], axis=0) for model in models]  # of each model, one per run
    means = np.array([own.mean() for own in runs]) + _t_draws(covariance, min(counts) - 1, generator)
    freedom = sum(len(own) - 1 for own in runs)
    if freedom:
        variance = sum(((own - own.mean()) ** 2).sum() for own in runs) / freedom
        own = [0.0 if still else variance / len(values) for still, values in zip(fixed, runs, strict=True)]
        means += _t_draws(np.diag(own), freedom, generator)
    return means


def _t_draws(covariance: np.ndarray, freedom: int, generator: np.random.Generator) -> np.ndarray:
    """Return draws of a multivariate t distribution around 0, draws x models."""
    scales, axes = np.linalg.eigh(covariance)
    normal = generator.normal(size=(DRAWS, len(scales))) * np.sqrt(np.maximum(scales, 0.0))
    return normal @ axes.T * np.sqrt(freedom / generator.chisquare(freedom, (DRAWS, 1)))


def rank_models(values: np.ndarray, drawn: np.ndarray, higher_is_better: bool = True, level: float = LEVEL) -> Ranks:
    """Return the ranks of `values` (one per model) with intervals from `draw_means` (draws x models).

    Two models differ if the distance of their values exceeds c standard errors of their difference, c the quantile over
    draws of the largest such ratio of any pair (single step; Romano & Wolf 2005).
    """
    values = np.asarray(values, dtype=float)
    count = len(values)
    first, second = np.triu_indices(count, 1)
    differences = drawn[:, first] - drawn[:, second]
    observed = values[first] - values[second]
    errors = differences.std(axis=0, ddof=1)
    known = errors > 1e-12 * max(float(np.abs(values).max(initial=0.0)), 1e-300)
    ratios = np.abs(differences - observed)[:, known] / errors[known]
    critical = float(np.quantile(ratios.max(axis=1), level)) if known.any() else 0.0
    apart = np.zeros((count, count), dtype=bool)
    apart[first, second] = apart[second, first] = np.abs(observed) > np.maximum(critical * errors, 1e-12)
    score = values if higher_is_better else -values
    better = score[None, :] > score[:, None]  # [row, column]: the column's model is better
    return Ranks(
        values=values,
        rank=1 + better.sum(axis=1),
        low=1 + (apart & better).sum(axis=1),
        high=count - (apart & better.T).sum(axis=1),
        groups=tie_groups(apart, np.argsort(-score, kind="stable")),
        apart=apart,
    )


def tie_groups(apart: np.ndarray, order: np.ndarray) -> tuple[str, ...]:
    """Return letters for each model: two share one exactly if they are not `apart` (compact letters; Piepho 2004).

    Insert and absorb: begin with one group of all; split each group that holds a pair that is apart, drop what another
    group contains. Letters follow `order`, the models from the best.
    """
    groups = [frozenset(range(len(apart)))]
    for one, other in zip(*np.nonzero(np.triu(apart)), strict=True):
        split = []
        for group in groups:
            split += [group - {one}, group - {other}] if {one, other} <= group else [group]
        groups = [group for place, group in enumerate(split)
                  if not any(group < larger for larger in split) and group not in split[:place]]  # fmt: skip
    place = {model: number for number, model in enumerate(order)}
    groups.sort(key=lambda group: sorted(place[model] for model in group))
    return tuple("".join(_letter(number) for number, group in enumerate(groups) if model in group)
                 for model in range(len(apart)))  # fmt: skip


def _letter(number: int) -> str:
    """Return a, b, ... z, then a2, b2, ..."""
    return ascii_lowercase[number % 26] + (str(number // 26 + 1) if number >= 26 else "")
