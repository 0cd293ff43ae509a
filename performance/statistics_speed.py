"""Permutation tests and bootstraps of a study's tables: Polytune against scipy, in one run.

    python performance/statistics_speed.py [--languages 11] [--models 52] [--resamples 9999] [--items 500]

Both compute the two-sided p-value of every language's accuracy with the number of languages and seven similarity sums.
scipy doubles the smaller tail, Polytune counts |r*| >= |r|: the two agree within the Monte Carlo error, which is
checked. With six models both take every permutation, and Polytune's p must equal scipy's permutation_test of |r|.

Then what the table `comparison` does over items: flipped signs and bootstrapped means of the models' differences, all
models at once here, one after the other there.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from scipy import stats

from polytune.analysis import intervals, paired_items, statistics

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


def flip_signs(differences: np.ndarray, resamples: int) -> tuple[np.ndarray, np.ndarray]:
    """Return p-values of the columns by Polytune and by scipy, and time both."""
    started = time.process_time()
    ours = paired_items.sign_flip_p(differences, resamples)
    middle = time.process_time()
    theirs = np.array(
        [
            stats.permutation_test(
                (column,), np.mean, permutation_type="samples", n_resamples=resamples, vectorized=True, rng=2
            ).pvalue
            for column in differences.T
        ]
    )
    report("flipped signs", middle - started, time.process_time() - middle)
    return ours, theirs


def bootstrap(differences: np.ndarray, resamples: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the lower ends of intervals by Polytune and by scipy, and time both."""
    generator = np.random.default_rng(1)
    started = time.process_time()
    draws = intervals.cluster_draws(len(differences), resamples, generator)
    ours, _ = intervals.expanded_interval(intervals.bootstrap_means(differences, draws), len(differences))
    middle = time.process_time()
    theirs = np.array(
        [
            stats.bootstrap(
                (column,), np.mean, n_resamples=resamples, method="percentile", rng=2
            ).confidence_interval.low
            for column in differences.T
        ]
    )
    report("bootstrapped means", middle - started, time.process_time() - middle)
    return ours, theirs


def report(what: str, ours: float, theirs: float) -> None:
    """Say how long both took, in processor seconds."""
    print(f"{what}: polytune {ours:.2f} s, scipy {theirs:.2f} s: {theirs / ours:.0f} times faster")


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
    parser.add_argument("--items", type=int, default=500)
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

    generator = np.random.default_rng(5)
    differences = generator.choice([-1.0, 0.0, 1.0], p=[0.1, 0.78, 0.12], size=(options.items, options.models))
    ours, theirs = flip_signs(differences, options.resamples)
    # scipy doubles the smaller tail, Polytune counts absolute values: the same for symmetric flips
    apart = np.abs(ours - theirs) / np.sqrt(3 * np.maximum(theirs * (1 - theirs), 1e-4) / options.resamples)
    print(f"{options.models} models, {options.items} items: largest difference of p: {apart.max():.1f} standard errors")
    assert apart.max() < 6
    ours, theirs = bootstrap(differences, options.resamples)
    print(f"largest difference of the lower ends: {np.abs(ours - theirs).max():.4f}")
    assert np.abs(ours - theirs).max() < 0.004


if __name__ == "__main__":
    main()
