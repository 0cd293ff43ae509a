"""Controlled win rates against scipy's optimiser, statsmodels, and the truth of simulated judges."""

import numpy as np
import pytest
from scipy.optimize import minimize

from polytune.analysis.controlled_wins import LEVEL_PRIOR, PRIOR, controlled_rate, design, mean_rate

LANGUAGE = {
    "mostly": ([-1.0, 0.0, 1.0], [0.05, 0.8, 0.15]),
    "hardly ever": ([-1.0, 0.0], [0.97, 0.03]),
    "never": ([-1.0], [1.0]),
    "always": ([0.0], [1.0]),
}
"""How often an answer is in the language, less the opponent's: values and their shares."""


def judge(generator, prompts, level=0.4, bias=1.0, language=1.5, answers="mostly", ties=0.2):
    """Return wins and covariates by a judge that likes length and the right language, and its rate without both."""
    lengths = generator.normal(0.5, 1, prompts) * 200
    values, shares = LANGUAGE[answers]
    passes = generator.choice(values, p=shares, size=prompts)
    x = design(lengths, passes)
    p = 1 / (1 + np.exp(-(level + bias * x[:, 1] + language * passes)))
    wins = np.where(generator.random(prompts) < ties, 0.5, generator.random(prompts) < p)
    return wins, x, ties * 0.5 + (1 - ties) / (1 + np.exp(-level))


def test_weights_maximise_the_penalised_likelihood():
    wins, x, _ = judge(np.random.default_rng(0), 120)
    scales = np.array([LEVEL_PRIOR, PRIOR, PRIOR])

    def loss(weights):
        level = x @ weights
        return -(wins * level - np.logaddexp(0, level)).sum() + (weights**2 / scales**2).sum() / 2

    expected = minimize(loss, np.zeros(3), method="BFGS", options={"gtol": 1e-9}).x[0]
    assert controlled_rate(wins, x, range(120)).value == pytest.approx(1 / (1 + np.exp(-expected)), abs=1e-6)


def test_error_is_the_sandwich_of_statsmodels():
    sm = pytest.importorskip("statsmodels.api")
    wins, x, _ = judge(np.random.default_rng(1), 2000)
    fitted = sm.GLM(wins, x, family=sm.families.Binomial()).fit(cov_type="HC0")
    found = controlled_rate(wins, x, range(2000))
    error = np.sqrt(sum(part**2 for part in found.influence.values())) / (found.value * (1 - found.value))
    assert error == pytest.approx(fitted.bse[0], rel=0.01)
    assert found.value == pytest.approx(1 / (1 + np.exp(-fitted.params[0])), abs=2e-3)


def covered(prompts, studies=1000, **judged):
    """Return the share of simulated studies whose interval holds the truth, the interval's mean width, the mean win."""
    generator, held, widths, raw = np.random.default_rng(prompts), [], [], []
    for _ in range(studies):
        wins, x, truth = judge(generator, prompts, **judged)
        _, low, high = mean_rate([controlled_rate(wins, x, range(prompts))], freed=3)
        held.append(low <= truth <= high)
        widths.append(high - low)
        raw.append(wins.mean() - truth)
    return np.mean(held), np.mean(widths), np.mean(raw)


@pytest.mark.slow
@pytest.mark.parametrize("prompts", [50, 100, 617])
@pytest.mark.parametrize(
    ("level", "bias", "language", "answers", "ties"),
    [(0.4, 1, 1.5, "mostly", 0.2), (2.2, 1, 1.5, "mostly", 0), (0, 2, 1.5, "mostly", 0), (0, 0, 0, "always", 0),
     (-1.4, 0, 0, "always", 0), (-3.5, 0, 0, "always", 0), (-3.5, 1, 1.5, "mostly", 0)],
)  # fmt: skip
def test_the_interval_holds_the_rate_without_length_and_language(prompts, level, bias, language, answers, ties):
    held, _, _ = covered(prompts, level=level, bias=bias, language=language, answers=answers, ties=ties)
    assert 0.93 <= held <= 0.99  # few wins: rather too wide than too narrow


def test_what_the_control_takes_away():
    assert covered(617)[2] > 0.05


@pytest.mark.slow
@pytest.mark.parametrize("prompts", [50, 100, 617])
@pytest.mark.parametrize("language", [0.0, 1.5])
@pytest.mark.parametrize(("answers", "least"), [("never", 0.6), ("hardly ever", 0.15)])
def test_without_answers_in_the_language_the_interval_says_how_little_is_known(prompts, language, answers, least):
    """Nobody knows how an answer in the language would be judged, so no number of prompts makes it narrow."""
    for level in (0.0, -1.4):
        held, width, _ = covered(prompts, 200, level=level, language=language, answers=answers)
        assert held >= 0.93 and width > least


def test_no_win_at_all_is_no_certainty():
    found = controlled_rate(np.zeros(50), design(np.linspace(-1, 1, 50), np.zeros(50)), range(50))
    value, low, high = mean_rate([found], freed=3)
    assert 0 <= low < 0.005 and value < 0.02 and 0.07 < high < 0.15


@pytest.mark.parametrize("level", [0.4, -3.5])
def test_the_mean_over_parallel_languages_holds_the_truth(level):
    generator, held = np.random.default_rng(5), []
    for _ in range(200):
        studies = [judge(generator, 50, level=level) for _ in range(5)]
        _, low, high = mean_rate([controlled_rate(wins, x, range(50)) for wins, x, _ in studies], freed=3)
        held.append(low <= studies[0][2] <= high)
    assert 0.93 <= np.mean(held) <= 0.995


def test_translations_of_a_prompt_are_one_cluster():
    generator = np.random.default_rng(2)
    wins, x, _ = judge(generator, 80)
    one = controlled_rate(wins, x, range(80))
    same = mean_rate([one, one, one])
    assert same == pytest.approx(mean_rate([one]))
    other = controlled_rate(wins, x, [f"other {number}" for number in range(80)])
    apart = mean_rate([one, other])
    assert apart[2] - apart[1] == pytest.approx((same[2] - same[1]) / np.sqrt(2), rel=0.03)


def test_a_run_that_wins_always_and_lengths_that_are_equal():
    found = controlled_rate(np.ones(60), design(np.zeros(60), None), range(60))
    value, low, high = mean_rate([found], freed=2)
    assert 0.9 < low <= value <= high < 1
    assert np.isnan(mean_rate([controlled_rate(np.ones(1), np.ones((1, 1)), [0])])[1])
