"""Selections of languages against the published subsets (arXiv 2410.07809), and draws by family and at random."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pandas as pd
import pytest

from polytune.cli import main
from polytune.errors import InputError
from polytune.languages import selections
from polytune.languages.codes import languages
from polytune.languages.own_vectors import read_own_vectors
from polytune.languages.vectors import build_vectors, feature_set

PUBLISHED = {
    ("geo", 66): "af bn et fr gu he hr id ja kk mn sw ta vi",
    ("geo", 42): "af bn et fr he hr id ja ka kk mn ta ur vi",
    ("geo", 10): "af bn et fr he hr id ja kk mn sw ta ur vi",
    ("learn", 66): "cs hi id km ko lt lv my nl pt sl ta tl vi",
    ("learn", 42): "cs fi hr km ko lt lv my nl pt sl ta uk vi",
    ("learn", 10): "cs hi id ja lt lv nl pt sl sv ta tl tr vi",
    ("typo", 66): "az bn de et fa hi it ja mk sw ta tl vi zh",
    ("typo", 42): "ar az bn de et fa it ja mk sw ta th ur zh",
    ("typo", 10): "ar az bn en fi he hi it ja mk nl sw ta th",
}
BACTRIAN_X = [code for code, entry in languages().items() if entry.bactrian_x]
WITHOUT_LEARNED = "ar az en fa gl gu he ka kk ml mn mr ps si sw te"


@pytest.fixture(scope="module")
def vectors():
    return build_vectors()


@pytest.mark.parametrize(("features", "seed"), PUBLISHED)
def test_subset_is_the_published_one_up_to_ties(vectors, features, seed):
    selection = selections.select_languages(features, 14, seed, BACTRIAN_X, feature_set(vectors, features))
    published = set(PUBLISHED[features, seed].split())
    assert len(published) == 14
    # every cluster has exactly one published language, and it is among the nearest to the centroid
    for cluster in selection["clusters"]:
        assert len(published & {cluster["language"], *cluster["ties"]}) == 1, cluster
    # ties go to the first in the alphabet; the paper's rounding did otherwise in a cluster or two
    exchanged = set(selection["languages"]) - published
    assert len(exchanged) <= {"typo": 0, "geo": 1, "learn": 2}[features]


def test_selection_says_what_was_left_out_and_how_near_the_chosen_are(vectors):
    selection = selections.select_languages("learn", 14, 66, BACTRIAN_X, feature_set(vectors, "learn"))
    assert " ".join(selection["left_out"]) == WITHOUT_LEARNED
    assert len(selection["candidates"]) == 36
    members = sorted(code for cluster in selection["clusters"] for code in cluster["members"])
    assert members == selection["candidates"]
    values = feature_set(vectors, "learn")
    for cluster in selection["clusters"]:
        centre = values.loc[cluster["members"]].mean().to_numpy()
        distances = {code: np.linalg.norm(values.loc[code] - centre) for code in cluster["members"]}
        assert cluster["distance"] == pytest.approx(min(distances.values()), abs=1e-6)
        assert distances[cluster["language"]] == pytest.approx(cluster["distance"], abs=1e-6)


def test_order_of_the_candidates_does_not_matter(vectors):
    geo = feature_set(vectors, "geo")
    first = selections.select_languages("geo", 5, 3, BACTRIAN_X, geo)
    assert selections.select_languages("geo", 5, 3, BACTRIAN_X[::-1], geo[::-1]) == first
    assert len(first["languages"]) == 5


def test_all_candidates_can_be_chosen(vectors):
    selection = selections.select_languages("geo", 4, 1, ["en", "de", "ja", "xh"], feature_set(vectors, "geo"))
    assert selection["languages"] == ["de", "en", "ja", "xh"]
    assert [cluster["distance"] for cluster in selection["clusters"]] == pytest.approx([0] * 4, abs=1e-9)


def test_family_draw_takes_one_language_of_each_family():
    table = languages()
    drawn = [selections.select_by_family(BACTRIAN_X, 14, seed) for seed in range(20)]
    for codes in drawn:
        assert codes == sorted(codes)
        assert len({table[code].family for code in codes}) == len(codes) == 14
    european = {code for codes in drawn for code in codes if table[code].family == "Indo-European"}
    assert len(european) > 5
    with pytest.raises(InputError, match="--k 15 with --features fam: the languages have 14 families"):
        selections.select_by_family(BACTRIAN_X, 15, 1)


def test_random_draws_are_nested_and_depend_on_the_seed():
    draws = [set(selections.select_at_random(BACTRIAN_X, k, 7)) for k in (1, 5, 14, 52)]
    assert [len(draw) for draw in draws] == [1, 5, 14, 52]
    assert all(smaller < larger for smaller, larger in itertools.pairwise(draws))
    chosen = [tuple(selections.select_at_random(BACTRIAN_X, 14, seed)) for seed in range(20)]
    assert len(set(chosen)) == 20
    counts = pd.Series([code for codes in chosen for code in codes]).value_counts()
    assert counts.max() < 15 and len(counts) > 45  # no language is favoured: 20 draws of 14 of 52, 5.4 expected


def write_vectors(path, codes) -> None:
    values = np.random.default_rng(0).normal(size=(len(codes), 3))
    table = pd.DataFrame(values, columns=["a", "b", "c"])
    table.insert(0, "language", codes)
    table.to_csv(path, index=False)


def test_command_writes_a_selection_from_own_vectors(tmp_path):
    own = tmp_path / "sem.csv"
    write_vectors(own, ["deu", "eng", "fr", "xxx", "sw", "eu"])  # ISO 639-3 and our codes; one unknown
    output = tmp_path / "selections" / "sem-k2-seed1.json"
    selections.command(output, selections.Features.sem, 2, 1, own_vectors=own, candidates="de en fr sw ja")
    selection = json.loads(output.read_text(encoding="utf-8"))
    assert selection["candidates"] == ["de", "en", "fr", "sw"]
    assert selection["left_out"] == ["ja"]
    assert len(selection["languages"]) == 2
    assert read_own_vectors(own).to_numpy().dtype == np.float32


def test_command_writes_a_selection_from_built_vectors(tmp_path, vectors):
    vectors.to_parquet(tmp_path / "vectors.parquet")
    output = tmp_path / "typo-k14-seed66.json"
    selections.command(output, selections.Features.typo, 14, 66, vectors=tmp_path / "vectors.parquet")
    assert json.loads(output.read_text(encoding="utf-8"))["languages"] == PUBLISHED["typo", 66].split()


def test_bad_requests_are_input_errors(tmp_path, vectors):
    geo = feature_set(vectors, "geo")
    for k in (0, 53):
        with pytest.raises(InputError, match=f"--k is {k}; allowed: 1 to 52 languages"):
            selections.select_languages("geo", k, 1, BACTRIAN_X, geo)
    with pytest.raises(InputError, match="--k is 37; allowed: 1 to 36 languages; without vector: ar az en"):
        selections.select_languages("learn", 37, 1, BACTRIAN_X, feature_set(vectors, "learn"))
    out = tmp_path / "out.json"
    with pytest.raises(InputError, match="--features sem needs --own-vectors"):
        selections.command(out, selections.Features.sem, 2, 1)
    with pytest.raises(InputError, match="--features geo needs --vectors"):
        selections.command(out, selections.Features.geo, 2, 1)
    with pytest.raises(InputError, match=r"--candidates: .*no language 'frr'; did you mean 'fr'"):
        selections.command(out, selections.Features.rnd, 1, 1, candidates="en frr")
    assert not out.exists()


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_that_kmeans_does_not_take_is_no_option(tmp_path, seed, capsys):
    output = tmp_path / "out.json"
    with pytest.raises(SystemExit) as ended:
        main(["select-languages", "--features=rnd", "--k=2", f"--seed={seed}", f"--output={output}"])
    assert ended.value.code != 0
    assert capsys.readouterr().err.startswith("polytune select-languages: --seed: input should be ")
    assert not output.exists()


def test_bad_own_vectors_are_input_errors(tmp_path):
    path = tmp_path / "own.csv"
    with pytest.raises(InputError, match=r"own\.csv: no such file"):
        read_own_vectors(path)
    path.write_text("languages,a\nen,1\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"own\.csv: no column 'language'; did you mean 'languages'"):
        read_own_vectors(path)
    path.write_text("language,a\nen,1\neng,2\n", encoding="utf-8")
    with pytest.raises(InputError, match="language 'en' has two rows"):
        read_own_vectors(path)
    path.write_text("language,a\nen,1\nde,two\n", encoding="utf-8")
    with pytest.raises(InputError, match="column 'a' holds something else than numbers"):
        read_own_vectors(path)
    path.write_text("language,a\nen,1\nde,inf\n", encoding="utf-8")
    with pytest.raises(InputError, match="column 'a' holds something else than numbers"):
        read_own_vectors(path)
    path.write_text("language,a\nen,1\nde,1,2\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"row 2 \(line 3\) has 3 columns"):
        read_own_vectors(path)
    path.write_bytes(b"\xef\xbb\xbflanguage,a\r\nen,1.5\r\nde,\r\nno,2\r\n")
    assert read_own_vectors(path)["a"].to_dict() == {"en": 1.5, "no": 2.0}
    with pytest.raises(InputError, match=r"own\.npz: vectors are read from \.parquet, \.csv, \.tsv"):
        (tmp_path / "own.npz").touch()
        read_own_vectors(tmp_path / "own.npz")
