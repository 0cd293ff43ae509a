"""Intervals of rates, ratings and their means stay between the measure's ends and hold the truth there."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from polytune.analysis.measures import measure_bounds
from polytune.analysis.points import _interval, _within
from polytune.analysis.wins import measure_wins
from polytune.scores.means import clustered_scores

STUDIES = 1500


def score(measure="win", protocol="pairwise", aggregate="", items=50, clusters=50):
    about = {"measure": measure, "protocol": protocol, "aggregate": aggregate, "items": items, "clusters": clusters}
    return pd.Series(about)


def parallel_answers(generator, prompts, win, tie, together):
    """Return wins in eleven languages, prompts x languages; the languages of a prompt correlate by `together`."""
    own, common = generator.normal(size=(prompts, 11)), generator.normal(size=(prompts, 1))
    place = norm.cdf(math.sqrt(together) * common + math.sqrt(1 - together) * own)
    return np.where(place > 1 - win, 1.0, np.where(place > 1 - win - tie, 0.5, 0.0))


@pytest.mark.slow
@pytest.mark.parametrize("prompts", [50, 100])
@pytest.mark.parametrize(("win", "tie"), [(0.5, 0.1), (0.9, 0.05), (0.03, 0.1), (0.02, 0.012)])
def test_intervals_of_means_over_parallel_languages_hold_the_truth(prompts, win, tie):
    generator, held = np.random.default_rng(prompts), 0
    names = np.tile([f"{place:02}" for place in range(11)], prompts)
    for _ in range(STUDIES):
        wins = parallel_answers(generator, prompts, win, tie, together=0.2)
        mean = clustered_scores(names, np.repeat(np.arange(prompts), 11), wins.ravel()).mean
        about = score(aggregate="mean", items=mean.items, clusters=mean.clusters)
        low, high = _interval(mean.value, mean.stderr, about)
        assert 0 <= low <= high <= 1
        held += low <= win + tie / 2 <= high
    assert 0.925 <= held / STUDIES <= 0.975


def test_turns_and_languages_are_no_items_of_their_own():
    """62 answers to 50 questions, all lost, leave as much room as 50 lost questions do."""
    languages, items = np.array(["ar"] * 62 + ["en"] * 62), np.array([*range(50), *range(12)] * 2)
    found = clustered_scores(languages, items, np.zeros(124))
    assert [(one.items, one.clusters) for one in (found.languages["ar"], found.mean)] == [(62, 50), (124, 50)]
    low, high = _interval(0.0, 0.0, score(items=124, clusters=50, aggregate="mean"))
    assert (low, high) == pytest.approx((0, 0.0747), abs=1e-3)  # Wilson's of 0 of 50, t(49)


@pytest.mark.parametrize(
    ("measure", "protocol", "ends"),
    [("rating", "rating-3", (1, 3)), ("rating_in_language", "rating-3", (0, 3)), ("rating", "rating-10", (1, 10)),
     ("rating_lost", "rating-10", (0, 10)), ("win", "pairwise", (0, 1)), ("language_pass", "language", (0, 1)),
     ("word_pass", "language", (0, 1)), ("answer_characters", "", None), ("margin", "", None), ("gain", "", None),
     ("rating", "somebody-else's", None)],
)  # fmt: skip
def test_a_measure_knows_its_ends(measure, protocol, ends):
    assert measure_bounds(measure, protocol) == ends


def test_a_rating_never_leaves_its_scale_and_is_never_certain():
    about = score("rating_in_language", "rating-3")
    low, high = _interval(0.0, 0.0, about)
    assert low == pytest.approx(0, abs=1e-9) and 0.1 < high < 0.4
    low, high = _interval(2.95, 0.04, about)
    assert low < 2.95 < high < 3
    middle = _interval(1.5, 0.1, about)  # where no end is near it is the mean and its error
    assert middle == pytest.approx((1.5 - 2.01 * 0.1, 1.5 + 2.01 * 0.1), abs=0.003)


def test_an_error_that_is_not_known_gives_no_interval_of_a_mean():
    assert np.isnan(_interval(0.5, math.nan, score("acc", "", aggregate="mean"), share=True)).all()
    assert np.isfinite(_interval(0.5, math.nan, score("acc", ""), share=True)).all()


@pytest.mark.parametrize("seeds", [2, 3, 5])
@pytest.mark.parametrize(("of_items", "of_seeds"), [(0.0, 0.03), (0.02, 0.02), (0.03, 0.005)])
def test_intervals_over_few_seeds_hold_the_truth(seeds, of_items, of_seeds):
    """Three seeds and 1.96 standard errors would hold it in 81 %. Where both parts are alike it is rather too wide."""
    generator, held = np.random.default_rng(seeds), 0
    for _ in range(STUDIES):
        values = 0.5 + of_items * generator.normal() + of_seeds * generator.normal(size=seeds)
        mean, error, freedom = _within(values, np.full(seeds, of_items))
        low, high = _interval(mean, error, score("choice_probability", "", items=500), freedom)
        held += low <= 0.5 <= high
    assert 0.93 <= held / STUDIES <= 0.995


class Wins:
    """The wins of models that lack some language, as the items of a study have them."""

    def __init__(self, lacking):
        rows = [
            {"run": model, "judge": "exact", "protocol": "pairwise", "opponent": "monolingual", "language": language,
             "item": item, "turn": 1, "value": float(item % 3 == 0 or language == "en")}
            for model in ("a", "b", "c") for language in ("en", "de", "fr") if language not in lacking.get(model, "")
            for item in range(30)
        ]  # fmt: skip
        self.rows = pd.DataFrame(rows)

    def read(self, evaluation, origin, measure):
        return self.rows if measure == "win" else self.rows.assign(value=0.0)


def means_over_languages(lacking):
    named = pd.DataFrame({"run": list("abc"), "base": "world-bloom", "group": ["A", "B", "C"]})
    rows = pd.DataFrame(measure_wins(Wins(lacking), named, [("questions", "world")]))
    means = rows[rows["language"] == ""].set_index("model")
    return means["value"].round(3).to_dict(), means["languages"].to_dict()


def test_means_of_win_rates_are_over_the_languages_of_all_models():
    """A model tuned on English alone has no opponent in English; the mean of the others leaves English out too."""
    values, languages = means_over_languages({"a": ["en"]})
    assert values == dict.fromkeys("ABC", 0.333) and languages == dict.fromkeys("ABC", 2)
    assert means_over_languages({})[0] == dict.fromkeys("ABC", 0.556)


def test_where_no_two_languages_are_shared_each_mean_says_of_how_many_it_is():
    values, languages = means_over_languages({"a": ["en"], "b": ["de"], "c": ["fr"]})
    assert languages == dict.fromkeys("ABC", 2) and values["A"] != values["B"] == values["C"]
