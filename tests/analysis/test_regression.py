"""A line and its band, and the intervals of win rates that figures show: against scipy and simulated studies."""

import numpy as np
import pytest
from scipy import stats

from polytune.analysis.intervals import bounded_interval
from polytune.analysis.points import rate_interval
from polytune.analysis.regression import fit_line

STUDIES = 3000


def test_line_and_band_are_the_textbooks():
    generator = np.random.default_rng(1)
    x = generator.uniform(0, 12, 11)
    y = 40 + 0.5 * x + generator.normal(0, 3, 11)
    fitted, known = fit_line(x, y), stats.linregress(x, y)
    assert (fitted.slope, fitted.level) == pytest.approx((known.slope, known.intercept))
    # the band at 0 is the interval of the intercept
    expected = stats.t.ppf(0.975, 9) * known.intercept_stderr
    assert float(fitted.half_width(np.array([0.0]))[0]) == pytest.approx(expected)


def test_the_band_holds_the_true_line():
    generator = np.random.default_rng(2)
    x, at = np.linspace(0, 10, 11), np.array([0.0, 4.0, 10.0])
    held = np.zeros(3)
    for y in 50 + 0.3 * x + generator.normal(0, 4, (STUDIES, 11)):
        fitted = fit_line(x, y)
        held += np.abs(fitted.line(at) - (50 + 0.3 * at)) <= fitted.half_width(at)
    assert np.all((held / STUDIES > 0.93) & (held / STUDIES < 0.97))


@pytest.mark.parametrize("x", [[1.0, 2.0], [4.76, 4.76, 4.76, 4.76]])
def test_without_spread_there_is_no_line(x):
    assert fit_line(np.array(x), np.arange(len(x), dtype=float)) is None


@pytest.mark.parametrize("prompts", [50, 100, 617])
@pytest.mark.parametrize(("win", "tie"), [(0.5, 0.0), (0.35, 0.4), (0.75, 0.1), (0.9, 0.05), (0.03, 0.1)])
def test_intervals_of_win_rates_hold_the_true_rate(prompts, win, tie):
    generator = np.random.default_rng(prompts)
    wins, losses = generator.multinomial(prompts, [win, 1 - win - tie, tie], size=20_000).T[:2]
    counts, studies = np.unique(np.stack([wins, losses]), axis=1, return_counts=True)  # each outcome is worked out once
    held, truth = 0, win + tie / 2
    for won, lost, times in zip(*counts, studies, strict=True):
        values = np.repeat([1.0, 0.0, 0.5], [won, lost, prompts - won - lost])
        low, high = rate_interval(values.mean(), values.std(ddof=1) / np.sqrt(prompts), prompts)
        assert 0 <= low <= high <= 1
        held += times * (low <= truth + 1e-12 and truth <= high + 1e-12)
    assert 0.93 <= held / studies.sum() <= 0.97


def test_it_is_the_interval_of_the_values_themselves():
    values = np.array([1.0, 0.5, 0.5, 0.0, 1.0, 1.0, 0.5, 1.0])
    error = values.std(ddof=1) / np.sqrt(len(values))
    np.testing.assert_allclose(rate_interval(values.mean(), error, len(values)), bounded_interval(values))


def test_prompts_that_all_end_in_a_tie_are_not_certain():
    low, high = rate_interval(0.5, 0.0, 50)
    assert low < 0.4 and high > 0.6
