"""URIEL+ from files in its layout, which are written here; the package itself is not needed."""

from __future__ import annotations

import numpy as np
import pytest

from polytune.errors import InputError
from polytune.languages import selections, urielplus
from polytune.languages.own_vectors import read_own_vectors

FEATS = ["S_SVO", "S_SOV", "P_VOICE", "GB020"]
SOURCES = ["WALS", "GRAMBANK"]
VALUES = {
    "stan1293": [[1, -1], [0, 0], [-1, -1], [0, 1]],  # English, by Glottocode
    "stan1295": [[0, 1], [1, -1], [-1, -1], [-1, -1]],
    "mand1415": [[1, 1], [0, -1], [1, -1], [1, -1]],
    "nucl1301": [[-1, -1], [1, 1], [-1, -1], [0, 0]],
}


@pytest.fixture
def database(tmp_path):
    folder = tmp_path / "database"
    (folder / "urielplus_csvs").mkdir(parents=True)
    pairs = {"eng": "stan1293", "deu": "stan1295", "cmn": "mand1415", "tur": "nucl1301"}
    lines = ["iso_code,glottocode", *(f"{iso},{code}" for iso, code in pairs.items())]
    (folder / "urielplus_csvs" / "uriel_glottocode_map.csv").write_text("\n".join(lines) + "\n")
    write(folder, list(VALUES), np.array(list(VALUES.values())))
    return folder


def write(folder, langs, data):
    np.savez(
        folder / "features.npz", feats=np.array(FEATS), langs=np.array(langs), sources=np.array(SOURCES), data=data
    )


def test_values_are_the_union_of_the_sources(database):
    names, values = urielplus.read_features(database, ["eng", "zho", "xho"])
    assert names == FEATS
    assert values.tolist() == [[1, 0, -1, 1], [1, 0, 1, 1], [-1, -1, -1, -1]]  # zho is Mandarin


def test_vectors_are_complete(database, tmp_path):
    urielplus.command(tmp_path / "vectors.parquet", database, least_known=0.5)
    found = read_own_vectors(tmp_path / "vectors.parquet")
    assert sorted(found.index) == ["de", "en", "tr", "zh"] and list(found.columns) == ["S_SVO", "S_SOV", "GB020"]
    assert found.loc["de", "GB020"] == pytest.approx(2 / 3) and found.loc["tr", "S_SVO"] == 1.0
    selections.command(tmp_path / "s.json", selections.Features.sem, 2, 1, own_vectors=tmp_path / "vectors.parquet",
                       candidates="de en tr zh")  # fmt: skip


def test_the_package_as_it_is_installed_has_iso_codes(database):
    (database / "features.npz").unlink()
    (database / "original_uriel").mkdir()
    write(database / "original_uriel", ["deu"], np.array([VALUES["stan1295"]]))
    assert urielplus.read_features(database, ["deu"])[1].tolist() == [[1, 1, -1, -1]]


def test_other_files_are_input_errors(database, monkeypatch):
    with pytest.raises(InputError, match="no feature is known of 200 %"):
        urielplus.build_vectors(database, 2.0)
    write(database, ["stan1293"], np.zeros((2, 4, 2)))
    with pytest.raises(InputError, match="has not the layout of URIEL"):
        urielplus.read_features(database, ["eng"])
    (database / "features.npz").unlink()
    with pytest.raises(InputError, match=r"no features\.npz"):
        urielplus.read_features(database, ["eng"])
    monkeypatch.setattr(urielplus, "DISTRIBUTION", "no-such-distribution")
    with pytest.raises(InputError, match=r"polytune\[urielplus\]"):
        urielplus.installed_database()


def test_the_installed_package_is_read(tmp_path):
    """As installed it holds URIEL: English and German are nearer than English and Chinese, and English is SVO."""
    urielplus.command(tmp_path / "vectors.parquet")
    vectors = read_own_vectors(tmp_path / "vectors.parquet")
    assert len(vectors) > 50 and vectors.shape[1] > 200
    assert vectors.at["en", "S_SVO"] == 1 and vectors.at["ja", "S_SVO"] == 0
    near, far = (np.linalg.norm(vectors.loc["en"] - vectors.loc[code]) for code in ("de", "zh"))
    assert near < far
