"""Which measure separates the models of a study, and how many seeds it takes. Formulas: docs/statistics.md."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from polytune.analysis.choices import Choice
from polytune.analysis.components import Component, estimate_mean, total
from polytune.analysis.designs import Design, find_designs, name_groups
from polytune.analysis.measures import measure_info
from polytune.analysis.power import POWER, combine, find_power
from polytune.analysis.standings import rank_study

if TYPE_CHECKING:
    import pandas as pd

    from polytune.analysis.context import Context
    from polytune.analysis.items import Items

MOST_SEEDS = 10_000


def measure_separation(
    items: Items,
    context: Context,
    runs: pd.DataFrame,
    choice: Choice,
    against: str,
    over: list[str],
    measures: list[str],
    evaluations: list[tuple[str, str]],
) -> Iterator[dict[str, Any]]:
    """Yield a row for each evaluation, base and measure.

    `spread`: standard deviation of the models' means that errors do not explain; `error`: standard error of one run
    beside others on the same items, NaN where it is estimated at or below 0; `ratio`: of the two; `separated`: share of
    pairs that are told apart; `seeds`: how many make the error small enough, infinite where none do, NaN where no model
    has two.
    """
    named = name_groups(runs, choice, against, over)
    for name, origin in evaluations:
        parallel = context.evaluation(name, origin).parallel
        for measure in measures:
            info = measure_info(measure)
            ranked = rank_study(items, context, named, measure, info.higher_is_better, [(name, origin)], None)
            apart: dict[str, list[float]] = {}
            for about, _, ranks in ranked:
                apart.setdefault(about["base"], []).append(ranks.separated)
            designs: dict[str, list[Design]] = {}
            for base, design in find_designs(items.read(name, origin, measure), named):
                designs.setdefault(base, []).append(design)
            for base, found in designs.items():
                spread, error, seeds = np.mean([_separate(one, parallel) for one in found], axis=0)
                yield {
                    "evaluation": name,
                    "origin": origin,
                    "base": base,
                    "measure": measure,
                    "spread": info.scale * spread,
                    "error": info.scale * error,
                    "ratio": spread / error if error else math.nan,
                    "separated": float(np.mean(apart[base])),
                    "seeds": seeds,
                    "models": len(found[0].models),
                    "runs": found[0].runs,
                }


def _separate(design: Design, parallel: bool) -> tuple[float, float, float]:
    """Return the spread of the models, the error of one run, and the seeds that separate two models drawn at random."""
    arrays = list(design.arrays.values())
    parallel = parallel and len({values.shape for values in arrays}) == 1
    parts = estimate_mean(arrays, parallel)
    means = np.mean([values.mean(axis=(1, 2, 3, 4)) for values in arrays], axis=0)
    spread = math.sqrt(max(0.0, float(means.var(ddof=1)) - total(parts))) if len(means) > 1 else math.nan
    one = {axis: 1 - count for part in parts for axis, count in part.counts.items() if axis in ("draw", "seed")}
    return spread, math.sqrt(total(parts, one)) or math.nan, _seeds_needed(parts, spread, one)


def _seeds_needed(parts: list[Component], spread: float, one: dict[str, int]) -> float:
    """Return the smallest number of seeds with which Welch's t finds a difference of sqrt(2) spread in 80 % of studies.

    The variance of a model's mean over s seeds is a + b / s: what seeds leave, and what they shrink and s - 1 degrees
    of freedom tell. A single seed is enough only where seeds add nothing that was seen.
    """
    if not any(axis in ("seed", "draw") for part in parts for axis in part.noise):
        return math.nan
    single, endless = total(parts, one), total(parts, dict.fromkeys(one, MOST_SEEDS**2))
    if not single:
        return math.nan

    def finds(seeds: int) -> bool:
        variance, freedom = combine([(endless, math.inf), ((single - endless) / seeds, seeds - 1)])
        return freedom > 0 and find_power(spread / math.sqrt(variance), freedom, paired=False) >= POWER

    seeds = 1 + bisect_left(range(1, MOST_SEEDS + 1), True, key=finds)
    return float(seeds) if seeds <= MOST_SEEDS else math.inf
