"""The six URIEL similarities against published values, and what must hold of any similarity."""

from __future__ import annotations

import csv
import itertools

import numpy as np
import pytest

from polytune.languages.codes import languages
from polytune.languages.similarity import DEPTH_CORRECTIONS, MEASURES, METHODS, build_similarity, uriel_distances
from polytune.languages.sound import default_words_path

PUBLISHED = "uriel-precomputed"
MACRO = ("ar", "az", "fa", "sw", "zh", "no")


@pytest.fixture(scope="module")
def similarity():
    return build_similarity(default_words_path())


@pytest.fixture(scope="module")
def matrices(similarity):
    return {
        (measure, method): part.pivot(index="language", columns="other", values="similarity")
        for (measure, method), part in similarity.groupby(["measure", "method"])
    }


def published(measure: str, *codes: str) -> float:
    return uriel_distances(codes, measure, PUBLISHED)[0, 1]


# lang2vec's README printed these distances of its tables (four digits, one rounded to 1).
@pytest.mark.parametrize(
    ("measure", "first", "second", "distance"),
    [
        ("syntactic", "eng", "fra", 0.4569),
        ("syntactic", "frr", "dan", 0.6629),
        ("syntactic", "frr", "deu", 0.5788),
        ("syntactic", "dan", "deu", 0.4852),
        ("geographic", "frr", "dan", 0.0028),
        ("geographic", "frr", "deu", 0.0359),
        ("geographic", "dan", "deu", 0.0361),
        ("genetic", "frr", "dan", 0.625),
        ("inventory", "frr", "dan", 0.6196),
        ("phonological", "frr", "dan", 0.0),
        ("featural", "frr", "dan", 1.0),
    ],
)
def test_distance_is_the_published_one(measure, first, second, distance):
    # positions follow from distances of four digits; 0.0002 was printed for two equal phonological vectors
    tolerance = {"geographic": 1e-4, "phonological": 2e-4}.get(measure, 5e-5)
    assert published(measure, first, second) == pytest.approx(distance, abs=tolerance)


def test_genetic_distance_by_hand():
    # deu and eng share Indo-European, Germanic, Northwest Germanic, West Germanic; deu has 6 nodes and comes first
    assert published("genetic", "deu", "eng") == pytest.approx(1 - 4 / 7)
    # fra and spa share 9; fra has 12 in 1.1.2 and 3 more in the older tree
    shared = 9
    assert published("genetic", "fra", "spa") == pytest.approx(1 - shared / (12 + 3 + 1))


def test_genetic_distance_counts_from_the_first_code_whoever_asks():
    assert published("genetic", "eng", "deu") == published("genetic", "deu", "eng")
    # the same four common nodes, but not the same distance: English is deeper than German
    assert published("genetic", "deu", "nld") != published("genetic", "eng", "nld")
    # ces (depth 6) comes before, spa after rus (depth 4): one node in common with spa, three with ces
    assert published("genetic", "ces", "rus") == pytest.approx(1 - 3 / 7)
    assert published("genetic", "rus", "spa") == pytest.approx(1 - 1 / 5)


# In the original tables Afrikaans (depth 7) is never the first: the other's depth counts.
@pytest.mark.parametrize(
    ("other", "distance"),
    [
        ("deu", 0.2857),
        ("eng", 0.6),
        ("nld", 0.4),
        ("lav", 0.75),
        ("rus", 0.8),
        ("ron", 0.8889),
        ("spa", 0.9231),
    ],
)
def test_genetic_distance_of_afrikaans_is_the_published_one(other, distance):
    assert published("genetic", "afr", other) == pytest.approx(distance, abs=5e-5)
    assert published("genetic", other, "afr") == pytest.approx(distance, abs=5e-5)


def test_only_afrikaans_stands_behind_the_alphabet():
    """Every other pair counts from the code that is first in the alphabet, as nearly all published ones do."""
    from polytune.languages.uriel import family_features

    isos = sorted(entry.iso639_3 for entry in languages().values() if entry.language not in MACRO)
    memberships = family_features().rows(isos).astype(int)
    distances = uriel_distances(isos, "genetic", PUBLISHED)
    compared = 0
    for i, j in itertools.combinations(range(len(isos)), 2):
        common = int(memberships[i] @ memberships[j])
        if common and "afr" not in (isos[i], isos[j]) and isos[i] not in DEPTH_CORRECTIONS:
            assert distances[i, j] == pytest.approx(1 - common / (memberships[i].sum() + 1)), (isos[i], isos[j])
            compared += 1
    assert compared > 350


def test_geographic_distance_agrees_with_latitude_and_longitude():
    # Tokyo-like and Madrid-like positions of URIEL: compared with the triangle bounds of the 299 reference points
    from polytune.languages.uriel import geographic_features

    codes = ["jpn", "spa", "xho", "que"]
    rows = geographic_features().rows(codes).astype(float)
    distances = uriel_distances(codes, "geographic", PUBLISHED)
    for i, j in itertools.combinations(range(len(codes)), 2):
        lower, upper = np.abs(rows[i] - rows[j]).max(), (rows[i] + rows[j]).min()
        assert lower - 1e-3 <= distances[i, j] <= upper + 1e-3
        assert upper - lower < 0.2  # the bounds say something


def test_macro_codes_are_unknown_in_the_published_tables_only(matrices):
    for measure in ("genetic", "geographic"):
        for code in MACRO:
            row = matrices[measure, PUBLISHED].loc[code].drop(code)
            assert (row == 0).all(), (measure, code)
    assert matrices["genetic", "uriel"].loc["sw", "xh"] > 0.5
    assert matrices["geographic", "uriel"].loc["ar", "he"] > 0.9
    assert matrices["genetic", "uriel"].loc["zh", "my"] > 0


def test_macro_codes_have_one_and_the_same_typological_vector(matrices):
    for measure in ("syntactic", "phonological", "inventory", "featural"):
        block = matrices[measure, PUBLISHED].loc[list(MACRO), list(MACRO)]
        assert np.allclose(block, 1, atol=1e-6), measure
        assert matrices[measure, "uriel"].loc["ar", "zh"] < 0.9, measure


def test_methods_agree_genetically_where_no_macro_code_is_involved(matrices):
    others = [code for code in languages() if code not in MACRO]
    ours, theirs = (matrices["genetic", method].loc[others, others] for method in METHODS)
    assert len(others) == 54
    assert np.allclose(ours, theirs)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("measure", MEASURES)
def test_similarity_is_one_to_itself_symmetric_and_in_range(matrices, measure, method):
    matrix = matrices[measure, method].loc[list(languages()), list(languages())].to_numpy()
    assert (np.diag(matrix) == 1).all()
    assert np.allclose(matrix, matrix.T)
    assert matrix.min() >= 0 and matrix.max() <= 1
    assert matrix.std() > 0.01


@pytest.mark.parametrize(
    ("measure", "near", "far"),
    [
        ("genetic", ("es", "pt"), ("es", "de")),
        ("genetic", ("hi", "ur"), ("hi", "fa")),
        ("geographic", ("et", "fi"), ("et", "vi")),
        ("syntactic", ("ja", "ko"), ("ja", "en")),
        ("inventory", ("hi", "ur"), ("hi", "xh")),
    ],
)
def test_neighbours_and_relatives_are_nearer(matrices, measure, near, far):
    for method in METHODS:
        matrix = matrices[measure, method]
        assert matrix.loc[near] > matrix.loc[far], method


def test_table_holds_every_pair_of_every_measure_once(similarity):
    assert list(similarity.columns) == [
        "language",
        "other",
        "measure",
        "method",
        "similarity",
        "coverage",
        "low",
        "high",
    ]
    assert len(similarity) == 60 * 60 * (6 * 2 + 1)
    assert not similarity.duplicated(["language", "other", "measure", "method"]).any()
    assert not similarity["similarity"].isna().any()


def published_correlations(project) -> dict:
    """Return {(benchmark, language): {predictor: r}} of Lucky 52's tables 1 to 3."""
    found: dict = {}
    for path in sorted((project / "config" / "published").glob("lucky52-*.csv")):
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
        for row in csv.DictReader(lines):
            predictor = row.pop("predictor").removeprefix("lang2vec ")
            for code, value in row.items():
                found.setdefault((path.stem, code), {})[predictor] = float(value)
    return found


def smallest_explained_variance(predictors: np.ndarray, correlations: np.ndarray) -> float:
    """Return the least squared multiple correlation that correlations within rounding (0.005) can have.

    Above 1 no accuracy whatever has these correlations with the predictors (rows of `predictors`).
    """
    from scipy.optimize import lsq_linear

    standardised = predictors - predictors.mean(axis=1, keepdims=True)
    standardised /= np.linalg.norm(standardised, axis=1, keepdims=True)
    left, lengths, _ = np.linalg.svd(standardised, full_matrices=False)
    lengths = np.maximum(lengths, 1e-6)  # two predictors are the same for ar, sw and zh
    bounds = (correlations - 0.005, correlations + 0.005)
    return 2 * lsq_linear((left / lengths).T, np.zeros(len(correlations)), bounds=bounds, method="bvls").cost


def count_possible_columns(project, matrices, method: str) -> tuple[int, int]:
    """Return how many columns of the published tables are possible with our sums of similarities, and of how many."""
    order = [code for code, entry in languages().items() if entry.bactrian_x]
    columns = published_correlations(project)
    keys = {measure: (measure, method) for measure in MEASURES} | {"sound": ("sound", "basic-words")}
    possible = 0
    for (_, target), correlations in columns.items():
        sums = [matrices[key].loc[order, target].cumsum().to_numpy() for key in keys.values()]
        values = [correlations["number of languages"], *(correlations[measure] for measure in keys)]
        possible += smallest_explained_variance(np.array([np.arange(1, 53), *sums]), np.array(values)) <= 1
    return possible, len(columns)


def test_published_correlations_are_possible_with_the_rebuilt_similarities(project, matrices):
    """Most sums correlate above 0.99 with each other, which leaves the published correlations little room."""
    assert count_possible_columns(project, matrices, PUBLISHED) == (25, 25)
    possible, _ = count_possible_columns(project, matrices, "uriel")  # macro codes known: another table of similarities
    assert possible < 20
