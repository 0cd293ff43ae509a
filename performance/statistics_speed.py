"""Permutation p-values of one table of correlations: Polytune against scipy.stats.pearsonr, in one run.

    python performance/statistics_speed.py [--languages 11] [--models 52] [--resamples 9999]

Both compute the two-sided p-value of every language's accuracy with the number of languages and seven similarity sums.
scipy doubles the smaller tail, Polytune counts |r*| >= |r|: the two agree within the Monte Carlo error, which is
checked. With six models both take every permutation, and Polytune's p must equal scipy's permutation_test of |r|.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from scipy import stats

from polytune.analysis import statistics

PREDICTORS = 8


def make_data(models: int, languages: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return growing sums (languages x models x predictors) and accuracies (languages x models)."""
    generator = np.random.default_rng(seed)
    sums = np.cumsum(generator.uniform(0.2, 0.8, (languages, models, PREDICTORS)), axis=1)
    trend = np.linspace(0, 1, models) * generator.normal(0, 0.012, (languages, 1))
    return sums, 0.6 + trend + generator.normal(0, 0.01, (languages, models))


def polytune_p(sums: np.ndarray, accuracy: np.ndarray, resamples: int) -> np.ndarray:
    """Return p-values, languages x predictors."""
    orders = statistics.orders(accuracy.shape[1], resamples, np.random.default_rng(1))
    return np.array([statistics.permutation_p(x, y, orders) for x, y in zip(sums, accuracy, strict=True)])


def scipy_p(sums: np.ndarray, accuracy: np.ndarray, resamples: int) -> np.ndarray:
    """Return the same by scipy, one correlation after the other."""
    method = stats.PermutationMethod(n_resamples=resamples, rng=np.random.default_rng(2))
    return np.array(
        [
            [stats.pearsonr(x[:, column], y, method=method).pvalue for column in range(PREDICTORS)]
            for x, y in zip(sums, accuracy, strict=True)
        ]
    )


def check_exact() -> float:
    """Return the largest difference from scipy's exact permutation test with six models (720 permutations)."""
    sums, accuracy = make_data(models=6, languages=2, seed=3)
    mine = polytune_p(sums, accuracy, 720)
    worst = 0.0
    for language in range(2):
        for column in range(PREDICTORS):
            exact = stats.permutation_test(
                (sums[language, :, column],),
                lambda values, y=accuracy[language]: abs(stats.pearsonr(values, y).statistic),
                permutation_type="pairings",
                alternative="greater",
            ).pvalue
            worst = max(worst, abs(exact - mine[language, column]))
    return worst


def main() -> None:
    """Check that both give the same, then time both."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--languages", type=int, default=11)
    parser.add_argument("--models", type=int, default=52)
    parser.add_argument("--resamples", type=int, default=9999)
    options = parser.parse_args()

    worst = check_exact()
    print(f"exact p of six models: largest difference from scipy {worst:.1e}")
    assert worst < 1e-12

    sums, accuracy = make_data(options.models, options.languages)
    seconds, results = {}, {}
    for name, function in (("polytune", polytune_p), ("scipy", scipy_p)):
        started = time.perf_counter()
        results[name] = function(sums, accuracy, options.resamples)
        seconds[name] = time.perf_counter() - started
    p = (results["polytune"] + results["scipy"]) / 2
    # a doubled tail of probability p / 2 has the variance 2 p (1 - p / 2) / resamples; the other p (1 - p) / resamples
    error = np.sqrt((2 * p * (1 - p / 2) + p * (1 - p)) / options.resamples) + 1 / options.resamples
    apart = np.abs(results["polytune"] - results["scipy"]) / error
    count = options.languages * PREDICTORS
    print(f"{count} correlations of {options.models} models, {options.resamples} resamples each")
    print(f"largest difference of p: {apart.max():.1f} Monte Carlo standard errors")
    assert apart.max() < 5
    ratio = seconds["scipy"] / seconds["polytune"]
    print(f"polytune {seconds['polytune']:.2f} s, scipy {seconds['scipy']:.2f} s: {ratio:.0f} times faster")


if __name__ == "__main__":
    main()
