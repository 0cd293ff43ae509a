"""Does a way of choosing languages help? One interval over language sets, seeds and the languages that are asked in.

A mixed model: value = unit + effect x selected + set + selected x language + selected x unit + rest, where sets and
what the selection does in a language and in a unit are random; a unit is a language of a benchmark on a base. The units
of a language are a cluster (Liang & Zeger 1986): what a selection does to a language it may do in every benchmark and
base. With complete data the estimate is the difference of the means over sets, and its variance follows from mean
squares (Satterthwaite 1946; Westfall, Kenny & Judd 2014, for two random factors with one of them nested in the
condition). docs/statistics.md has the formulas.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
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
    error_languages: float
    """Standard error that other languages would bring; NaN of a single language."""
    sets: tuple[int, int]
    languages: int
    units: int


def estimate_effect(
    selected: np.ndarray, reference: np.ndarray, weights: np.ndarray, languages: Sequence[str]
) -> Effect:
    """Return the effect with its 95 % interval.

    `selected` and `reference` are sets x units (means over seeds); `weights` of the units have the sum 1, `languages`
    are theirs. Variance: that of sets, as of Welch's t, plus that of the effect over languages, less what both contain,
    the scatter of single cells (set x language), and never less than the larger of the two. Degrees of freedom by
    Satterthwaite: of all parts, and where the scatter is not taken off, of the two. A side with one set takes the
    variance of the other; NaN if both have one. With a single language the interval holds for it alone.
    """
    from scipy.special import stdtr

    own, selected, reference = _by_language(selected, reference, weights, languages)
    effects = selected.mean(axis=0) - reference.mean(axis=0)  # of each language
    effect = float(own @ effects)
    between = _between(selected @ own, reference @ own)
    parts, variance, of_languages = [between], between[0], math.nan
    if len(own) > 1:
        scale, freedom = _scale(own)
        of_languages = scale * float(((own * (effects - effect)) ** 2).sum())
        cells = [_cells(side, own) for side in (selected, reference) if len(side) > 1]
        cell = scale * sum(squares for squares, _ in cells)
        parts += [(of_languages, freedom), (cell, freedom * sum(sets - 1 for _, sets in cells))]
        variance += of_languages - cell
        if variance < (larger := max(between[0], of_languages)):
            parts, variance = parts[:2], larger  # a part that is hidden by chance may be there: both degrees of freedom
    known = between[0] == between[0] and variance > 0
    freedom = variance**2 / sum(part**2 / count for part, count in parts if part) if known else math.nan
    half = t_quantile(freedom) * math.sqrt(variance) if known else math.nan
    return Effect(
        effect=effect,
        low=effect - half,
        high=effect + half,
        p=2 * float(stdtr(freedom, -abs(effect) / math.sqrt(variance))) if known else math.nan,
        freedom=freedom,
        error_sets=math.sqrt(between[0]) if known else math.nan,
        error_languages=math.sqrt(of_languages),
        sets=(len(selected), len(reference)),
        languages=len(own),
        units=len(weights),
    )


def _by_language(
    selected: np.ndarray, reference: np.ndarray, weights: np.ndarray, languages: Sequence[str]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the weights of the languages, and both sides as sets x languages: weighted means over their units."""
    names = {name: place for place, name in enumerate(dict.fromkeys(languages))}
    shares = np.zeros((len(weights), len(names)))
    shares[np.arange(len(weights)), [names[name] for name in languages]] = weights
    own = shares.sum(axis=0)
    return own, selected @ shares / own, reference @ shares / own


def _scale(weights: np.ndarray) -> tuple[float, float]:
    """Return what makes sum (w (e - mean e))^2 an unbiased variance of a weighted mean, and its degrees of freedom.

    For independent e of one variance: a quadratic form, its mean, and by Satterthwaite its degrees of freedom, which
    for equal weights are n / (n - 1) and n - 1 (Bell & McCaffrey 2002).
    """
    centre = np.eye(len(weights)) - weights  # e - mean e, a row for each
    form = centre.T @ (weights[:, None] ** 2 * centre)
    return float(weights @ weights / np.trace(form)), float(np.trace(form) ** 2 / (form**2).sum())


def _between(selected: np.ndarray, reference: np.ndarray) -> tuple[float, float]:
    """Return the variance of the difference of two means of sets, and its degrees of freedom."""
    known = [side for side in (selected, reference) if len(side) > 1]
    if not known:
        return math.nan, math.nan
    if len(known) == 1:
        variance = float(known[0].var(ddof=1))
        return variance * (1 / len(selected) + 1 / len(reference)), len(known[0]) - 1
    errors = [(float(side.var(ddof=1)) / len(side), len(side) - 1) for side in known]
    total = sum(error for error, _ in errors)
    parts = sum(error**2 / freedom for error, freedom in errors)
    return total, total**2 / parts if parts else 1.0


def _cells(side: np.ndarray, weights: np.ndarray) -> tuple[float, int]:
    """Return the squared scatter of cells (set x language) in the variance of a side's mean, and the sets."""
    means = side @ weights
    rest = side - side.mean(axis=0) - (means - means.mean())[:, None]
    return float(((weights * rest) ** 2).sum()) / ((len(side) - 1) * len(side)), len(side)
