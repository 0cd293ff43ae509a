"""Lucky 52's tables 1 to 3: what a language's accuracy goes with, over the models of growing mixtures, and how surely.

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
from polytune.analysis.outliers import outlier_scores, outlier_threshold
from polytune.analysis.predictors import MEASURES, NUMBER, own_language, similarity_sums
from polytune.errors import InputError, nearest

if TYPE_CHECKING:
    import pandas as pd

WITHOUT_OUTLIER = "number of languages without the outlier"
OWN = "own language in the mixture"
ROWS = (NUMBER, WITHOUT_OUTLIER, *MEASURES)
"""The rows of the paper's tables; the extended table begins with `OWN` besides."""
RESAMPLES = 9999


@dataclass(frozen=True)
class Series:
    """Accuracies of growing mixtures: `accuracy` is models x languages, models in the order of growth."""

    mixtures: tuple[tuple[str, ...], ...]
    languages: tuple[str, ...]
    accuracy: np.ndarray

    @property
    def sizes(self) -> np.ndarray:
        """Return the number of languages of every mixture."""
        return np.array([float(len(mixture)) for mixture in self.mixtures])

    def added_last(self, language: str) -> np.ndarray:
        """Return which models are the checkpoint of `language`: the one whose mixture it was added to last."""
        return np.array([mixture[-1] == language for mixture in self.mixtures])


def select_series(scores: pd.DataFrame, benchmark: str) -> Series:
    """Return the accuracies of a benchmark over the tuned models of a study, averaged over seeds.

    Raises `InputError` if the scores hold no such models, those of several bases or methods, or mixtures that do not
    grow out of each other.
    """
    rows = scores[(scores["kind"] == "language") & (scores["metric"] == "acc") & (scores["method"] != "base")]
    if benchmark not in set(rows["benchmark"]):
        known = sorted(scores["benchmark"].unique())
        raise InputError(f"scores: no tuned model on '{benchmark}'{nearest(benchmark, known)}; it has: {known}")
    rows = rows[rows["benchmark"] == benchmark]
    for column in ("base", "method"):
        if rows[column].nunique() > 1:
            raise InputError(
                f"scores: a correlation needs the models of one {column}; found {sorted(set(rows[column]))}"
            )
    orders = {name: tuple(order) for name, order in zip(rows["mixture"], rows["position_languages"], strict=True)}
    names = sorted(orders, key=lambda name: len(orders[name]))
    for smaller, larger in pairwise(names):
        if orders[larger][: len(orders[smaller])] != orders[smaller] or orders[larger] == orders[smaller]:
            raise InputError(f"scores: mixture '{larger}' does not grow out of '{smaller}'")
    wide = rows.pivot_table(index="mixture", columns="language", values="value", aggfunc="mean").loc[names]
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
        accuracy = series.accuracy[:, column]
        own = own_language(series.mixtures, language)
        sums = similarity_sums(similarity, series.mixtures, language, own=True)
        others = similarity_sums(similarity, series.mixtures, language, own=False)
        predictors = np.column_stack([own, series.sizes, sums])
        without_own = np.column_stack([np.full(len(own), np.nan), series.sizes - own, others])
        parts.append(_correlate_language(language, (OWN, NUMBER, *MEASURES), predictors, accuracy, own, without_own))
        if not kept.all():
            sizes = series.sizes[kept][:, None]
            part = _correlate_language(
                language, (WITHOUT_OUTLIER,), sizes, accuracy[kept], own[kept], sizes - own[kept][:, None]
            )
        else:
            part = pd.DataFrame({"language": [language], "predictor": [WITHOUT_OUTLIER]})
        parts.append(part)
    table = pd.concat(parts, ignore_index=True)
    table["q"] = statistics.benjamini_hochberg(table["p"].to_numpy())
    order = {name: place for place, name in enumerate((OWN, *ROWS))}
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
    """Return the statistics of one language's accuracies `y` with the columns of `x`, one row per name."""
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


def find_outliers(scores: pd.DataFrame) -> pd.DataFrame:
    """Return how far every checkpoint lies from its neighbours, per benchmark and over `all` of them.

    Columns: benchmark, n_languages, added (the language added last), score (robust standard deviations), threshold,
    stands_out.
    """
    import pandas as pd

    tuned = scores[scores["method"] != "base"]
    by_benchmark = {name: select_series(scores, name) for name in tuned["benchmark"].unique()}
    accuracies = {name: series.accuracy for name, series in by_benchmark.items()}
    accuracies["all"] = np.hstack(list(accuracies.values()))
    series = next(iter(by_benchmark.values()))
    parts = []
    for name, accuracy in accuracies.items():
        score, threshold = outlier_scores(accuracy), outlier_threshold(*accuracy.shape)
        parts.append(
            pd.DataFrame(
                {
                    "benchmark": name,
                    "n_languages": [len(mixture) for mixture in series.mixtures],
                    "added": [mixture[-1] for mixture in series.mixtures],
                    "score": score,
                    "threshold": threshold,
                    "stands_out": np.abs(score) > threshold,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)
