"""Ranks: simulated coverage of all intervals at once, letters against their definition, and easy cases by eye."""

from itertools import combinations, product
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from polytune.analysis.items import item_values
from polytune.analysis.ranks import draw_means, rank_models, tie_groups
from polytune.analysis.standings import rank_study


def simulate(truth, generator, runs=3, items=60, run_sd=0.1):
    common = generator.normal(0, 1, items)
    return [[centre + common + generator.normal(0, run_sd, (runs, 1)) + generator.normal(0, 0.5, (runs, items))]
            for centre in truth]  # fmt: skip


@pytest.mark.parametrize("items", [50, 96, 500])
@pytest.mark.parametrize("truth", [(0, 0, 0, 0, 0), (0, 0.1, 0.2, 0.5, 1.0)])
def test_all_true_ranks_lie_in_their_intervals(truth, items):
    generator, held, studies = np.random.default_rng(items), 0, 200
    better = np.array([[other > one for other in truth] for one in truth])
    lowest, highest = 1 + better.sum(1), len(truth) - better.sum(0)  # equal models have all ranks that they share
    for study in range(studies):
        models = simulate(truth, generator, items=items)
        values = np.array([model[0].mean() for model in models])
        found = rank_models(values, draw_means(models, [False] * 5, seed=study))
        held += bool(((found.low <= lowest) & (found.high >= highest)).all())
    assert held / studies >= 0.92


def test_clear_differences_are_ranked_and_equal_models_share_a_letter():
    models = simulate((2.0, 0.0, 0.0, 5.0), np.random.default_rng(1), items=300)
    values = np.array([model[0].mean() for model in models])
    found = rank_models(values, draw_means(models, [False] * 4))
    assert found.rank[[3, 0]].tolist() == [1, 2] and sorted(found.rank) == [1, 2, 3, 4]
    assert [(low, high) for low, high in zip(found.low, found.high, strict=True)] == [(2, 2), (3, 4), (3, 4), (1, 1)]
    assert found.groups == ("b", "c", "c", "a") and found.separated == pytest.approx(5 / 6)
    lower = rank_models(-values, -draw_means(models, [False] * 4), higher_is_better=False)
    assert lower.rank.tolist() == found.rank.tolist() and lower.groups == found.groups


def test_two_models_have_the_test_of_their_pair():
    generator = np.random.default_rng(3)
    models = [[generator.normal(0, 1, (1, 80))], [generator.normal(0.1, 1, (1, 80))]]
    means = draw_means(models, [True, True])
    difference = models[0][0][0] - models[1][0][0]
    error = (means[:, 0] - means[:, 1]).std(ddof=1)
    assert error == pytest.approx(difference.std(ddof=1) / np.sqrt(80), rel=0.06)


def test_untuned_bases_do_not_scatter_over_seeds():
    models = simulate((0.0, 0.0), np.random.default_rng(4), run_sd=2.0)
    still, moving = draw_means(models, [True, False]).std(axis=0)
    assert moving > 2 * still


def test_letters_are_shared_exactly_by_models_that_are_not_apart():
    generator = np.random.default_rng(5)
    for _ in range(50):
        apart = np.triu(generator.random((6, 6)) < 0.4, 1)
        apart |= apart.T
        letters = tie_groups(apart, np.arange(6))
        for one, other in combinations(range(6), 2):
            assert bool(set(letters[one]) & set(letters[other])) == (not apart[one, other])
        assert all(letters)


class _Context:
    def evaluation(self, name, origin):
        return SimpleNamespace(parallel=True)


class _Items:
    """Three questions in two languages, the last of two turns, answered by two models."""

    rows = pd.DataFrame(
        [
            {"run": run, "language": code, "item": item, "turn": turn, "value": float((turn == 2) != (run == "b"))}
            for run, code, (item, turn) in product("ab", ("de", "en"), ((1, 1), (2, 1), (3, 1), (3, 2)))
        ]
    ).assign(judge="j", protocol="p", opponent="")

    def read(self, name, origin, measure):
        return self.rows


@pytest.mark.parametrize("languages", [None, ["de"]])
def test_ranked_values_are_means_over_answers_as_in_the_scores(languages):
    named = pd.DataFrame({"run": ["a", "b"], "base": "x", "world": "", "group": ["a", "b"], "draw": [(), ()],
                          "method": "full"})  # fmt: skip
    found = rank_study(_Items(), _Context(), named, "rating", True, [("mt-bench", "directory")], languages)
    [(_, models, ranks)] = found
    assert dict(zip(models, ranks.values, strict=True)) == pytest.approx({"a": 1 / 4, "b": 3 / 4})


def test_items_of_two_turns_have_the_mean_and_the_error_of_their_answers():
    """Against a mean over answers with the items as clusters, computed from its definition."""
    generator = np.random.default_rng(3)
    rows = [{"language": "de", "item": item, "turn": turn, "run": "a", "value": float(generator.integers(0, 2))}
            for item in range(200) for turn in range(1, 2 + (item % 4 == 0))]  # fmt: skip
    answers = pd.DataFrame(rows)
    found = item_values(answers, "value", ["run"])["a"].to_numpy()
    mean, count = answers["value"].mean(), len(answers)
    residuals = (answers["value"] - mean).groupby(answers["item"]).sum()
    assert found.mean() == pytest.approx(mean)
    assert found.std(ddof=1) / 200**0.5 == pytest.approx((residuals**2).sum() ** 0.5 / count * (200 / 199) ** 0.5)
    same = item_values(answers.assign(value=1.0), "value", ["run"])["a"]
    assert (same == 1).all()  # nothing varies where all answers are equal
