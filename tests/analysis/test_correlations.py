"""The tables' numbers on made-up studies, and what the published tables themselves must satisfy."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from polytune.analysis.choices import Choice
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
from tests.cases.synthetic_study import ORDER, collect_study, incremental_runs, synthetic_study, write_results


@pytest.fixture(scope="module")
def similarity(tmp_path_factory):
    path = tmp_path_factory.mktemp("similarity") / "similarity.parquet"
    synthetic_similarity().to_parquet(path)
    return read_similarity(path, "uriel-precomputed")


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return synthetic_study(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def table(study, similarity):
    return correlate(series_of(study, "xcopa"), similarity, "ko").set_index(["language", "predictor"])


def series_of(study, evaluation, **choice):
    return select_series(study.scores, study.runs, Choice(**choice), evaluation)


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


def test_correlations_are_scipys(study, table):
    rows = study.scores[study.scores["measure"] == "acc"].merge(study.runs, on="run")
    rows = rows[(rows["evaluation"] == "xcopa") & (rows["language"] == "tr") & (rows["n_languages"] > 0)]
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
    study = synthetic_study(tmp_path, sizes=(1, 2, 4, 8, 20, 26, 52), benchmarks=("xwinograd",))
    table = correlate(series_of(study, "xwinograd"), similarity, "ko")
    assert table.loc[table["predictor"] == WITHOUT_OUTLIER, "r"].isna().all()
    assert table.loc[table["predictor"] == NUMBER, "r"].notna().all()


def test_the_planted_korean_checkpoint_is_found(study):
    found = find_outliers(study.scores, study.runs, Choice())
    assert set(found["evaluation"]) == {"xcopa", "xstorycloze", "xwinograd", "all"}
    joint = found[found["evaluation"] == "all"]
    assert joint.loc[joint["stands_out"], "added"].tolist() == ["ko"]


def test_another_measure_is_correlated_by_one_word(study, similarity):
    series = series_of(study, "xcopa", measure="bits_per_byte")
    rows = study.scores[(study.scores["measure"] == "bits_per_byte") & (study.scores["language"] == "th")]
    rows = rows[rows["run"].str.contains("/full/")]
    np.testing.assert_allclose(series.values[:, series.languages.index("th")], rows["value"])


def test_worlds_and_seeds_are_averaged(tmp_path):
    runs = [run for world in ("w1", "w2") for run in incremental_runs((1, 2), world=world)]
    study = collect_study(tmp_path, write_results(tmp_path, runs, ("xwinograd",), items=30))
    series = series_of(study, "xwinograd")
    assert series.mixtures == (("en",), ("en", "zh")) and series.values.shape == (2, 6)
    rows = study.scores[(study.scores["measure"] == "acc") & (study.scores["language"] == "ru")]
    both = rows[rows["run"].str.contains("incremental-02")]["value"]
    assert len(both) == 2
    assert series.values[1, series.languages.index("ru")] == pytest.approx(100 * both.mean())


def only_untuned(study):
    return study.scores, study.runs[study.runs["method"] == "base"]


def two_bases(study):
    tuned = study.runs["method"] == "full"
    names = np.where(np.arange(len(study.runs)) % 2, "world-t5", study.runs["base"])
    return study.scores, study.runs.assign(base=np.where(tuned, names, study.runs["base"]))


def backwards(study):
    return study.scores, study.runs.assign(languages=[codes[::-1] for codes in study.runs["languages"]])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (only_untuned, ["no tuned model", "xcopa"]),
        (two_bases, ["one base", "world-t5, world-bloom-w1", "'bases: ["]),
        (
            lambda study: (study.scores.assign(evaluation="xcopas"), study.runs),
            ["no benchmark 'xcopa'", "did you mean 'xcopas'"],
        ),
        (backwards, ["does not grow out of", "'families'"]),
    ],
)
def test_scores_that_allow_no_correlation_are_refused(study, change, words):
    scores, runs = change(study)
    with pytest.raises(InputError) as error:
        select_series(scores, runs, Choice(), "xcopa")
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
