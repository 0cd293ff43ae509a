"""What stands behind similarities: shared features counted one by one, intervals against a plain bootstrap."""

from __future__ import annotations

import numpy as np
import pytest

from polytune.languages.codes import languages
from polytune.languages.coverage import angular_interval
from polytune.languages.similarity import build_similarity
from polytune.languages.sound import WORDS, compare_words, default_words_path, read_words
from polytune.languages.uriel import merged_features


@pytest.fixture(scope="module")
def similarity():
    table = build_similarity(default_words_path())
    return table.set_index(["measure", "method", "language", "other"])


def test_coverage_counts_features_that_both_languages_have(similarity):
    table, codes = merged_features(), languages()
    for one, other in (("de", "xh"), ("zh", "th")):
        rows = table.rows([codes[one].iso639_3, codes[other].iso639_3])
        both = [all(row[column] >= 0 for row in rows) for column in table.columns("P_")]
        assert similarity.at[("phonological", "uriel", one, other), "coverage"] == pytest.approx(sum(both) / 28)


def test_unknown_codes_have_none(similarity):
    for measure in ("syntactic", "genetic", "geographic"):
        assert similarity.at[(measure, "uriel-precomputed", "zh", "en"), "coverage"] == 0
    assert similarity.at[("genetic", "uriel", "zh", "en"), "coverage"] == 1
    assert similarity.at[("genetic", "uriel", "eu", "en"), "coverage"] == 0  # no family node in URIEL
    assert similarity.at[("geographic", "uriel", "eu", "en"), "coverage"] == 1


def test_intervals_hold_the_similarity_and_only_resampled_measures_have_one(similarity):
    known = similarity.dropna(subset=["low"])
    assert (known["low"] <= known["similarity"] + 0.02).all() and (known["similarity"] <= known["high"] + 0.02).all()
    assert known[["low", "high", "coverage"]].stack().between(0, 1).all()
    missing = set(similarity[similarity["low"].isna()].index.get_level_values("measure"))
    assert missing == {"genetic", "geographic"}


def test_interval_is_that_of_a_plain_bootstrap():
    generator = np.random.default_rng(0)
    vectors = generator.integers(0, 2, (2, 60)).astype(float)
    low, high = angular_interval(vectors)
    found = []
    for _ in range(4000):
        u, v = vectors[:, generator.integers(60, size=60)]
        found.append(1 - 2 / np.pi * np.arccos(u @ v / np.sqrt((u @ u) * (v @ v))))
    assert (low[0, 1], high[0, 1]) == pytest.approx(tuple(np.quantile(found, [0.025, 0.975])), abs=0.03)


def test_words_that_cannot_be_compared_do_not_count(similarity):
    words = read_words(default_words_path())
    scores = [compare_words(words["de"][word], words["ja"][word]) for word in WORDS]
    known = [score for score in scores if score is not None]
    row = similarity.loc[("sound", "basic-words", "de", "ja")]
    assert row["coverage"] == len(known) / 18 and row["similarity"] == pytest.approx(np.mean(known))
