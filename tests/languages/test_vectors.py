"""URIEL vectors: shapes, missing languages and values that are known from elsewhere."""

from __future__ import annotations

from importlib import metadata

import numpy as np
import pytest

from polytune.errors import InputError
from polytune.languages import uriel, vectors
from polytune.languages.codes import languages

# arXiv 2410.07809 and the data: the languages of Bactrian-X without a learned vector
WITHOUT_LEARNED = "ar az en fa gl gu he ka kk ml mn mr ps si sw te"


@pytest.fixture(scope="module")
def table():
    return vectors.build_vectors()


def test_every_language_has_a_row(table):
    assert table.index.tolist() == list(languages())
    assert table.columns.is_unique


@pytest.mark.parametrize(("name", "columns"), [("typo", 103 + 28 + 158), ("geo", 299), ("learn", 512)])
def test_feature_sets_have_the_published_sizes(table, name, columns):
    assert vectors.feature_set(table, name).shape[1] == columns


def test_only_learned_vectors_are_missing(table):
    assert len(vectors.feature_set(table, "typo")) == len(vectors.feature_set(table, "geo")) == 60
    learned = set(vectors.feature_set(table, "learn").index)
    missing = [code for code, entry in languages().items() if entry.bactrian_x and code not in learned]
    assert " ".join(sorted(missing)) == WITHOUT_LEARNED


def test_values_lie_where_their_kind_says(table):
    assert set(np.unique(vectors.feature_set(table, "typo"))) == {0.0, 1.0}
    places = vectors.feature_set(table, "geo").to_numpy()
    assert places.min() >= 0 and places.max() <= 1.001  # rounded to four digits in the source
    assert (table.dtypes == np.float64).all()


def test_values_printed_in_the_readme_of_lang2vec(table):
    geo = vectors.feature_set(table, "geo")
    assert geo.loc["en"].to_numpy()[:4] == pytest.approx([0.7665, 0.7924, 0.8278, 0.7214], abs=1e-6)
    assert geo.loc["fr"].to_numpy()[:4] == pytest.approx([0.7383, 0.7683, 0.7982, 0.6942], abs=6e-4)
    assert table.loc["en", "S_SVO"] == 1 and table.loc["ja", "S_SVO"] == 0


def test_families_join_relatives_and_no_others(table):
    families = vectors.feature_set(table, "families")
    assert families.loc["cs", "F_West Slavic"] == families.loc["sk", "F_West Slavic"] == 1
    assert families.loc["ru", "F_West Slavic"] == 0
    assert families.loc["eu"].sum() == 0  # an isolate
    assert (families.sum() > 0).all()


def test_command_writes_what_is_read_back(tmp_path, table):
    vectors.command(tmp_path / "languages" / "vectors.parquet")
    assert vectors.read_vectors(tmp_path / "languages" / "vectors.parquet").equals(table)
    with pytest.raises(InputError, match=r"absent\.parquet: no such file; write it with 'polytune build-vectors'"):
        vectors.read_vectors(tmp_path / "absent.parquet")


def test_unknown_iso_code_is_an_input_error():
    with pytest.raises(InputError, match=r"lang2vec 1\.1\.2 has no language 'engg'; did you mean"):
        uriel.merged_features().rows(["deu", "engg"])


def test_another_version_of_lang2vec_is_an_input_error(monkeypatch):
    class Other:
        version = "1.1.6"

    monkeypatch.setattr(metadata, "distribution", lambda name: Other())
    with pytest.raises(InputError, match=r"lang2vec is 1\.1\.6; .* pip install lang2vec==1\.1\.2"):
        uriel.data_file("features.npz")

    def absent(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", absent)
    with pytest.raises(InputError, match="lang2vec is not installed"):
        uriel.data_file("features.npz")
