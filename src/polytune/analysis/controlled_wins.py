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

PRIOR = 2.5
"""Standard deviation of the normal prior of the covariates' weights (after Gelman et al. 2008): where a covariate
separates wins from losses its weight would be infinite otherwise."""
LEVEL_PRIOR = 5.0
"""The same of the intercept: a run that wins always has a finite one."""
STEPS, PRECISION = 100, 1e-9


@dataclass(frozen=True)
class ControlledRate:
    """A controlled win rate, and what each cluster (prompt) moves it by: their sum over n^2 squares is its variance."""

    value: float
    influence: dict[object, float]


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
    information = (covariates * (fitted * (1 - fitted))[:, None]).T @ covariates + penalty
    bread = np.linalg.solve(information, np.eye(size)[0])
    rate = float(1 / (1 + math.exp(-weights[0])))
    moved = rate * (1 - rate) * (covariates * (wins - fitted)[:, None]) @ bread
    influence: dict[object, float] = {}
    for cluster, part in zip(clusters, moved, strict=True):
        influence[cluster] = influence.get(cluster, 0.0) + float(part)
    return ControlledRate(rate, influence)


def mean_rate(rates: Sequence[ControlledRate], freed: int = 1) -> tuple[float, float, float]:
    """Return the plain mean of controlled rates (of languages, of runs) with its 95 % interval, clustered by prompt.

    The interval is symmetric on the logit scale, t with clusters - `freed` degrees of freedom, where `freed` is the
    number of weights of a model; the variance is widened by n / (n - freed).
    """
    value = sum(rate.value for rate in rates) / len(rates)
    moved: dict[object, float] = {}
    for rate in rates:
        for cluster, part in rate.influence.items():
            moved[cluster] = moved.get(cluster, 0.0) + part / len(rates)
    count = len(moved)
    if count <= freed:
        return value, math.nan, math.nan
    variance = sum(part**2 for part in moved.values()) * count / (count - freed)
    half = t_quantile(count - freed) * math.sqrt(variance) / (value * (1 - value))
    level = math.log(value / (1 - value))
    low, high = (1 / (1 + math.exp(-(level + sign * half))) for sign in (-1, 1))
    return value, low, high
