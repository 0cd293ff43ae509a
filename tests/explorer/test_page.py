"""What is in the page: the tables' numbers, world and real apart, within its size, and nothing that does harm."""

from __future__ import annotations

import json
import re
import tomllib
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from polytune.errors import InputError
from polytune.explorer.build import FOLDER, SCRIPTS, build_page, inline_json, inline_script
from polytune.explorer.columns import named, numbers, pack, unpack
from polytune.explorer.items import ABSENT, build_items
from polytune.explorer.library import compile_charts
from polytune.explorer.outlines import signed_area, thin
from polytune.explorer.scores import build_runs, build_scores
from polytune.explorer.tables import read_studies
from polytune.explorer.texts import ANSWER, build_texts
from tests.cases.explorer_cases import HOSTILE, LANGUAGES, write_results, write_study

KINDS = ("run", "evaluation", "origin", "language", "aggregate", "made")


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    return write_results(tmp_path_factory.mktemp("results"))


@pytest.fixture(scope="module")
def studies(paths):
    return read_studies(paths)


@pytest.fixture(scope="module")
def page(studies, paths):
    return build_page(studies, paths)[0]


def parts_of(page: str) -> dict:
    """Return what the page holds, unpacked, by the ids of its elements."""
    found = re.findall(r'<script id="(\w+)" type="application/gzip">([^<]*)</script>', page)
    return {name: unpack(text) for name, text in found}


def decoded(scores: dict) -> pd.DataFrame:
    """Return the scores of a page as a table."""
    words = {
        name: [column["names"][at] for at in column["at"]]
        for name, column in scores.items()
        if isinstance(column, dict)
    }
    plain = {name: column for name, column in scores.items() if not isinstance(column, dict)}
    return pd.DataFrame({**words, **plain})


def test_the_page_has_every_score_of_the_tables(page, paths):
    core = parts_of(page)["core"]
    shown = decoded(core["scores"])
    shown["run"] = [core["runs"][place]["run"] for place in shown["run"]]
    for scale in ("world", "full"):
        table = pd.read_parquet(paths.scores("lucky52", scale))
        ours = shown[shown["made"] == {"world": "world", "full": "real"}[scale]].reset_index(drop=True)
        assert len(ours) == len(table) > 20
        for name in ("run", "evaluation", "origin", "language", "aggregate", "exposure"):
            assert ours[name].tolist() == table[name].tolist(), name
        np.testing.assert_allclose(ours["value"].astype(float), table["value"], rtol=5e-6)
        np.testing.assert_allclose(ours["stderr"].astype(float), table["stderr"], rtol=5e-6)
        assert ours["items"].tolist() == table["items"].tolist()


def test_world_and_real_are_told_apart_by_scale_run_and_data(paths, tmp_path):
    other = write_results(tmp_path)
    write_study(other, "mixed", "full", "own-base", "", (1,))
    table = pd.read_parquet(other.scores("mixed", "full"))
    table.loc[table["language"] == "de", "origin"] = "world"  # a real base on the world's data
    table.to_parquet(other.scores("mixed", "full"))
    write_study(other, "odd", "full", "world-bloom-w1", "w1", (1,))  # a base of the world at full scale
    scores = decoded(build_scores(read_studies(other, ["mixed/full"])))
    assert set(scores.loc[scores["origin"] == "world", "made"]) == {"world"}
    assert set(scores.loc[scores["origin"] == "hub", "made"]) == {"real"}
    assert set(decoded(build_scores(read_studies(other, ["odd/full"])))["made"]) == {"world"}
    assert set(decoded(build_scores(read_studies(paths, ["lucky52/world"])))["made"]) == {"world"}


def test_runs_say_how_they_were_made(studies, paths):
    runs = {run["run"]: run for run in build_runs(studies, paths)}
    tuned = runs["world-bloom-w1/full/world-w1-incremental-04-all/seed1"]
    assert tuned["label"] == "incremental-04-all" and tuned["families"] == [{"family": "incremental", "size": 4}]
    assert tuned["made"]["commit"] == "c" * 40 and tuned["made"]["spec_digest"] == "a" * 64
    assert runs["bloom-560m/base/none/seed0"]["made"] == {}
    assert tuned["languages"] == list(LANGUAGES[:4])


def test_items_are_those_of_the_table_sign_by_sign(studies, paths):
    runs = build_runs(studies, paths)
    built, said = build_items(studies, runs, 10**6)
    assert said == []
    compared = 0
    for one in built["sets"]:
        scale = "world" if one["made"] == "world" else "full"
        table = pd.read_parquet(paths.items("lucky52", scale)).set_index(["run", "language", "item"])["value"]
        for run, at, signs in zip(one["run"], one["language"]["at"], one["answers"], strict=True):
            language = one["language"]["names"][at]
            for item, sign in zip(one["items"], signs, strict=True):
                assert one["values"][int(sign, 36)] == table[runs[run]["run"], language, item]
                compared += 1
    assert compared == (4 + 3) * len(LANGUAGES) * 20


def test_items_of_a_file_in_many_parts_are_the_same(studies, paths, tmp_path):
    other = write_results(tmp_path)
    for scale in ("world", "full"):
        path = other.items("lucky52", scale)
        pd.read_parquet(path).to_parquet(path, row_group_size=37)  # each part has a dictionary of its own
    read = read_studies(other)
    assert build_items(read, build_runs(read, other), 10**6) == build_items(studies, build_runs(studies, paths), 10**6)


def test_items_without_a_value_and_measures_with_too_many(studies, paths, tmp_path):
    other = write_results(tmp_path)
    table = pd.read_parquet(other.items("lucky52", "world"))
    probabilities = table.assign(measure="choice_probability", value=np.linspace(0, 1, len(table)))
    gone = table.index[(table["item"] == "3") & (table["language"] == "de")]
    pd.concat([table.drop(gone), probabilities]).to_parquet(other.items("lucky52", "world"))
    read = read_studies(other, ["lucky52/world"])
    built, said = build_items(read, build_runs(read, other), 10**6)
    (one,) = built["sets"]
    signs = one["answers"][one["language"]["at"].index(one["language"]["names"].index("de"))]
    assert signs[one["items"].index("3")] == ABSENT and signs.count(ABSENT) == 1
    assert len(said) == 1 and "choice_probability" in said[0]
    assert build_items(read, build_runs(read, other), 50)[0]["sets"] == []
    assert "more than there is room for" in build_items(read, build_runs(read, other), 50)[1][1]


def test_texts_are_a_parallel_sample_that_fits(studies, paths):
    runs = build_runs(studies, paths)
    whole, said = build_texts(studies, runs, paths, 10**6)
    assert said == [] and len(whole["answers"]["run"]) == 2 * 2 * 6 and len(whole["verdicts"]["run"]) == 24 + 12
    assert set(whole["answers"]["made"]["names"]) == {"real"}
    room = len(pack(whole)) - 20
    part, said = build_texts(studies, runs, paths, room)
    assert len(pack(part)) <= room and "of 6 questions are kept" in said[0]
    answers = part["answers"]
    items = {answers["item"]["names"][at] for at in answers["item"]["at"]}
    keys = list(zip(answers["run"], answers["language"]["at"], answers["item"]["at"], strict=True))
    assert 0 < len(items) < 6 and len(set(keys)) == len(keys) == 2 * 2 * len(items)  # of both runs, in both languages
    assert not build_texts(studies, runs, paths, 10)[0]["answers"]["run"]


def test_long_answers_are_cut_and_it_is_said(tmp_path):
    other = write_results(tmp_path)
    path = other.responses("bloom-560m/base/none/seed0", "asked").replace(".json", ".parquet")
    table = pd.read_parquet(path)
    table.assign(text="x" * (ANSWER + 5)).to_parquet(path)
    read = read_studies(other)
    built, said = build_texts(read, build_runs(read, other), other, 10**6)
    assert "x" * ANSWER + "…" in built["answers"]["text"]["names"] and "12 answers are cut" in said[-1]


def test_hostile_text_stays_text(page):
    parts = parts_of(page)
    assert any(HOSTILE in text for text in parts["texts"]["answers"]["text"]["names"])
    assert "harmed" not in page  # but in the packed parts
    assert page.count("</script>") == page.count("<script") == 6
    assert inline_json({"a": HOSTILE}).count("<") == 0 and json.loads(inline_json({"a": HOSTILE})) == {"a": HOSTILE}
    assert "</script" not in inline_script(HOSTILE) and "<!--" not in inline_script(HOSTILE)


def test_an_installed_package_has_every_file_of_the_page(project):
    given = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"][
        "package-data"
    ]
    files = [path for path in FOLDER.rglob("*") if path.suffix not in (".py", ".pyc", "") and path.is_file()]
    assert len(files) == len(SCRIPTS) + 2 + len(compile_charts())
    for path in files:
        assert any(path.match(f"{FOLDER.name}/{pattern}") for pattern in given["polytune.explorer"]), path
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 300, path
    assert sorted(SCRIPTS) == sorted(path.stem for path in FOLDER.glob("scripts/*.js"))


def test_the_page_is_small_and_asks_for_nothing(page):
    assert len(page.encode()) < 1_500_000
    assert not re.findall(r"<(?:link|img|iframe)\b|\bsrc=\"|@import|url\(", page.split('<script id="charts"')[0])
    assert "default-src 'none'" in page


def test_what_does_not_fit_is_refused_or_left_out(studies, paths):
    small, _ = build_page(studies, paths, largest=1_100_000)
    assert len(small.encode()) < 1_100_000
    with pytest.raises(InputError, match=r"too large: name some, as --study lucky52/full"):
        build_page(studies, paths, largest=900_000)


def test_only_named_studies_are_read(paths, tmp_path):
    assert [(one.study, one.scale) for one in read_studies(paths, ["lucky52/full"])] == [("lucky52", "full")]
    with pytest.raises(InputError, match=r"--study lucky5/full: no scores of it; did you mean 'lucky52/full'"):
        read_studies(paths, ["lucky5/full"])
    with pytest.raises(InputError, match="no scores below scores/"):
        read_studies(type(paths)(str(tmp_path)))


def test_columns_come_back():
    assert named(["b", "a", "b"]) == {"names": ["b", "a"], "at": [0, 1, 0]}
    assert numbers([0.123456789, 3.0, float("nan"), 1e-9]) == [0.123457, 3, None, 1e-9]
    value = {"text": HOSTILE, "numbers": [1, None, 2.5]}
    assert unpack(pack(value)) == value and "<" not in pack(value) and pack(value) == pack(value)


def test_outlines_keep_their_shape():
    angles = np.linspace(0, 2 * np.pi, 401)
    circle = np.stack([10 * np.cos(angles), 10 * np.sin(angles)], axis=1)
    thinned = thin(circle, 0.4)
    assert 8 <= len(thinned) < 60
    assert signed_area(thinned) == pytest.approx(np.pi * 100, rel=0.08)
    # every point left out is near a side of what is kept
    for point in circle:
        assert min(_distance(point, start, end) for start, end in pairwise(thinned)) <= 0.4 + 1e-9


def _distance(point, start, end) -> float:
    along = np.clip((point - start) @ (end - start) / ((end - start) @ (end - start)), 0, 1)
    return float(np.hypot(*(point - start - along * (end - start))))
