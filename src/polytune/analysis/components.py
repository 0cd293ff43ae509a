"""Where the error of a score comes from: items, seeds, mixture draws, judges. Formulas: docs/statistics.md.

Estimated by the method of moments from balanced arrays of the study's own items: mean squares of every effect and
interaction, solved for their variances (Cornfield & Tukey 1956; Brennan 2001, "Generalizability Theory", ch. 3).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

MODEL, DRAW, SEED, JUDGE, ITEM, LANGUAGE = "model", "draw", "seed", "judge", "item", "language"
AXES = (MODEL, DRAW, SEED, JUDGE, ITEM)
"""Axes of an array of values. Models are what is compared; the others are drawn from many that might have been.

An item of a prompt set is a prompt.
"""
WITHIN = {DRAW: MODEL, SEED: DRAW}
"""A seed belongs to its draw and a draw to its model: the second seed of two models has nothing in common."""

ROUNDING = 1e-12
"""A variance below this share of those that it is the difference of is 0: what rounding leaves of them."""


@dataclass(frozen=True)
class Component:
    """One source of error of the mean of an array."""

    noise: tuple[str, ...]
    """The axes that it varies along besides the model."""
    own: float
    """Its share of the variance of a model's mean that other models do not share, in squared units of the measure."""
    shared: float
    """The same of what all models share, which cancels when they are compared."""
    counts: Mapping[str, int]
    """How many levels of its axes were measured."""

    @property
    def name(self) -> str:
        """Return its name: `seed` (within a draw), `item`, `seed x item`, ..."""
        inner = [axis for axis in self.noise if not (axis == DRAW and SEED in self.noise)]
        return " x ".join(inner)

    def error(self, more: Mapping[str, int], compared: bool) -> float:
        """Return its part of the variance with `more` levels: of one model's mean, or of one side of a comparison."""
        part = self.own if compared else self.own + self.shared
        for axis in self.noise:
            part *= self.counts[axis] / (self.counts[axis] + more.get(axis, 0))
        return part


def mean_squares(values: np.ndarray) -> dict[frozenset[int], float]:
    """Return the mean square of each effect and interaction of a complete array, by the set of its axes."""
    axes, found = range(values.ndim), {}
    for size in range(1, values.ndim + 1):
        for chosen in combinations(axes, size):
            effect = values.mean(axis=tuple(axis for axis in axes if axis not in chosen), keepdims=True)
            for axis in chosen:
                effect = effect - effect.mean(axis=axis, keepdims=True)
            freedom = math.prod(values.shape[axis] - 1 for axis in chosen)
            found[frozenset(chosen)] = float((effect**2).sum()) * values.size / effect.size / freedom
    return found


def variances(values: np.ndarray) -> dict[frozenset[int], float]:
    """Return the variance of each effect and interaction of a complete array, all axes crossed and random.

    sigma^2(S) = sum over T that hold S of (-1)^(|T| - |S|) MS(T) / (values for each combination of S's levels).
    Estimates may be negative, as is usual with this method.
    """
    squares = mean_squares(values)
    return {
        one: sum((-1) ** (len(other) - len(one)) * square for other, square in squares.items() if one <= other)
        / math.prod(count for axis, count in enumerate(values.shape) if axis not in one)
        for one in squares
    }


def estimate(values: np.ndarray) -> list[Component]:
    """Return the sources of error of the means of models; `values` has the axes `AXES`; one of length 1 is none.

    Nested axes take up the interactions with what they are nested in (Brennan 2001, ch. 3), which is the estimate of
    the nested analysis of variance. Negative variances are 0: too small to be seen, which is not to say that there is
    nothing. With one model nothing can be told to be shared.
    """
    present = [axis for axis, count in zip(AXES, values.shape, strict=True) if count > 1]
    counts = {axis: count for axis, count in zip(AXES, values.shape, strict=True) if count > 1}
    if not present:
        return []
    nested: dict[tuple[str, ...], list[float]] = {}
    every = variances(values.squeeze())
    least = max(ROUNDING * max(map(abs, every.values())), ROUNDING**2 * float((values**2).mean()))
    for chosen, variance in every.items():
        named = {present[place] for place in chosen}
        while missing := {WITHIN[axis] for axis in named if WITHIN.get(axis) in present} - named:
            named |= missing
        if SEED in named and MODEL in present:
            named.add(MODEL)
        noise = tuple(axis for axis in AXES if axis in named - {MODEL})
        if noise:
            place = MODEL in named or MODEL not in present
            nested.setdefault(noise, [0.0, 0.0])[0 if place else 1] += variance
    found = []
    for noise, (own, shared) in nested.items():
        levels = {axis: counts[axis] for axis in noise}
        size = math.prod(levels.values())
        own, shared = (variance if variance > least else 0.0 for variance in (own, shared))
        found.append(Component(noise, own / size, shared / size, levels))
    return found


def estimate_mean(arrays: Iterable[np.ndarray], parallel: bool) -> list[Component]:
    """Return the sources of error of the mean over languages, an array of `AXES` for each.

    Translations of an item are one: the arrays are averaged. Else each language has items of its own, whose errors are
    those of the languages divided by their number squared; what runs (draws, seeds, judges) add is estimated from the
    runs' means over languages and freed from the part that these items put there.
    """
    arrays = list(arrays)
    if parallel:
        return estimate(np.mean(arrays, axis=0))
    count = len(arrays)
    by_item = [
        replace(one, own=one.own / count**2, shared=one.shared / count**2)
        for values in arrays
        for one in estimate(values)
        if ITEM in one.noise
    ]
    of_runs = np.mean([values.mean(axis=AXES.index(ITEM), keepdims=True) for values in arrays], axis=0)
    found = []
    for one in estimate(of_runs):
        within = [other for other in by_item if set(other.noise) == {*one.noise, ITEM}]
        own, shared = (_less(getattr(one, kind), sum(getattr(other, kind) for other in within))
                       for kind in ("own", "shared"))  # fmt: skip
        found.append(replace(one, own=own, shared=shared))
    return found + by_item


def language_component(arrays: Iterable[np.ndarray], parallel: bool) -> Component:
    """Return what another choice of languages would add to a comparison of models: the variance of model x language.

    The spread of models' language means, each freed from its language's and its model's mean, less what errors put
    there: (sum of the languages' errors - languages x the mean's error) / (languages - 1).
    """
    arrays = list(arrays)
    means = np.array([values.mean(axis=tuple(range(1, values.ndim))) for values in arrays])  # languages x models
    count = len(means)
    noise = sum(total(estimate(values)) for values in arrays) - count * total(estimate_mean(arrays, parallel))
    spread = mean_squares(means).get(frozenset((0, 1)), 0.0) if means.shape[1] > 1 else 0.0
    return Component((LANGUAGE,), _less(spread, noise / (count - 1)) / count, 0.0, {LANGUAGE: count})


def _less(variance: float, part: float) -> float:
    """Return a variance less a part of it, 0 where nothing but rounding is left."""
    return variance - part if variance - part > ROUNDING * variance else 0.0


def total(components: Iterable[Component], more: Mapping[str, int] | None = None, compared: bool = True) -> float:
    """Return the variance of a model's mean on these languages, without what others share if `compared`."""
    return sum(one.error(more or {}, compared) for one in components if one.noise != (LANGUAGE,))


def shrinkage(components: Iterable[Component], axis: str, more: int) -> float:
    """Return by which share the interval of a difference of two models shrinks with `more` levels of an axis.

    NaN where the variance of the difference is estimated at or below 0.
    """
    components = list(components)
    now = total(components)
    return 1 - math.sqrt(total(components, {axis: more}) / now) if now else math.nan
