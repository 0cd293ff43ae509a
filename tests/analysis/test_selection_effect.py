"""The effect of a selection: simulated coverage, Welch's t where units do not matter, and statsmodels' mixed model."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from polytune.analysis.selection_effect import estimate_effect

EQUAL = np.full(20, 1 / 20)


def simulate(generator, effect=0.5, sets=(3, 3), units=20, set_sd=0.4, unit_sd=0.6, rest=0.5):
    level = generator.normal(50, 8, units)
    helps = effect + generator.normal(0, unit_sd, units)
    return [level + add + generator.normal(0, set_sd, (count, 1)) + generator.normal(0, rest, (count, units))
            for count, add in zip(sets, (helps, 0.0), strict=True)]  # fmt: skip


@pytest.mark.parametrize("changes", [{}, {"sets": (9, 3)}, {"set_sd": 0.0}, {"unit_sd": 0.0}, {"rest": 2.0}])
def test_the_interval_holds_the_effect(changes):
    generator = np.random.default_rng(1)
    found = [estimate_effect(*simulate(generator, **changes), EQUAL) for _ in range(1500)]
    assert 0.93 <= np.mean([one.low <= 0.5 <= one.high for one in found]) <= 0.99


def test_languages_that_the_selection_helps_alike_leave_welchs_t():
    generator = np.random.default_rng(2)
    a, b = simulate(generator, unit_sd=0.0, rest=0.0, set_sd=1.0, sets=(4, 6))
    found = estimate_effect(a, b, EQUAL)
    expected = stats.ttest_ind(a.mean(1), b.mean(1), equal_var=False)
    assert (found.p, found.effect) == pytest.approx((expected.pvalue, a.mean() - b.mean()))
    assert (found.low, found.high) == pytest.approx(tuple(expected.confidence_interval()))


def test_statsmodels_gives_the_same_effect_and_error():
    MixedLM = pytest.importorskip("statsmodels.api").MixedLM
    generator = np.random.default_rng(3)
    a, b = simulate(generator, sets=(6, 6), units=12)
    values = np.vstack([a, b])
    table = pd.DataFrame({"y": values.ravel(), "unit": np.tile(np.arange(12), 12), "one": 1,
                          "set": np.repeat(np.arange(12), 12), "x": np.repeat([1.0] * 6 + [0.0] * 6, 12)})  # fmt: skip
    table["cell"] = [f"{unit}" for unit in table["unit"]]
    random = {"set": "0 + C(set)", "helps": "0 + C(cell):x"}
    fitted = MixedLM.from_formula("y ~ x + C(unit)", groups="one", re_formula="0", vc_formula=random, data=table).fit()
    found = estimate_effect(a, b, np.full(12, 1 / 12))
    assert fitted.params["x"] == pytest.approx(found.effect, abs=0.02)
    error = (found.high - found.low) / 2 / stats.t.ppf(0.975, found.freedom)
    assert fitted.bse["x"] == pytest.approx(error, rel=0.1)


def test_weights_give_the_plain_mean_of_benchmarks():
    generator = np.random.default_rng(4)
    a, b = simulate(generator)
    weights = np.r_[np.full(15, 0.5 / 15), np.full(5, 0.5 / 5)]
    by_hand = ((a - 0)[:, :15].mean() - b[:, :15].mean()) / 2 + (a[:, 15:].mean() - b[:, 15:].mean()) / 2
    assert estimate_effect(a, b, weights).effect == pytest.approx(by_hand)


def test_one_set_takes_the_others_variance_and_two_single_sets_have_no_interval():
    generator = np.random.default_rng(5)
    found = [estimate_effect(*simulate(generator, sets=(1, 5)), EQUAL) for _ in range(800)]
    assert 0.92 <= np.mean([one.low <= 0.5 <= one.high for one in found]) <= 0.99
    alone = estimate_effect(*simulate(generator, sets=(1, 1)), EQUAL)
    assert np.isnan(alone.low) and np.isnan(alone.p) and np.isfinite(alone.effect)
