"""Does a way of choosing languages help? One interval over language sets, seeds, languages and benchmarks.

A mixed model: value = (base, benchmark, language) + effect x selected + set + selected x (benchmark, language) + rest,
where sets and what the selection does in a language are random. With complete data its estimate is the difference of
the means over sets, and its variance follows from mean squares (Satterthwaite 1946; Westfall, Kenny & Judd 2014, for
two random factors with one of them nested in the condition). docs/statistics.md has the formulas.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from polytune.analysis.intervals import t_quantile


@dataclass(frozen=True)
class Effect:
    """The effect of a selection, in the unit of the values."""

    effect: float
    low: float
    high: float
    p: float
    freedom: float
    error_sets: float
    """Standard error that other language sets and seeds would bring."""
    error_units: float
    """Standard error that other languages and benchmarks would bring."""
    sets: tuple[int, int]
    units: int


def estimate_effect(selected: np.ndarray, reference: np.ndarray, weights: np.ndarray) -> Effect:
    """Return the effect with its 95 % interval.

    `selected` and `reference` are sets x units (means over seeds; a unit is a language of a benchmark on a base);
    `weights` of the units have the sum 1. Variance: that of sets, as of Welch's t, plus that of the effect over units
    less what both contain, the scatter of single cells, and never less than the larger of the two. Degrees of freedom
    by Satterthwaite. A side with one set takes the variance of the other; NaN if both have one.
    """
    from scipy.special import stdtr

    units = len(weights)
    effects = selected.mean(axis=0) - reference.mean(axis=0)  # of each unit
    effect = float(weights @ effects)
    spread = units * weights  # of mean 1
    between = _between(selected @ weights, reference @ weights)
    of_units = _mean_variance(spread * (effects - effect)) if units > 1 else (0.0, 1)
    cells = [_cells(side, spread) for side in (selected, reference) if len(side) > 1 and units > 1]
    cell = (sum(variance for variance, _ in cells), sum(freedom for _, freedom in cells) or 1)
    variance = between[0] + of_units[0] - cell[0]
    parts = [between, of_units, cell]
    if variance < max(between[0], of_units[0]):
        parts = [max(between, of_units)]
        variance = parts[0][0]
    known = between[0] == between[0] and variance > 0
    freedom = variance**2 / sum(part**2 / own for part, own in parts if part) if known else math.nan
    half = t_quantile(freedom) * math.sqrt(variance) if known else math.nan
    return Effect(
        effect=effect,
        low=effect - half,
        high=effect + half,
        p=2 * float(stdtr(freedom, -abs(effect) / math.sqrt(variance))) if known else math.nan,
        freedom=freedom,
        error_sets=math.sqrt(between[0]) if known else math.nan,
        error_units=math.sqrt(of_units[0]),
        sets=(len(selected), len(reference)),
        units=units,
    )


def _between(selected: np.ndarray, reference: np.ndarray) -> tuple[float, float]:
    """Return the variance of the difference of two means of sets, and its degrees of freedom."""
    known = [side for side in (selected, reference) if len(side) > 1]
    if not known:
        return math.nan, math.nan
    if len(known) == 1:
        variance = float(known[0].var(ddof=1))
        return variance * (1 / len(selected) + 1 / len(reference)), len(known[0]) - 1
    errors = [_mean_variance(side) for side in known]
    total = sum(error for error, _ in errors)
    parts = sum(error**2 / freedom for error, freedom in errors)
    return total, total**2 / parts if parts else 1.0


def _mean_variance(values: np.ndarray) -> tuple[float, int]:
    """Return the variance of a mean and its degrees of freedom."""
    return float(values.var(ddof=1)) / len(values), len(values) - 1


def _cells(side: np.ndarray, spread: np.ndarray) -> tuple[float, int]:
    """Return what the scatter of single cells (set x unit) puts into the variance of a side's mean."""
    rest = side - side.mean(axis=0) - (side.mean(axis=1) - side.mean())[:, None]
    sets, units = side.shape
    freedom = (sets - 1) * (units - 1)
    return float(((spread * rest) ** 2).sum()) / freedom / (sets * units), freedom
