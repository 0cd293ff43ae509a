"""Statistics against scipy, numpy and formulas of textbooks: never against themselves."""

import math
from itertools import permutations

import numpy as np
import pytest
from scipy import stats

from polytune.analysis import statistics


@pytest.fixture
def data():
    generator = np.random.default_rng(7)
    x = np.cumsum(generator.uniform(0, 1, (30, 4)), axis=0)
    y = 0.6 + 0.004 * x[:, 0] + generator.normal(0, 0.02, 30)
    own = (np.arange(30) >= 12).astype(float)
    return x, y, own


def test_pearson_is_scipys(data):
    x, y, _ = data
    expected = [stats.pearsonr(x[:, column], y).statistic for column in range(4)]
    np.testing.assert_allclose(statistics.pearson(x, y), expected, rtol=1e-12)


def test_a_constant_has_no_correlation_and_no_warning(data):
    x, y, own = data
    x = np.column_stack([np.full(30, 1 / 3), x[:, 0]])
    permuted = statistics.orders(30, 50, np.random.default_rng(0))
    draws = statistics.block_draws(30, 50, np.random.default_rng(0), 4)
    with np.errstate(all="raise"):
        r = statistics.pearson(x, y)
        p = statistics.permutation_p(x, y, permuted)
        low, high = statistics.bootstrap_interval(x, y, draws)
        assert np.isnan(statistics.pearson(x, np.full(30, 0.5))).all()
    for values in (r, p, low, high, statistics.partial_correlation(x, y, own[:, None])):
        assert np.isnan(values[0])
        assert np.isfinite(values[1])


def test_fisher_interval_is_scipys(data):
    x, y, _ = data
    r = statistics.pearson(x, y)
    low, high = statistics.fisher_interval(r, 30, level=0.9)
    for column in range(4):
        expected = stats.pearsonr(x[:, column], y).confidence_interval(0.9)
        assert (low[column], high[column]) == pytest.approx((expected.low, expected.high), rel=1e-10)
    assert np.isnan(statistics.fisher_interval(r, 3)).all()


def test_partial_correlation_is_the_formula_of_three_correlations(data):
    x, y, own = data
    for column in range(4):
        xy, xz, yz = (np.corrcoef(a, b)[0, 1] for a, b in ((x[:, column], y), (x[:, column], own), (y, own)))
        expected = (xy - xz * yz) / math.sqrt((1 - xz**2) * (1 - yz**2))
        assert statistics.partial_correlation(x, y, own[:, None])[column] == pytest.approx(expected, abs=1e-12)


def test_partial_correlation_with_the_step_itself_is_undefined(data):
    _, y, own = data
    assert np.isnan(statistics.partial_correlation((3 * own + 1)[:, None], y, own[:, None]))
    # a language that is in no mixture: nothing to control for
    never = np.zeros((30, 1))
    x = np.arange(30.0)[:, None]
    assert statistics.partial_correlation(x, y, never) == pytest.approx(statistics.pearson(x, y), abs=1e-12)


def test_few_models_get_the_exact_permutation_p_of_scipy():
    generator = np.random.default_rng(3)
    x, y = generator.normal(size=(6, 2)), generator.normal(size=6)
    permuted = statistics.orders(6, 9999, generator)
    assert sorted(map(tuple, permuted)) == sorted(permutations(range(6)))
    for column in range(2):
        expected = stats.permutation_test(
            (x[:, column],),
            lambda a: abs(stats.pearsonr(a, y).statistic),
            permutation_type="pairings",
            alternative="greater",
        ).pvalue
        assert statistics.permutation_p(x, y, permuted)[column] == pytest.approx(expected, abs=1e-12)


def test_many_models_get_the_p_of_a_plain_loop(data):
    x, y, own = data
    permuted = statistics.orders(30, 499, np.random.default_rng(5))
    assert all(sorted(order) == list(range(30)) for order in permuted)
    for column in range(4):
        observed = abs(np.corrcoef(x[:, column], y)[0, 1])
        larger = sum(abs(np.corrcoef(x[:, column], y[order])[0, 1]) >= observed - 1e-12 for order in permuted)
        assert statistics.permutation_p(x, y, permuted)[column] == pytest.approx((larger + 1) / 500)
    # Freedman and Lane, step by step, by a least-squares fit of each permuted data set
    design = np.column_stack([np.ones(30), own])

    def rest(values):
        return values - design @ np.linalg.lstsq(design, values, rcond=None)[0]

    observed = abs(np.corrcoef(rest(x[:, 0]), rest(y))[0, 1])
    fitted = y - rest(y)
    larger = sum(
        abs(np.corrcoef(rest(x[:, 0]), rest(fitted + rest(y)[order]))[0, 1]) >= observed - 1e-12 for order in permuted
    )
    found = statistics.permutation_p(x[:, :1], y, permuted, covariates=own[:, None])
    assert found[0] == pytest.approx((larger + 1) / 500)


def test_permutation_p_of_noise_is_uniform_and_of_a_line_is_small():
    generator = np.random.default_rng(11)
    permuted = statistics.orders(20, 199, generator)
    p = [statistics.permutation_p(np.arange(20.0)[:, None], generator.normal(size=20), permuted)[0] for _ in range(400)]
    assert stats.kstest(p, "uniform").pvalue > 0.01
    line = statistics.permutation_p(np.arange(20.0)[:, None], np.arange(20.0) + generator.normal(size=20), permuted)
    assert line[0] == 1 / 200


def test_blocks_stay_together():
    orders = statistics.orders(10, 200, np.random.default_rng(0), block=3)
    assert all(sorted(order) == list(range(10)) for order in orders)
    neighbours = [sum((b - a) % 10 == 1 for a, b in zip(order, np.roll(order, -1), strict=True)) for order in orders]
    assert min(neighbours) >= 6  # four blocks of 3, 3, 3 and 1: at most four seams
    free = statistics.orders(10, 200, np.random.default_rng(0))
    assert np.mean([sum((b - a) % 10 == 1 for a, b in zip(o, np.roll(o, -1), strict=True)) for o in free]) < 2


def test_block_permutations_do_not_take_dependent_noise_for_an_effect():
    # a slow wave is not related to n, but free permutations find it related far too often
    generator = np.random.default_rng(2)
    free = statistics.orders(52, 199, generator)
    blocks = statistics.orders(52, 199, generator, block=13)
    found = {"free": 0, "blocks": 0}
    for _ in range(200):
        noise = np.convolve(generator.normal(size=62), np.ones(11) / 11, mode="valid")
        x = np.arange(52.0)[:, None]
        found["free"] += statistics.permutation_p(x, noise, free)[0] <= 0.05
        found["blocks"] += statistics.permutation_p(x, noise, blocks)[0] <= 0.05
    assert found["free"] > 3 * 0.05 * 200
    assert found["blocks"] < found["free"] / 2


def test_bootstrap_interval_is_that_of_a_plain_loop(data):
    x, y, _ = data
    draws = statistics.block_draws(30, 300, np.random.default_rng(4), 4)
    assert (draws.sum(axis=1) == 30).all()
    loop = []
    for counts in draws:
        models = np.repeat(np.arange(30), counts.astype(int))
        loop.append(np.corrcoef(x[models, 1], y[models])[0, 1])
    low, high = statistics.bootstrap_interval(x, y, draws)
    assert (low[1], high[1]) == pytest.approx(tuple(np.quantile(loop, [0.025, 0.975])), abs=1e-10)


@pytest.mark.parametrize("scale", [1.0, 100.0, 1 / 3])
def test_resamples_in_which_nothing_varies_are_left_out(scale):
    # a saturated benchmark: most resamples of four blocks hold equal values, whose rounding must not pass for a spread
    y = np.array([0.9375, *[0.96875] * 8, 0.947916666, 0.96875, 0.96875, 0.96875])
    x = np.column_stack([np.arange(13.0), np.r_[np.zeros(11), np.ones(2)]])
    draws = statistics.block_draws(13, 999, np.random.default_rng(3), 3)
    low, high = statistics.bootstrap_interval(x, scale * y, draws)
    for column in (0, 1):
        loop = []
        for counts in draws:
            models = np.repeat(np.arange(13), counts.astype(int))
            if len(set(y[models])) > 1 and len(set(x[models, column])) > 1:
                loop.append(np.corrcoef(x[models, column], y[models])[0, 1])
        assert 100 < len(loop) < 990
        assert (low[column], high[column]) == pytest.approx(tuple(np.quantile(loop, [0.025, 0.975])), abs=1e-9)


def test_false_discovery_rate_is_scipys_and_skips_nan():
    p = np.random.default_rng(1).uniform(size=(5, 8)) ** 3
    expected = stats.false_discovery_control(p.ravel()).reshape(5, 8)
    np.testing.assert_allclose(statistics.benjamini_hochberg(p), expected, rtol=1e-12)
    with_gap = np.append(p.ravel(), np.nan)
    q = statistics.benjamini_hochberg(with_gap)
    np.testing.assert_allclose(q[:-1], expected.ravel(), rtol=1e-12)
    assert np.isnan(q[-1])
    assert np.isnan(statistics.benjamini_hochberg(np.array([np.nan]))).all()


def test_block_length_grows_with_the_cube_root():
    assert [statistics.block_length(models) for models in (8, 13, 27, 52)] == [2, 3, 3, 4]
