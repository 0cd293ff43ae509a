"""Variance components against textbook analyses of variance, statsmodels, and the truth of simulated studies."""

import math

import numpy as np
import pandas as pd
import pytest

from polytune.analysis import components
from polytune.analysis.components import AXES, Component


def simulate(generator, models=6, draws=1, seeds=3, judges=1, items=40, **sd):
    """Return an array of `AXES` with given standard deviations of item, model_item, draw, seed, judge, rest."""

    def noise(name, *shape):
        return generator.normal(0, sd.get(name, 0.0), shape)

    return (
        noise("model", models, 1, 1, 1, 1)
        + noise("item", 1, 1, 1, 1, items)
        + noise("model_item", models, 1, 1, 1, items)
        + noise("draw", models, draws, 1, 1, 1)
        + noise("seed", models, draws, seeds, 1, 1)
        + noise("judge", 1, 1, 1, judges, 1)
        + noise("model_judge", models, 1, 1, judges, 1)
        + noise("rest", models, draws, seeds, judges, items)
    )


def named(found):
    return {one.name: one for one in found}


def test_two_way_analysis_is_the_textbooks():
    values = np.random.default_rng(0).normal(size=(4, 7)) + np.arange(4)[:, None]
    rows, columns, grand = values.mean(1), values.mean(0), values.mean()
    ms_rows = 7 * ((rows - grand) ** 2).sum() / 3
    ms_columns = 4 * ((columns - grand) ** 2).sum() / 6
    ms_rest = ((values - rows[:, None] - columns + grand) ** 2).sum() / 18
    found = components.variances(values)
    assert found[frozenset((0,))] == pytest.approx((ms_rows - ms_rest) / 7)
    assert found[frozenset((1,))] == pytest.approx((ms_columns - ms_rest) / 4)
    assert found[frozenset((0, 1))] == pytest.approx(ms_rest)


def test_nested_seeds_are_the_nested_analysis_of_variance():
    """Seeds in models, crossed with items: the error of a seed is (MS seeds in models - MS rest) / items."""
    generator = np.random.default_rng(1)
    values = simulate(generator, models=5, seeds=4, items=30, item=1, seed=0.5, rest=1, model_item=0.3)
    y = values[:, 0, :, 0, :]
    runs = y.mean(2)
    ms_seed = 30 * ((runs - runs.mean(1, keepdims=True)) ** 2).sum() / (5 * 3)
    inside = y - y.mean(2, keepdims=True) - y.mean(1, keepdims=True) + y.mean((1, 2), keepdims=True)
    ms_rest = (inside**2).sum() / (5 * 3 * 29)
    found = named(components.estimate(values))
    assert found["seed"].own * 4 == pytest.approx((ms_seed - ms_rest) / 30)
    assert found["seed x item"].own * 4 * 30 == pytest.approx(ms_rest)
    assert set(found) == {"item", "seed", "seed x item"} and found["seed"].shared == 0


def test_one_way_is_statsmodels_reml():
    MixedLM = pytest.importorskip("statsmodels.api").MixedLM
    generator = np.random.default_rng(2)
    values = generator.normal(size=(12, 6)) + generator.normal(0, 2, (12, 1))
    table = pd.DataFrame({"y": values.ravel(), "group": np.repeat(np.arange(12), 6)})
    fitted = MixedLM.from_formula("y ~ 1", groups="group", data=table).fit(reml=True)
    squares = components.mean_squares(values)
    within = ((values - values.mean(1, keepdims=True)) ** 2).sum() / 60
    assert (squares[frozenset((0,))] - within) / 6 == pytest.approx(float(fitted.cov_re.iloc[0, 0]), rel=1e-3)


def test_truth_comes_out_on_average():
    generator = np.random.default_rng(3)
    sd = {"model": 1, "item": 0.4, "model_item": 0.3, "draw": 0.2, "seed": 0.1, "judge": 0.2, "model_judge": 0.15,
          "rest": 0.5}  # fmt: skip
    sizes = {"models": 5, "draws": 3, "seeds": 2, "judges": 2, "items": 30}
    found = [named(components.estimate(simulate(generator, **sizes, **sd))) for _ in range(300)]

    def average(name, kind="own"):
        return np.mean([getattr(one[name], kind) for one in found])

    assert average("item", "shared") * 30 == pytest.approx(0.4**2, rel=0.1)
    assert average("item") * 30 == pytest.approx(0.3**2, rel=0.15)
    assert average("draw") * 3 == pytest.approx(0.2**2, rel=0.15)
    assert average("seed") * 6 == pytest.approx(0.1**2, rel=0.2)
    assert average("judge", "shared") * 2 == pytest.approx(0.2**2, rel=0.2)
    assert average("judge") * 2 == pytest.approx(0.15**2, rel=0.2)
    predicted = np.mean([components.total(one.values()) for one in found])
    means = [simulate(generator, **sizes, **sd | {"model": 0}).mean((1, 2, 3, 4)) for _ in range(2000)]
    differences = np.array([one[0] - one[1] for one in means])
    assert predicted == pytest.approx(differences.var() / 2, rel=0.12)


def test_languages_with_items_of_their_own():
    """The error of the mean over languages: what seeds add to all languages together, and each language's items."""
    generator, found, truth = np.random.default_rng(5), [], []
    for _ in range(300):
        seeds = generator.normal(0, 0.1, (4, 1, 3, 1, 1))
        arrays = [simulate(generator, models=4, seeds=3, items=count, item=1, rest=0.5) + seeds for count in (20, 60)]
        found.append(components.total(components.estimate_mean(arrays, parallel=False)))
        truth.append(np.mean([values.mean((1, 2, 3, 4)) for values in arrays], axis=0))
    differences = np.array([one[0] - one[1] for one in truth])
    assert np.mean(found) == pytest.approx(differences.var() / 2, rel=0.15)
    parts = named(components.estimate_mean(arrays, parallel=False))
    assert parts["seed"].counts == {"seed": 3}


def test_another_choice_of_languages():
    generator, found = np.random.default_rng(6), []
    for _ in range(200):
        of_models = generator.normal(0, 0.5, (8, 4))
        arrays = [simulate(generator, models=4, items=25, rest=1) + shift[:, None, None, None, None]
                  for shift in of_models]  # fmt: skip
        found.append(components.language_component(arrays, parallel=False).own * 8)
    assert np.mean(found) == pytest.approx(0.25, rel=0.1)


def test_more_of_something_shrinks_the_interval_as_the_formula_says():
    found = [
        Component(("item",), 4.0, 9.0, {"item": 500}),
        Component(("draw", "seed"), 2.0, 0.0, {"draw": 1, "seed": 2}),
        Component(("language",), 100.0, 0.0, {"language": 11}),
    ]
    assert components.total(found) == 6.0 and components.total(found, compared=False) == 15.0
    assert components.shrinkage(found, "seed", 1) == pytest.approx(1 - math.sqrt((4 + 2 * 2 / 3) / 6))
    assert components.shrinkage(found, "item", 500) == pytest.approx(1 - math.sqrt((2 + 2) / 6))
    assert components.shrinkage(found, "judge", 1) == 0
    assert found[1].name == "seed"


def test_a_single_model_or_value_is_no_error():
    one = components.estimate(np.random.default_rng(0).normal(size=(1, 1, 1, 1, 50)))
    assert [(part.name, part.shared) for part in one] == [("item", 0.0)]
    assert components.estimate(np.zeros((1,) * len(AXES))) == []


def test_no_spread_of_models_beyond_their_items_is_not_certainty():
    values = np.repeat(np.random.default_rng(7).normal(size=(1, 1, 1, 1, 50)), 4, axis=0)  # four models, one answer
    found = components.estimate(np.repeat(values, 3, axis=2))
    assert components.total(found) == 0 < components.total(found, compared=False)
    assert math.isnan(components.shrinkage(found, "seed", 1))
