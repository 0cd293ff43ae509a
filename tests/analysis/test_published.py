"""The published correlations against the similarities: could any accuracies at all have given these numbers?"""

import numpy as np
import pytest
from scipy.optimize import lsq_linear

from polytune import ROOT
from polytune.analysis.correlations import ROWS
from polytune.analysis.predictors import MEASURES, NUMBER, SOUND, own_language, read_similarity, similarity_sums
from polytune.analysis.statistics import pearson, standardize
from polytune.languages.similarity import build_similarity
from polytune.languages.sound import default_words_path
from polytune.tables.correlation import read_published
from tests.cases.synthetic_study import ORDER

BENCHMARKS = ("xcopa", "xstorycloze", "xwinograd")
MIXTURES = [ORDER[:size] for size in range(1, 53)]
URIEL = [measure for measure in MEASURES if measure != SOUND]
PRINTED = 0.005  # two decimals


@pytest.fixture(scope="module")
def similarity_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("similarity") / "similarity.parquet"
    build_similarity(default_words_path()).to_parquet(path)
    return path


def smallest_length(predictors: np.ndarray, r: np.ndarray) -> float:
    """Return the smallest squared length of a centred vector whose products with the standardised predictors are `r`.

    Correlations with predictors Z are Z'y for a centred y of length 1. Some y fits the printed values if the shortest
    with Z'y in [r - PRINTED, r + PRINTED] is no longer than 1; what is missing to 1 is orthogonal to the predictors.
    """
    standard = standardize(predictors)
    kept = []  # equal predictors (genetic and geographic of macro codes) must have equal values: one of them is enough
    for column in range(standard.shape[1]):
        equal = [other for other in kept if np.abs(standard[:, column] - standard[:, other]).max() < 1e-9]
        if not equal:
            kept.append(column)
        elif abs(r[column] - r[equal[0]]) > 2 * PRINTED:
            return np.inf
    _, singular, right = np.linalg.svd(standard[:, kept], full_matrices=False)
    bounds = (r[kept] - 1.002 * PRINTED, r[kept] + 1.002 * PRINTED)
    return 2 * lsq_linear(right / singular[:, None], np.zeros(len(kept)), bounds, tol=1e-14, max_iter=2000).cost


def possible_columns(path, method: str, measures: list[str]) -> list[tuple[str, str]]:
    """Return the (benchmark, language) whose published column is possible with these similarities."""
    similarity = read_similarity(path, method)
    found = []
    for benchmark in BENCHMARKS:
        published = read_published(ROOT / "config" / "published" / f"lucky52-{benchmark}.csv")
        for language in published:
            sums = similarity_sums(similarity, MIXTURES, language, own=True)
            sums = sums[:, [MEASURES.index(measure) for measure in measures]]
            predictors = np.column_stack([[float(len(mixture)) for mixture in MIXTURES], sums])
            if smallest_length(predictors, published.loc[[NUMBER, *measures], language].to_numpy()) <= 1:
                found.append((benchmark, language))
    return found


def test_the_criterion_accepts_real_correlations_and_refuses_others():
    generator = np.random.default_rng(0)
    predictors = np.cumsum(generator.uniform(0.2, 0.8, (52, 7)), axis=0)
    r = pearson(predictors, generator.normal(size=52) + np.linspace(0, 2, 52))
    assert smallest_length(predictors, r.round(2)) <= 1
    assert smallest_length(predictors, r.round(2) + 0.3 * (np.arange(7) == 2)) > 1


def test_every_published_column_is_possible_with_the_papers_similarities(similarity_file):
    assert len(possible_columns(similarity_file, "uriel-precomputed", URIEL)) == 25
    assert len(possible_columns(similarity_file, "uriel-precomputed", list(MEASURES))) == 25  # with our own sound table


def test_the_repaired_similarities_could_not_have_given_the_published_tables(similarity_file):
    impossible = 25 - len(possible_columns(similarity_file, "uriel", URIEL))
    assert impossible >= 5


def test_macro_codes_are_nothing_but_their_own_step(similarity_file):
    similarity = read_similarity(similarity_file, "uriel-precomputed")
    for language in ("ar", "sw", "zh"):
        sums = similarity_sums(similarity, MIXTURES, language, own=True)
        step = own_language(MIXTURES, language)
        for measure in ("genetic", "geographic"):
            np.testing.assert_array_equal(sums[:, MEASURES.index(measure)], step)


def test_where_genetic_stands_out_it_is_the_own_language(similarity_file):
    # the languages whose accuracy goes with `genetic` clearly more (by 0.2) than with the number of languages
    similarity = read_similarity(similarity_file, "uriel-precomputed")
    stands_out = {
        language
        for benchmark in BENCHMARKS
        for language, difference in (
            (lambda table: table.loc["genetic"].abs() - table.loc[NUMBER].abs())(
                read_published(ROOT / "config" / "published" / f"lucky52-{benchmark}.csv")
            )
        ).items()
        if difference >= 0.2
    }
    assert stands_out == {"et", "sw", "th", "my", "zh"}
    for language in stands_out:
        sums = similarity_sums(similarity, MIXTURES, language, own=True)[:, [MEASURES.index("genetic")]]
        assert pearson(sums, own_language(MIXTURES, language))[0] > 0.97


def test_the_sums_other_than_genetic_and_geographic_are_the_number_of_languages(similarity_file):
    similarity = read_similarity(similarity_file, "uriel-precomputed")
    number = np.arange(1.0, 53)
    for language in ("et", "th", "my", "ru", "sw", "ja"):
        r = dict(zip(MEASURES, pearson(similarity_sums(similarity, MIXTURES, language, own=True), number), strict=True))
        assert min(r[measure] for measure in ("featural", "inventory", "phonological", "syntactic")) > 0.99


def test_languages_without_relatives_have_no_genetic_correlation(similarity_file):
    similarity = read_similarity(similarity_file, "uriel-precomputed")
    for language in ("eu", "qu"):
        sums = similarity_sums(similarity, MIXTURES, language, own=True)
        assert np.isnan(pearson(sums, np.linspace(0, 1, 52))[MEASURES.index("genetic")])
    assert len(ROWS) == 9
