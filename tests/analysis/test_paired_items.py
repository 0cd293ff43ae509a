"""Paired tests of items against scipy, statsmodels' formula and loops."""

import math
from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from polytune.analysis import paired_items


@pytest.mark.parametrize(("gained", "lost"), [(0, 0), (5, 5), (3, 12), (40, 61), (1, 0)])
def test_mcnemar_is_the_binomial_test(gained, lost):
    expected = stats.binomtest(gained, gained + lost).pvalue if gained + lost else 1.0
    assert paired_items.mcnemar_p(gained, lost) == pytest.approx(expected, rel=1e-12)


def test_few_clusters_get_every_sign():
    differences = np.array([[1.0, 0.5], [0.0, -0.25], [1.0, 0.75], [-1.0, 0.5], [1.0, 0.0], [1.0, 0.25]])
    expected = []
    for column in differences.T:
        sums = [abs(np.dot(signs, column)) for signs in product((1, -1), repeat=6)]
        expected.append(np.mean(np.array(sums) >= abs(column.sum()) - 1e-12))
    assert paired_items.sign_flip_p(differences) == pytest.approx(expected)
    assert paired_items.sign_flip_p(differences[:, 0]) == pytest.approx(expected[0])


def test_of_right_and_wrong_items_the_exact_flips_are_mcnemars():
    differences = np.array([1.0] * 9 + [-1.0] * 3)
    assert paired_items.sign_flip_p(differences) == pytest.approx(paired_items.mcnemar_p(9, 3))


def test_many_clusters_agree_with_scipy_within_the_error_of_both():
    generator = np.random.default_rng(2)
    differences = generator.normal(0.08, 1, (300, 2))
    found = paired_items.sign_flip_p(differences)
    for column, p in enumerate(found):
        theirs = stats.permutation_test(
            (differences[:, column],), np.mean, permutation_type="samples", n_resamples=9999, rng=3
        ).pvalue
        assert p == pytest.approx(theirs, abs=5 * math.sqrt(3 * p / 9999))
    assert (found == paired_items.sign_flip_p(differences)).all()


def test_p_of_equal_models_is_uniform():
    generator = np.random.default_rng(6)
    p = paired_items.sign_flip_p(generator.normal(size=(60, 500)), resamples=199)
    assert stats.kstest(p, "uniform").pvalue > 0.01


def test_translations_of_an_item_are_one_cluster():
    index = pd.Index(["a", "b"], name="item")
    values = pd.DataFrame({"en": [1.0, 0.0], "de": [1.0, 1.0]}, index=index)
    found = paired_items.cluster_differences(values, values * 0 + 0.5)
    assert found.tolist() == [0.5, 0.0]
    with pytest.raises(ValueError, match="same items"):
        paired_items.cluster_differences(values, values[::-1])
