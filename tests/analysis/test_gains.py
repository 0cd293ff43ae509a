"""Gains in percent: ratios within languages; their errors against a bootstrap of questions."""

import numpy as np
import pandas as pd
import pytest

from polytune.analysis.gains import relative_gain


def answers(seed, questions=60, languages=("de", "en", "fr")):
    generator = np.random.default_rng(seed)
    index = pd.MultiIndex.from_product([languages, range(questions), (1, 2)], names=["language", "item", "turn"])
    easy = np.tile(np.repeat(generator.normal(0, 1.5, questions), 2), len(languages))
    level = np.repeat([4.0, 6.0, 8.0], 2 * questions)
    x, y = (np.clip(level + bonus + easy + generator.normal(0, 1, len(index)), 1, 10) for bonus in (0.5, 0.0))
    return pd.Series(x, index), pd.Series(y, index)


def test_a_gain_is_the_mean_of_the_languages_ratios():
    x, y = answers(1)
    ratios = x.groupby("language").mean() / y.groupby("language").mean()
    assert relative_gain(x, y).value == pytest.approx(ratios.mean() - 1)
    assert relative_gain(y, y).value == 0 and relative_gain(y, y).stderr == 0
    assert relative_gain(2 * y, y).value == pytest.approx(1) and relative_gain(2 * y, y).stderr == pytest.approx(0)


def test_its_error_is_that_of_a_bootstrap_of_questions():
    x, y = answers(2)
    found = relative_gain(x, y)
    wide = pd.DataFrame({"x": x, "y": y}).groupby(["item", "language"]).sum().unstack("language")
    sums = wide.to_numpy().reshape(len(wide), 2, 3)  # question, model, language
    generator = np.random.default_rng(3)
    drawn = sums[generator.integers(0, len(sums), (4000, len(sums)))].sum(axis=1)
    bootstrap = (drawn[:, 0] / drawn[:, 1]).mean(axis=1) - 1
    assert found.stderr == pytest.approx(bootstrap.std(ddof=1), rel=0.05)


def test_answers_that_one_of_both_lacks_are_left_out():
    x, y = answers(4)
    assert relative_gain(x.iloc[5:], y).value == pytest.approx(relative_gain(x.iloc[5:], y.iloc[5:]).value)
    assert relative_gain(x.iloc[5:], y).items == len(x) - 5
