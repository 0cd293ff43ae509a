"""The tables' numbers on made-up studies, and what the published tables themselves must satisfy."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from polytune.analysis.correlations import (
    OWN,
    WITHOUT_OUTLIER,
    Series,
    correlate,
    find_outliers,
    select_series,
)
from polytune.analysis.predictors import MEASURES, NUMBER, own_language, read_similarity, similarity_sums
from polytune.errors import InputError
from tests.cases.synthetic_similarity import synthetic_similarity
from tests.cases.synthetic_study import ORDER, synthetic_scores


@pytest.fixture(scope="module")
def similarity(tmp_path_factory):
    path = tmp_path_factory.mktemp("similarity") / "similarity.parquet"
    synthetic_similarity().to_parquet(path)
    return read_similarity(path, "uriel-precomputed")


@pytest.fixture(scope="module")
def scores(tmp_path_factory):
    return synthetic_scores(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def table(scores, similarity):
    return correlate(select_series(scores, "xcopa"), similarity, "ko").set_index(["language", "predictor"])


def test_sums_are_those_of_a_plain_loop():
    raw = synthetic_similarity()
    values = raw.set_index(["measure", "language", "other"])["similarity"]
    wide = raw.pivot(index=["measure", "language"], columns="other", values="similarity")
    mixtures = [ORDER[:size] for size in (1, 5, 20)]
    for own in (True, False):
        sums = similarity_sums(wide, mixtures, "az", own=own)
        for row, mixture in enumerate(mixtures):
            for column, measure in enumerate(MEASURES):
                counted = [language for language in mixture if own or language != "az"]
                expected = sum(values[measure, "az", language] for language in counted)
                assert sums[row, column] == pytest.approx(expected)
    # Azerbaijani is the fifth language
    difference = similarity_sums(wide, mixtures, "az", own=True) - similarity_sums(wide, mixtures, "az", own=False)
    np.testing.assert_allclose(difference, np.outer([0, 1, 1], np.ones(len(MEASURES))), atol=1e-12)


def test_correlations_are_scipys(scores, table):
    rows = scores[(scores["benchmark"] == "xcopa") & (scores["language"] == "tr") & (scores["n_languages"] > 0)]
    expected = stats.pearsonr(rows["n_languages"], rows["value"])
    row = table.loc["tr", NUMBER]
    assert row["r"] == pytest.approx(expected.statistic)
    assert row["models"] == 13
    kept = rows[rows["n_languages"] != 25]
    assert table.loc[("tr", WITHOUT_OUTLIER), "r"] == pytest.approx(
        stats.pearsonr(kept["n_languages"], kept["value"]).statistic
    )
    assert table.loc[("tr", WITHOUT_OUTLIER), "models"] == 12
    own = (rows["n_languages"] >= 48).astype(float)
    assert table.loc[("tr", OWN), "r"] == pytest.approx(stats.pearsonr(own, rows["value"]).statistic)


def test_what_never_changes_is_undefined_and_does_not_count(table):
    undefined = table.loc["qu"].loc[[OWN, "genetic"]]
    assert undefined[["r", "p", "q", "fisher_low", "block_low", "partial_r"]].isna().all(axis=None)
    assert table.loc[("qu", NUMBER), "r"] > 0.3
    finite = table["p"].dropna()
    np.testing.assert_allclose(table["q"].dropna(), stats.false_discovery_control(finite), rtol=1e-12)


def test_a_measure_that_is_only_the_own_language_is_seen_through(table):
    # Thai has no relative in the table, so its genetic sum is the step of Thai itself entering
    thai = table.loc["th"]
    assert thai.loc["genetic", "r"] == pytest.approx(thai.loc[OWN, "r"])
    assert np.isnan(thai.loc["genetic", "partial_r"]) and np.isnan(thai.loc["genetic", "r_without_own"])
    # a language that is in no mixture loses nothing by leaving itself out
    haitian = table.loc["ht"].loc[list(MEASURES)]
    np.testing.assert_allclose(haitian["r_without_own"], haitian["r"])
    np.testing.assert_allclose(haitian["partial_r"], haitian["r"])


def test_intervals_hold_the_estimate_and_are_wider_for_dependent_models(table):
    defined = table.dropna(subset=["r"])
    assert ((defined["fisher_low"] < defined["r"]) & (defined["r"] < defined["fisher_high"])).all()
    assert (defined["p"] > 0).all() and (defined["p_block"] > 0).all()


def test_without_the_checkpoint_the_row_is_empty(tmp_path, similarity):
    scores = synthetic_scores(tmp_path, sizes=(1, 2, 4, 8, 20, 26, 52), benchmarks=("xwinograd",))
    table = correlate(select_series(scores, "xwinograd"), similarity, "ko")
    assert table.loc[table["predictor"] == WITHOUT_OUTLIER, "r"].isna().all()
    assert table.loc[table["predictor"] == NUMBER, "r"].notna().all()


def test_the_planted_korean_checkpoint_is_found(scores):
    found = find_outliers(scores)
    assert set(found["benchmark"]) == {"xcopa", "xstorycloze", "xwinograd", "all"}
    joint = found[found["benchmark"] == "all"]
    assert joint.loc[joint["stands_out"], "added"].tolist() == ["ko"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda table: table[table["method"] == "base"], ["no tuned model", "xcopa"]),
        (lambda table: table.assign(base=["a", "b"] * (len(table) // 2)), ["one base"]),
        (lambda table: table.assign(benchmark="xcopas"), ["did you mean 'xcopas'"]),
        (
            lambda table: table.assign(position_languages=[x[::-1] for x in table["position_languages"]]),
            ["does not grow out of"],
        ),
    ],
)
def test_scores_that_allow_no_correlation_are_refused(scores, change, words):
    with pytest.raises(InputError) as error:
        select_series(change(scores.copy()), "xcopa")
    for word in words:
        assert word in str(error.value)


def test_a_missing_method_or_language_of_similarity_is_named(tmp_path, similarity):
    path = tmp_path / "similarity.parquet"
    synthetic_similarity().to_parquet(path)
    with pytest.raises(InputError, match="did you mean 'uriel-precomputed'"):
        read_similarity(path, "uriel-precomputd")
    table = pd.read_parquet(path)
    table[table["measure"] != "sound"].to_parquet(path)
    with pytest.raises(InputError, match="no measure 'sound'"):
        read_similarity(path, "uriel-precomputed")
    with pytest.raises(InputError, match="no language 'xx'"):
        similarity_sums(similarity, [["en", "xx"]], "en", own=True)


def test_own_language_is_a_step():
    assert own_language([["en"], ["en", "zh"]], "zh").tolist() == [0.0, 1.0]
    series = Series((("en",), ("en", "ko")), ("en",), np.zeros((2, 1)))
    assert series.added_last("ko").tolist() == [False, True]
