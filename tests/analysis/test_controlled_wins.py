"""Controlled win rates against scipy's optimiser, statsmodels, and the truth of simulated judges."""

import numpy as np
import pytest
from scipy.optimize import minimize

from polytune.analysis.controlled_wins import LEVEL_PRIOR, PRIOR, controlled_rate, design, mean_rate


def judge(generator, prompts, level=0.4, bias=1.0, language=1.5, longer=0.5):
    """Return wins, lengths and language advantages of a judge that likes length and the right language."""
    lengths = generator.normal(longer, 1, prompts) * 200
    passes = generator.choice([-1.0, 0.0, 1.0], p=[0.05, 0.8, 0.15], size=prompts)
    x = design(lengths, passes)
    p = 1 / (1 + np.exp(-(level + bias * x[:, 1] + language * passes)))
    wins = np.where(generator.random(prompts) < 0.2, 0.5, 1.0) * 1.0
    wins = np.where(wins == 1.0, (generator.random(prompts) < p).astype(float), wins)
    return wins, x


def test_weights_maximise_the_penalised_likelihood():
    wins, x = judge(np.random.default_rng(0), 120)
    scales = np.array([LEVEL_PRIOR, PRIOR, PRIOR])

    def loss(weights):
        level = x @ weights
        return -(wins * level - np.logaddexp(0, level)).sum() + (weights**2 / scales**2).sum() / 2

    expected = minimize(loss, np.zeros(3), method="BFGS", options={"gtol": 1e-9}).x[0]
    assert controlled_rate(wins, x, range(120)).value == pytest.approx(1 / (1 + np.exp(-expected)), abs=1e-6)


def test_error_is_the_sandwich_of_statsmodels():
    sm = pytest.importorskip("statsmodels.api")
    wins, x = judge(np.random.default_rng(1), 2000)
    fitted = sm.GLM(wins, x, family=sm.families.Binomial()).fit(cov_type="HC0")
    found = controlled_rate(wins, x, range(2000))
    error = np.sqrt(sum(part**2 for part in found.influence.values())) / (found.value * (1 - found.value))
    assert error == pytest.approx(fitted.bse[0], rel=0.01)
    assert found.value == pytest.approx(1 / (1 + np.exp(-fitted.params[0])), abs=2e-3)


@pytest.mark.parametrize("prompts", [50, 100, 617])
def test_the_interval_holds_the_rate_without_length_and_language(prompts):
    generator, held, raw = np.random.default_rng(prompts), [], []
    for _ in range(600):
        wins, x = judge(generator, prompts)
        p = 0.2 * 0.5 + 0.8 / (1 + np.exp(-0.4))  # of equally long answers, ties counted half
        _, low, high = mean_rate([controlled_rate(wins, x, range(prompts))], freed=3)
        held.append(low <= p <= high)
        raw.append(wins.mean())
    assert 0.93 <= np.mean(held) <= 0.975
    assert np.mean(raw) > p + 0.05  # what the control takes away


def test_translations_of_a_prompt_are_one_cluster():
    generator = np.random.default_rng(2)
    wins, x = judge(generator, 80)
    one = controlled_rate(wins, x, range(80))
    same = mean_rate([one, one, one])
    assert same == pytest.approx(mean_rate([one]))
    other = controlled_rate(wins, x, [f"other {number}" for number in range(80)])
    apart = mean_rate([one, other])
    assert apart[2] - apart[1] == pytest.approx((same[2] - same[1]) / np.sqrt(2), rel=0.03)


def test_a_run_that_wins_always_and_lengths_that_are_equal():
    found = controlled_rate(np.ones(60), design(np.zeros(60), None), range(60))
    value, low, high = mean_rate([found], freed=2)
    assert 0.95 < low <= value <= high < 1
    assert np.isnan(mean_rate([controlled_rate(np.ones(1), np.ones((1, 1)), [0])])[1])
