"""Lucky 52's tables 1 to 3: what a language's accuracy, or another measure, goes with over growing mixtures.

Beyond the paper, every correlation has two confidence intervals, permutation p-values and their false-discovery rate
over the table, and two answers to "is this only the language itself entering the mixture?": the partial correlation
given that step, and the correlation with the own language left out of the sum.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from polytune.analysis import statistics
from polytune.analysis.choices import Choice, Layout, choose_scores, without_world
from polytune.analysis.outliers import outlier_scores, outlier_threshold
from polytune.analysis.points import select_points
from polytune.analysis.predictors import MEASURES, MODEL, NUMBER, measures_of, own_language, similarity_sums
from polytune.errors import InputError
from polytune.scores.spec import UNTUNED

if TYPE_CHECKING:
    import pandas as pd

WITHOUT_OUTLIER = "number of languages without the outlier"
OWN = "own language in the mixture"
ROWS = (NUMBER, WITHOUT_OUTLIER, *MEASURES)
"""The rows of the paper's tables; the extended table begins with `OWN` besides."""
RESAMPLES = 9999


@dataclass(frozen=True)
class Series:
    """Values of a measure over growing mixtures, models x languages, models in the order of growth."""

    mixtures: tuple[tuple[str, ...], ...]
    languages: tuple[str, ...]
    values: np.ndarray

    @property
    def sizes(self) -> np.ndarray:
        """Return the number of languages of every mixture."""
        return np.array([float(len(mixture)) for mixture in self.mixtures])

    def added_last(self, language: str) -> np.ndarray:
        """Return which models are the checkpoint of `language`: the one whose mixture it was added to last."""
        return np.array([mixture[-1] == language for mixture in self.mixtures])


def select_series(scores: pd.DataFrame, runs: pd.DataFrame, choice: Choice, evaluation: str) -> Series:
    """Return the values of an evaluation over the tuned models of a study, averaged over seeds and worlds.

    Raises `InputError` if the scores hold no such models, those of several bases or methods, or mixtures that do not
    grow out of each other.
    """
    tuned = runs[runs["method"] != UNTUNED]
    rows = choose_scores(scores, choice, [evaluation])
    rows = rows[rows["run"].isin(tuned["run"])]
    if rows.empty:
        raise InputError(f"scores: no tuned model on '{evaluation}'")
    points = select_points(rows, tuned, choice, Layout())
    orders = {}
    for names in (tuned["mixture"], without_world(tuned["mixture"], tuned["world"])):
        orders |= {name: tuple(codes) for name, codes in zip(names, tuned["languages"], strict=True)}
    names = sorted(points["mixture"].unique(), key=lambda name: len(orders[name]))
    for smaller, larger in pairwise(names):
        if orders[larger][: len(orders[smaller])] != orders[smaller] or orders[larger] == orders[smaller]:
            raise InputError(
                f"scores: mixture '{larger}' does not grow out of '{smaller}'; "
                "choose one family whose mixtures grow with 'families'"
            )
    wide = points.pivot(index="mixture", columns="language", values="value").loc[names]
    return Series(tuple(orders[name] for name in names), tuple(wide), wide.to_numpy())


def correlate(series: Series, similarity: pd.DataFrame, outlier: str) -> pd.DataFrame:
    """Return every row of the paper's table for every language, in one long table.

    Columns: language, predictor, models, r; `fisher_low`, `fisher_high`: 95 % interval for independent models;
    `block_low`, `block_high`: 95 % interval for dependent neighbours; p: two-sided, models exchangeable; `p_block`: the
    same with blocks of neighbours; q: false-discovery rate of p over this table; `partial_r`, `partial_p`: given `OWN`;
    `r_without_own`: own language left out of the sum. Undefined values are NaN. The resamples have a fixed seed.
    """
    import pandas as pd

    kept = ~series.added_last(outlier)
    parts = []
    for column, language in enumerate(series.languages):
        values = series.values[:, column]
        own = own_language(series.mixtures, language)
        sums = similarity_sums(similarity, series.mixtures, language, own=True)
        others = similarity_sums(similarity, series.mixtures, language, own=False)
        predictors = np.column_stack([own, series.sizes, sums])
        without_own = np.column_stack([np.full(len(own), np.nan), series.sizes - own, others])
        names = (OWN, NUMBER, *measures_of(similarity))
        parts.append(_correlate_language(language, names, predictors, values, own, without_own))
        if not kept.all():
            sizes = series.sizes[kept][:, None]
            part = _correlate_language(
                language, (WITHOUT_OUTLIER,), sizes, values[kept], own[kept], sizes - own[kept][:, None]
            )
        else:
            part = pd.DataFrame({"language": [language], "predictor": [WITHOUT_OUTLIER]})
        parts.append(part)
    table = pd.concat(parts, ignore_index=True)
    table["q"] = statistics.benjamini_hochberg(table["p"].to_numpy())
    order = {name: place for place, name in enumerate((OWN, *ROWS, MODEL))}
    return table.sort_values(
        ["language", "predictor"], key=lambda values: values.map(order) if values.name == "predictor" else values
    ).reset_index(drop=True)


@cache
def _resamples(models: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return free permutations, permutations of blocks and draws of blocks, the same for every language."""
    block = statistics.block_length(models)
    return (
        statistics.orders(models, RESAMPLES, np.random.default_rng(1)),
        statistics.orders(models, RESAMPLES, np.random.default_rng(2), block),
        statistics.block_draws(models, RESAMPLES, np.random.default_rng(3), block),
    )


def _correlate_language(
    language: str, names: tuple[str, ...], x: np.ndarray, y: np.ndarray, own: np.ndarray, x_without_own: np.ndarray
) -> pd.DataFrame:
    """Return the statistics of one language's values `y` with the columns of `x`, one row per name."""
    import pandas as pd

    models = len(y)
    free, blocks, draws = _resamples(models)
    r = statistics.pearson(x, y)
    fisher_low, fisher_high = statistics.fisher_interval(r, models)
    block_low, block_high = statistics.bootstrap_interval(x, y, draws)
    return pd.DataFrame(
        {
            "language": language,
            "predictor": names,
            "models": models,
            "r": r,
            "fisher_low": fisher_low,
            "fisher_high": fisher_high,
            "block_low": block_low,
            "block_high": block_high,
            "p": statistics.permutation_p(x, y, free),
            "p_block": statistics.permutation_p(x, y, blocks),
            "partial_r": statistics.partial_correlation(x, y, own[:, None]),
            "partial_p": statistics.permutation_p(x, y, free, covariates=own[:, None]),
            "r_without_own": statistics.pearson(x_without_own, y),
        }
    )


def find_outliers(scores: pd.DataFrame, runs: pd.DataFrame, choice: Choice) -> pd.DataFrame:
    """Return how far every checkpoint lies from its neighbours, per evaluation and over `all` of them.

    Columns: evaluation, n_languages, added (the language added last), score (robust standard deviations), threshold,
    stands_out.
    """
    import pandas as pd

    names = dict.fromkeys(choose_scores(scores, choice)["evaluation"])
    every = {name: select_series(scores, runs, choice, name) for name in names}
    values = {name: series.values for name, series in every.items()}
    values["all"] = np.hstack(list(values.values()))
    series = next(iter(every.values()))
    parts = []
    for name, of_evaluation in values.items():
        score, threshold = outlier_scores(of_evaluation), outlier_threshold(*of_evaluation.shape)
        parts.append(
            pd.DataFrame(
                {
                    "evaluation": name,
                    "n_languages": [len(mixture) for mixture in series.mixtures],
                    "added": [mixture[-1] for mixture in series.mixtures],
                    "score": score,
                    "threshold": threshold,
                    "stands_out": np.abs(score) > threshold,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)
