"""Win rates freed from the length and the language of the answers. Formulas: docs/statistics.md, "Win rates".

Judges prefer long answers. A logistic model says how often a run would win if both answers were equally long and both
in the language of the question (Dubois et al. 2024, arXiv 2404.04475, whose model has no language).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from polytune.analysis.intervals import t_quantile
from polytune.analysis.wilson import wilson_interval

PRIOR = 2.5
"""Standard deviation of the normal prior of the covariates' weights (after Gelman et al. 2008): where a covariate
separates wins from losses its weight would be infinite otherwise."""
LEVEL_PRIOR = 5.0
"""The same of the intercept: a run that wins always has a finite one."""
STEPS, PRECISION = 100, 1e-9


@dataclass(frozen=True)
class ControlledRate:
    """A controlled win rate and how sure it is. Formulas: docs/statistics.md, "Win rates"."""

    value: float
    influence: dict[object, float]
    """What each cluster (prompt) moves it by: the sum of their squares is the variance that the answers give it."""
    least: float
    """The smallest variance that as many answers leave, also where they are all alike and move nothing."""
    prior: float
    """Standard deviation that the priors leave: large where no answers tell level and weights apart."""


def design(lengths: np.ndarray, passes: np.ndarray | None) -> np.ndarray:
    """Return the covariates: tanh of the length advantage in its standard deviations, and the language advantage."""
    spread = float(lengths.std())
    columns = [np.ones(len(lengths)), np.tanh(lengths / spread) if spread else np.zeros(len(lengths))]
    return np.stack([*columns, *([passes] if passes is not None else [])], axis=1)


def controlled_rate(wins: np.ndarray, covariates: np.ndarray, clusters: Sequence[object]) -> ControlledRate:
    """Return 1 / (1 + exp(-b0)) of logit E(win) = b0 + covariates b, a tie counted half, by penalised likelihood.

    `covariates` begin with a column of ones (`design`). Newton's method; the likelihood is that of shares (Papke &
    Wooldridge 1996), the error by the sandwich over clusters, so that ties and turns need no model of their own.
    """
    size = covariates.shape[1]
    penalty = np.diag([1 / LEVEL_PRIOR**2, *[1 / PRIOR**2] * (size - 1)])
    weights = np.zeros(size)
    for _ in range(STEPS):
        fitted = 1 / (1 + np.exp(-(covariates @ weights)))
        gradient = covariates.T @ (wins - fitted) - penalty @ weights
        information = (covariates * (fitted * (1 - fitted))[:, None]).T @ covariates + penalty
        step = np.linalg.solve(information, gradient)
        weights = weights + step
        if np.abs(step).max() < PRECISION:
            break
    fitted = 1 / (1 + np.exp(-(covariates @ weights)))
    likelihood = (covariates * (fitted * (1 - fitted))[:, None]).T @ covariates
    rate = float(1 / (1 + math.exp(-weights[0])))
    bread = rate * (1 - rate) * np.linalg.solve(likelihood + penalty, np.eye(size)[0])
    moved = (covariates * (wins - fitted)[:, None]) @ bread
    decided = float(1 - (4 * wins * (1 - wins)).mean()) or 1.0  # a tie leaves no variance, but not where all are ties
    influence: dict[object, float] = {}
    for cluster, part in zip(clusters, moved, strict=True):
        influence[cluster] = influence.get(cluster, 0.0) + float(part)
    return ControlledRate(
        rate, influence, least=decided * float(bread @ likelihood @ bread), prior=math.sqrt(bread @ penalty @ bread)
    )


def mean_rate(rates: Sequence[ControlledRate], freed: int = 1) -> tuple[float, float, float]:
    """Return the plain mean of controlled rates (of languages, of runs) with its 95 % interval, clustered by prompt.

    The interval is Wilson's with as many items as have the variance, and t with clusters - `freed` degrees of freedom,
    where `freed` is the number of weights of a model. The variance is that of the clusters times n / (n - freed), or
    the least one where that is larger, and what the priors leave, which is taken to err to one side in all of them.
    """
    value = sum(rate.value for rate in rates) / len(rates)
    moved: dict[object, float] = {}
    for rate in rates:
        for cluster, part in rate.influence.items():
            moved[cluster] = moved.get(cluster, 0.0) + part / len(rates)
    count = len(moved)
    if count <= freed:
        return value, math.nan, math.nan
    widened, squares = count / (count - freed), len(rates) ** 2
    variance = widened * sum(part**2 for part in moved.values())
    for rate in rates:
        own = widened * sum(part**2 for part in rate.influence.values())
        variance += max(0.0, rate.least - own) / squares
    variance += (sum(rate.prior for rate in rates) / len(rates)) ** 2
    return value, *wilson_interval(value, value * (1 - value) / variance, t_quantile(count - freed))
