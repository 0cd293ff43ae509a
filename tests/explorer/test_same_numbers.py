"""One number is the same in the page, in a table, in a figure's CSV and in what the page saves as CSV."""

from __future__ import annotations

import shutil

import pandas as pd
import pytest

from polytune.config.paths import Paths
from polytune.explorer.build import build_page
from polytune.explorer.scores import build_runs, build_scores
from polytune.explorer.tables import read_studies
from polytune.figures.draw import command as draw_figure
from polytune.languages.codes import languages
from polytune.tables.build import command as build_table
from tests.cases.browser import open_browser, visit
from tests.cases.synthetic_study import synthetic_study, write_json

EVALUATIONS = ["xcopa", "xwinograd"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The results of a made-up study, its accuracies as a table and as a figure's CSV (in percent)."""
    folder = tmp_path_factory.mktemp("study")
    study = synthetic_study(folder, sizes=(1, 4, 12), benchmarks=EVALUATIONS)
    paths = Paths(str(folder))
    place = paths.scores(study.spec["study"], study.spec["scale"])
    shutil.copytree(study.tables, place.removesuffix("/scores.parquet"))
    table = write_json(folder / "table.json", study.asked({"build": "accuracy"}))
    build_table(spec=table, scores=study.tables, output_stem=folder / "accuracy")
    figure = write_json(
        folder / "figure.json", study.asked({"draw": "accuracy_by_languages", "benchmarks": EVALUATIONS})
    )
    draw_figure(spec=figure, scores=study.tables, output_stem=folder / "means")
    return paths, pd.read_csv(folder / "accuracy.csv"), pd.read_csv(folder / "means.csv")


@pytest.fixture(scope="module")
def shown(made) -> pd.DataFrame:
    """The accuracies that the page has."""
    studies = read_studies(made[0])
    scores = {
        name: [column["names"][at] for at in column["at"]] if isinstance(column, dict) else column
        for name, column in build_scores(studies).items()
    }
    table = pd.DataFrame(scores)
    runs = build_runs(studies, made[0])
    table["mixture"] = [runs[place]["mixture"] for place in table["run"]]
    return table[table["measure"] == "acc"]


def in_percent(shown: pd.DataFrame, aggregate: str) -> dict[tuple[str, str, str], float]:
    rows = shown[shown["aggregate"] == aggregate]
    keys = zip(rows["evaluation"], rows["language"], rows["mixture"], strict=True)
    return {key: 100 * value for key, value in zip(keys, rows["value"], strict=True)}


def numbers_of(table: pd.DataFrame, aggregate: str) -> dict[tuple[str, str, str], float]:
    table = table.fillna({"language": "", "aggregate": ""})
    rows = table[table["aggregate"] == aggregate]
    keys = zip(rows["evaluation"], rows["language"], rows["mixture"], strict=True)
    return dict(zip(keys, rows["value"], strict=True))


@pytest.mark.parametrize("aggregate", ["", "mean"])
def test_page_and_table(made, shown, aggregate):
    ours, theirs = in_percent(shown, aggregate), numbers_of(made[1], aggregate)
    assert len(ours) == {"": 4 * 17, "mean": 4 * 2}[aggregate]
    assert ours == pytest.approx(theirs, rel=1e-5)


def test_page_and_figure(made, shown):
    theirs = numbers_of(made[2], "mean")
    assert len(theirs) == 4 * 2
    assert {key: in_percent(shown, "mean")[key] for key in theirs} == pytest.approx(theirs, rel=1e-5)


def test_what_the_page_saves(made, shown, tmp_path):
    paths, table, _ = made
    file = tmp_path / "explorer.html"
    file.write_text(build_page(read_studies(paths), paths)[0], encoding="utf-8")
    codes = {entry.name: code for code, entry in languages().items()}
    with open_browser() as browser:
        window = visit(browser)
        window.go(file, "evaluation=xcopa@world&measure=acc")
        saved = pd.read_csv(window.save_rows(tmp_path / "rows.csv"))
        assert window.faults == []
    saved["mixture"] = saved["run"].str.split("/").str[2]
    keys = zip(["xcopa"] * len(saved), saved["language"].map(codes), saved["mixture"], strict=True)
    ours = {key: 100 * value for key, value in zip(keys, saved["value"], strict=True)}
    theirs = {key: value for key, value in numbers_of(table, "").items() if key[0] == "xcopa"}
    assert len(ours) == 4 * 11 and ours == pytest.approx(theirs, rel=1e-5)
