"""The outlier test finds a planted checkpoint, ignores a single language's jump and raises few false alarms."""

import numpy as np

from polytune.analysis.outliers import outlier_scores, outlier_threshold


def growing(models=52, languages=11, seed=0):
    generator = np.random.default_rng(seed)
    trend = np.linspace(0.55, 0.62, models)[:, None]
    return trend + generator.normal(0, 0.008, (models, languages)) + generator.normal(0, 0.004, (models, 1))


def test_a_drop_in_all_languages_stands_out_alone():
    accuracy = growing()
    accuracy[24] -= 0.04
    scores = outlier_scores(accuracy)
    assert np.flatnonzero(np.abs(scores) > outlier_threshold(52, 11)).tolist() == [24]
    assert scores[24] < 0


def test_a_language_that_enters_is_no_outlier():
    accuracy = growing()
    accuracy[30:, 4] += 0.15
    scores = outlier_scores(accuracy)
    assert not (np.abs(scores) > outlier_threshold(52, 11)).any()
    assert np.abs(scores - outlier_scores(growing()))[29:32].max() < 1.5


def test_a_level_change_of_all_languages_is_no_outlier():
    accuracy = growing()
    accuracy[26:] += 0.05
    assert not (np.abs(outlier_scores(accuracy)) > outlier_threshold(52, 11)).any()


def test_false_alarms_are_as_rare_as_promised():
    generator = np.random.default_rng(99)  # other noise than the threshold was found with
    for models, languages in ((13, 11), (52, 6)):
        noise = 0.6 + generator.normal(0, 0.01, (1000, models, languages))
        alarms = (np.nanmax(np.abs(outlier_scores(noise)), axis=-1) > outlier_threshold(models, languages)).mean()
        assert 0.03 < alarms < 0.07


def test_units_and_trend_do_not_matter():
    accuracy = growing()
    np.testing.assert_allclose(outlier_scores(accuracy * 100), outlier_scores(accuracy), rtol=1e-9, equal_nan=True)


def test_ends_and_short_series_are_not_judged():
    scores = outlier_scores(growing(8))
    assert np.isnan(scores[[0, -1]]).all() and np.isfinite(scores[1:-1]).all()
    assert np.isnan(outlier_scores(growing(4))).all()


def test_identical_models_have_no_outliers():
    assert np.nanmax(np.abs(outlier_scores(np.full((10, 3), 0.5)))) == 0
