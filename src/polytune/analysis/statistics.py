"""Correlations with their uncertainty, on whole tables at once. Formulas and sources: docs/statistics.md.

Shapes: `x` is models x predictors, `y` is models x targets or a single target; models stand in the order of training
mixtures. A constant column has no correlation: its results are NaN, never an error.
"""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np

TIE = 1e-9
"""A permuted |r| this close to the observed one counts as equal: the same sum in another order differs by rounding."""

CONSTANT = 1e-14
"""Variance of a resample, of columns of unit length, below which all its values are equal: rounding leaves 1e-17."""


def standardize(values: np.ndarray) -> np.ndarray:
    """Return the columns centred and scaled to unit length (models x columns); constant columns become NaN.

    Constant means that the spread is below rounding error: at most 1e-10 of the largest value.
    """
    values = np.asarray(values, dtype=float)
    centred = values - values.mean(axis=0)
    length = np.sqrt((centred**2).sum(axis=0))
    constant = length <= 1e-10 * np.sqrt(len(values)) * np.abs(values).max(axis=0, initial=0.0)
    return centred / np.where(constant, np.nan, length)


def pearson(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return Pearson's r of every column of `x` (models x predictors) with `y` (models): one value per predictor."""
    return np.clip(standardize(x).T @ standardize(y[:, None])[:, 0], -1.0, 1.0)


def fisher_interval(r: np.ndarray, models: int, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Return the confidence interval of r by Fisher's z: tanh(artanh r -+ z / sqrt(models - 3)).

    It takes the models as independent draws from a normal distribution; NaN for three models or fewer.
    """
    from scipy.special import ndtri

    r = np.asarray(r, dtype=float)
    if models <= 3:
        return np.full_like(r, np.nan), np.full_like(r, np.nan)
    width = ndtri(0.5 + level / 2) / math.sqrt(models - 3)
    with np.errstate(divide="ignore"):  # r = 1 has the interval [1, 1]
        z = np.arctanh(r)
    return np.tanh(z - width), np.tanh(z + width)


def residuals(values: np.ndarray, covariates: np.ndarray) -> np.ndarray:
    """Return what least squares on an intercept and `covariates` (models x k) leaves of the columns of `values`.

    Columns that the covariates explain up to rounding become exactly 0, so that they count as constant.
    """
    design = np.column_stack([np.ones(len(values)), covariates])
    basis, singular, _ = np.linalg.svd(design, full_matrices=False)
    basis = basis[:, singular > 1e-10 * singular[0]]  # a constant covariate repeats the intercept
    left = values - basis @ (basis.T @ values)
    spread = np.sqrt(((values - values.mean(axis=0)) ** 2).sum(axis=0))
    rounding = np.maximum(1e-8 * spread, 1e-12 * np.sqrt((values**2).sum(axis=0)))
    return np.where(np.sqrt((left**2).sum(axis=0)) <= rounding, 0.0, left)


def partial_correlation(x: np.ndarray, y: np.ndarray, covariates: np.ndarray) -> np.ndarray:
    """Return the correlation of every column of `x` with `y` after both were regressed on `covariates`."""
    return pearson(residuals(x, covariates), residuals(y[:, None], covariates)[:, 0])


def orders(models: int, count: int, generator: np.random.Generator, block: int = 1) -> np.ndarray:
    """Return permutations of the models, resamples x models.

    `block` > 1 keeps runs of so many consecutive models together (cut at a random place of the circle). All
    permutations are returned, each once, if there are no more than `count` of them and `block` is 1.
    """
    if block == 1:
        if math.factorial(min(models, 20)) <= count:
            return np.array(list(permutations(range(models))))
        return generator.permuted(np.tile(np.arange(models), (count, 1)), axis=1)
    pieces = math.ceil(models / block)
    shuffled = generator.permuted(np.tile(np.arange(pieces), (count, 1)), axis=1)
    places = (shuffled[:, :, None] * block + np.arange(block)).reshape(count, -1)
    keep = places < models  # the last block may be short; it is short wherever it lands
    starts = generator.integers(models, size=(count, 1))
    return (places[keep].reshape(count, models) + starts) % models


def permutation_p(
    x: np.ndarray, y: np.ndarray, permuted: np.ndarray, covariates: np.ndarray | None = None
) -> np.ndarray:
    """Return the two-sided permutation p-value of r for every column of `x` with `y`.

    `permuted` is resamples x models from `orders`. p = (1 + number of |r*| >= |r|) / (1 + resamples); without the ones
    if `permuted` holds every permutation (Phipson & Smyth 2010). With `covariates` r is the partial correlation and the
    residuals of `y` are permuted (Freedman & Lane 1983).
    """
    if covariates is not None:
        x, y = residuals(x, covariates), residuals(y[:, None], covariates)[:, 0]
    scaled = standardize(x)
    observed = np.abs(pearson(x, y))
    shuffled = standardize(y[:, None])[:, 0][permuted]  # resamples x models
    if covariates is not None:
        shuffled = standardize(residuals(shuffled.T, covariates)).T
    exceeding = (np.abs(shuffled @ scaled) >= observed - TIE).sum(axis=0)
    complete = len(permuted) == math.factorial(min(len(y), 20))
    p = exceeding / len(permuted) if complete else (exceeding + 1) / (len(permuted) + 1)
    return np.where(np.isnan(observed), np.nan, p)


def block_draws(models: int, count: int, generator: np.random.Generator, block: int) -> np.ndarray:
    """Return how often each model is drawn, resamples x models, by the circular block bootstrap.

    Blocks of `block` consecutive models are drawn with replacement from the circle of models (Politis & Romano 1992).
    """
    starts = generator.integers(models, size=(count, math.ceil(models / block)))
    drawn = (starts[:, :, None] + np.arange(block)).reshape(count, -1)[:, :models] % models
    return np.stack([np.bincount(places, minlength=models) for places in drawn]).astype(float)


def bootstrap_interval(
    x: np.ndarray, y: np.ndarray, draws: np.ndarray, level: float = 0.95
) -> tuple[np.ndarray, np.ndarray]:
    """Return the percentile interval of r of every column of `x` with `y` over `draws` (resamples x models).

    With draws of blocks it allows for the dependence of neighbouring mixtures, which share nearly all their data.
    Resamples in which a column is constant are left out.
    """
    x, y = standardize(x), standardize(y[:, None])
    share = draws / draws.sum(axis=1, keepdims=True)
    mean_x, mean_y = share @ x, share @ y
    spread_x, spread_y = share @ x**2 - mean_x**2, share @ y**2 - mean_y**2
    constant = np.minimum(spread_x, spread_y) < CONSTANT
    r = (share @ (x * y) - mean_x * mean_y) / np.sqrt(np.where(constant, np.nan, spread_x * spread_y))
    low, high = np.full(x.shape[1], np.nan), np.full(x.shape[1], np.nan)
    defined = ~np.isnan(r).all(axis=0)
    if defined.any():
        low[defined], high[defined] = np.nanquantile(r[:, defined], [0.5 - level / 2, 0.5 + level / 2], axis=0)
    return low, high


def block_length(models: int) -> int:
    """Return the usual length of blocks, models^(1/3) rounded up (Hall, Horowitz & Jing 1995)."""
    return math.ceil(models ** (1 / 3) - 1e-9)


def benjamini_hochberg(p: np.ndarray) -> np.ndarray:
    """Return the false-discovery-adjusted p-values (q) of an array of any shape; NaN stay NaN and do not count."""
    p = np.asarray(p, dtype=float)
    q = np.full(p.shape, np.nan)
    finite = ~np.isnan(p)
    values = p[finite]
    ranks = np.argsort(values)[::-1]
    scaled = values[ranks] * len(values) / np.arange(len(values), 0, -1)
    adjusted = np.empty_like(values)
    adjusted[ranks] = np.minimum(np.minimum.accumulate(scaled), 1.0)
    q[finite] = adjusted
    return q
