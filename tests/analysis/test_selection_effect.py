"""The effect of a selection: simulated coverage, Welch's t where units do not matter, and statsmodels' mixed model."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from polytune.analysis.selection_effect import estimate_effect

EQUAL, EACH = np.full(20, 1 / 20), range(20)
"""Twenty units that count the same, each of a language of its own."""
BENCHMARKS = (
    "ar bg de el en es fr hi ru sw th tr ur vi zh",
    "de en es fr ja ko zh",
    "et ht id it qu sw ta th tr vi zh",
    "ar en es eu hi id my ru sw te zh",
    "en fr ja pt ru zh",
)
"""The languages of the five benchmarks of the study `linguistic`."""


def simulate(generator, effect=0.5, sets=(3, 3), units=20, set_sd=0.4, unit_sd=0.6, rest=0.5, shared=0.0):
    level = generator.normal(50, 8, units)
    helps = effect + generator.normal(0, unit_sd, units) + shared
    return [level + add + generator.normal(0, set_sd, (count, 1)) + generator.normal(0, rest, (count, units))
            for count, add in zip(sets, (helps, 0.0), strict=True)]  # fmt: skip


@pytest.mark.parametrize("changes", [{}, {"sets": (9, 3)}, {"set_sd": 0.0}, {"unit_sd": 0.0}, {"rest": 2.0}])
def test_the_interval_holds_the_effect(changes):
    generator = np.random.default_rng(1)
    found = [estimate_effect(*simulate(generator, **changes), EQUAL, EACH) for _ in range(1500)]
    assert 0.93 <= np.mean([one.low <= 0.5 <= one.high for one in found]) <= 0.99


def units_of(bases):
    """Return the languages and the weights of the units: benchmarks and bases the same, in them every language."""
    codes = [text.split() for text in BENCHMARKS]
    weights = [1 / (bases * len(codes) * len(own)) for own in codes for _ in own]
    return [code for own in codes for code in own] * bases, np.tile(weights, bases)


@pytest.mark.parametrize("bases", [1, 5])
@pytest.mark.parametrize(("language_sd", "unit_sd"), [(0.0, 2.0), (1.0, 1.7), (1.4, 1.4), (2.0, 0.0)])
def test_the_interval_holds_an_effect_that_the_units_of_a_language_share(language_sd, unit_sd, bases):
    """Units taken as independent held the effect of (2, 0) in 89 % of such studies with one base, in 85 % with five."""
    generator = np.random.default_rng(6)
    languages, weights = units_of(bases)
    names = sorted(set(languages))
    place = [names.index(code) for code in languages]
    found = []
    for _ in range(1500):
        shared = generator.normal(0, language_sd, len(names))[place]
        sides = simulate(generator, units=len(languages), unit_sd=unit_sd, shared=shared)
        found.append(estimate_effect(*sides, weights, languages))
    assert 0.93 <= np.mean([one.low <= 0.5 <= one.high for one in found]) <= 0.97
    assert (found[0].languages, found[0].units) == (27, 50 * bases)


def test_a_language_is_one_value_however_many_units_it_has():
    generator = np.random.default_rng(7)
    a, b = simulate(generator)
    whole = estimate_effect(a, b, EQUAL, EACH)
    copied = estimate_effect(np.tile(a, 5), np.tile(b, 5), np.tile(EQUAL, 5) / 5, list(EACH) * 5)
    assert (copied.low, copied.high, copied.freedom) == pytest.approx((whole.low, whole.high, whole.freedom))
    assert (copied.languages, copied.units, whole.units) == (20, 100, 20)


def test_what_other_languages_add_has_as_many_degrees_of_freedom_as_there_are_languages_less_one():
    generator = np.random.default_rng(8)
    a, b = simulate(generator, set_sd=0.0, rest=0.0)
    equal = estimate_effect(a, b, EQUAL, EACH)
    expected = stats.ttest_1samp(a[0] - b[0], 0)
    assert (equal.freedom, equal.p) == pytest.approx((19, expected.pvalue))
    heavy = np.r_[np.full(2, 0.25), np.full(18, 0.5 / 18)]  # two languages are half of the mean
    assert 2 < estimate_effect(a, b, heavy, EACH).freedom < 8


def test_few_sets_keep_their_few_degrees_of_freedom_where_cells_hide_them():
    """The variance is the larger of two that contain the same noise: it may not take the other's place altogether."""
    generator, hidden = np.random.default_rng(9), 0
    for _ in range(200):
        found = estimate_effect(*simulate(generator, set_sd=0.2, unit_sd=0.2, rest=2.0), EQUAL, EACH)
        variance = ((found.high - found.low) / 2 / stats.t.ppf(0.975, found.freedom)) ** 2
        hidden += variance == pytest.approx(max(found.error_sets, found.error_languages) ** 2)
        assert found.freedom <= 4 * variance**2 / found.error_sets**4 * (1 + 1e-9)  # three sets against three: four
    assert hidden > 50


def test_a_single_language_has_an_interval_over_sets_alone():
    a, b = simulate(np.random.default_rng(10))
    found = estimate_effect(a, b, EQUAL, ["th"] * 20)
    expected = stats.ttest_ind(a.mean(1), b.mean(1), equal_var=False)
    assert (found.p, found.languages) == (pytest.approx(expected.pvalue), 1) and np.isnan(found.error_languages)


def test_languages_that_the_selection_helps_alike_leave_welchs_t():
    generator = np.random.default_rng(2)
    a, b = simulate(generator, unit_sd=0.0, rest=0.0, set_sd=1.0, sets=(4, 6))
    found = estimate_effect(a, b, EQUAL, EACH)
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
    found = estimate_effect(a, b, np.full(12, 1 / 12), range(12))
    assert fitted.params["x"] == pytest.approx(found.effect, abs=0.02)
    error = (found.high - found.low) / 2 / stats.t.ppf(0.975, found.freedom)
    assert fitted.bse["x"] == pytest.approx(error, rel=0.1)


def test_weights_give_the_plain_mean_of_benchmarks():
    generator = np.random.default_rng(4)
    a, b = simulate(generator)
    weights = np.r_[np.full(15, 0.5 / 15), np.full(5, 0.5 / 5)]
    by_hand = ((a - 0)[:, :15].mean() - b[:, :15].mean()) / 2 + (a[:, 15:].mean() - b[:, 15:].mean()) / 2
    assert estimate_effect(a, b, weights, EACH).effect == pytest.approx(by_hand)


def test_one_set_takes_the_others_variance_and_two_single_sets_have_no_interval():
    generator = np.random.default_rng(5)
    found = [estimate_effect(*simulate(generator, sets=(1, 5)), EQUAL, EACH) for _ in range(800)]
    assert 0.92 <= np.mean([one.low <= 0.5 <= one.high for one in found]) <= 0.99
    alone = estimate_effect(*simulate(generator, sets=(1, 1)), EQUAL, EACH)
    assert np.isnan(alone.low) and np.isnan(alone.p) and np.isfinite(alone.effect)
