"""The page: what is there and what is missing, on what it was measured; nothing that a browser would run or load."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest

from polytune import ROOT
from polytune.errors import InputError
from polytune.files import write_json
from polytune.report.build import command
from polytune.report.page import render
from polytune.report.studies import find_studies
from tests.cases.reported_study import POINTS, ReportedStudy

WORLD, REAL = "Generated world: artificial languages and tiny models.", "Real models and data."


class Page(HTMLParser):
    """What a reader sees of a page: its text, its elements with their attributes, the cells of its tables."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.cells: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.text = re.sub(r"\s+", " ", " ".join(self.words))

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, "the page's elements are not nested"

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.words.append(data)
        if {"td", "th"} & set(self.open):
            self.cells[-1] += data


def show(study: ReportedStudy, **changes) -> Page:
    return Page(render(find_studies({**study.values, **changes}), ROOT / "config/published"))


def test_a_study_without_results_says_what_is_owed(tmp_path):
    page = show(ReportedStudy(tmp_path))
    assert "not there yet: figures fig1a; tables table1." in page.text
    # 2 trainings, 3 runs to evaluate; one world, base, similarity, table of scores, figure and table
    for part in (
        "training 2",
        "evaluation 3",
        "scores 1",
        "figures 1",
        "tables 1",
        "world 1",
        "bases 1",
        "languages 1",
    ):
        assert part in page.text
    assert page.text.count("No figure or table of it is there yet") == 2
    assert "Nothing has finished yet." in page.text


def test_what_is_there_is_shown_and_the_rest_is_missing(tmp_path):
    study = ReportedStudy(tmp_path)
    study.write_figure()
    page = show(study)
    assert "not there yet: tables table1." in page.text
    assert "the difference from the untuned base is +21.5 points [17.3, 25.7]" in page.text
    pictures = [attributes for tag, attributes in page.elements if tag == "img"]
    assert len(pictures) == 1 and pictures[0]["src"].startswith("data:image/svg+xml;base64,")
    assert "Mean accuracy of XCOPA, XWinograd against languages tuned on" in pictures[0]["alt"]


def test_numbers_are_those_of_the_csv_files(tmp_path):
    study = ReportedStudy(tmp_path)
    study.write_figure()
    data = study.write_table()
    page = show(study)
    assert {"0.87 (0.44)", "−0.25 | or so"} <= set(page.cells)
    low, high = (f"{data['r'].agg(end):.2f}".replace("-", "−") for end in ("min", "max"))
    assert f"from {low} (Italian) to {high} (Estonian)" in page.text
    for row in POINTS:
        assert f"{row['value']:.1f}" in page.text


def test_text_of_a_study_is_text(tmp_path):
    """A title, a note and a value that look like HTML: none becomes an element."""
    title = "<script>alert('title')</script>"
    study = ReportedStudy(tmp_path, **{"title: A study for tests": f'title: "{title}"'})
    study.write_figure(rows=[POINTS[0], {**POINTS[1], "mixture": "<b>x</b>"}])
    study.write_table(title="<img src=x onerror=alert(1)>")
    page = show(study)
    assert title in page.text and "<img src=x" in page.text
    assert {tag for tag, _ in page.elements}.isdisjoint({"script", "iframe", "object", "link"})
    assert all(not name.startswith("on") for _, attributes in page.elements for name in attributes)


def test_nothing_is_loaded(tmp_path):
    study = ReportedStudy(tmp_path)
    study.write_figure()
    text = render(find_studies(study.values), ROOT / "config/published")
    explorer = ("a", {"href": "../explorer/explorer.html"})  # the page beside this one, where a person asks for it
    elements = Page(text).elements
    assert elements.count(explorer) == 1
    for _, attributes in [element for element in elements if element != explorer]:
        for name in ("src", "href", "srcset", "data", "action"):
            assert attributes.get(name) is None or attributes[name].startswith(("#", "data:")), attributes
    assert "@import" not in text and "url(" not in text.replace("url(#tip)", "")
    assert "default-src 'none'" in text


def test_the_world_cannot_be_overlooked(tmp_path):
    """Above the page, in its title, above each study and above each figure and table."""
    study = ReportedStudy(tmp_path)
    study.write_figure()
    study.write_table()
    page = show(study)
    banners = [attributes["class"] for tag, attributes in page.elements if "banner" in (attributes.get("class") or "")]
    assert banners == ["banner world", "banner world"]
    assert page.text.index(WORLD) < page.text.rindex("Polytune report")
    assert page.text.startswith(" Generated world – Polytune report")
    # the study at a glance, its head, its figure, its table; and each has the name of the world
    labels = [attributes for _, attributes in page.elements if attributes.get("class") == "origin world"]
    assert len(labels) == 3 and page.text.count("Generated world w1-tiny") >= 5
    assert REAL not in page.text


def test_real_results_are_said_to_be_real_and_never_stand_unmarked_beside_the_world(tmp_path):
    study = ReportedStudy(tmp_path)
    study.write_figure("full", [{**row, "origin": "hub", "base": "bloom-7b1"} for row in POINTS])
    page = show(study, scale="full")
    assert page.text.index(REAL) < page.text.rindex("Polytune report") and WORLD not in page.text
    study.write_figure("world")
    both = show(study)
    assert "Never compare the two." in both.text
    classes = [attributes.get("class") for _, attributes in both.elements]
    assert classes.count("origin world") == classes.count("origin full") == 2  # the glance and the figure


def test_departures_from_the_paper_and_methods_follow_the_study_file(tmp_path):
    page = show(ReportedStudy(tmp_path))
    found = dict(zip(page.cells, zip(page.cells[1:], page.cells[2:], strict=False), strict=False))
    assert found["base bloom-7b1"] == ("bloom-7b1", "world-bloom")
    assert found["full: learning_rate"] == ("3e-05", "0.003")
    assert found["full: epochs"] == ("3", "1")
    assert found["mixtures.incremental.rows"] == ("all", "100")
    assert found["full: batch"][1] == "–"
    for words in ("for 1 epoch in world-bloom (2 runs, seed 1)", "at a learning rate of 0.003", "30 rows an update",
                  "2 mixtures of 1 to 3 languages each, 100 rows of each language",
                  "XCOPA (11 languages; generated items)", "Each model was trained once"):  # fmt: skip
        assert words in page.text, words


def test_published_values_stand_beside_the_measured_ones(tmp_path):
    study = ReportedStudy(
        tmp_path, **{"benchmark: xcopa, outlier": "benchmark: xcopa, published: lucky52-xcopa.csv, outlier"}
    )
    study.write_table()
    page = show(study)
    assert "Lucky 52 (Ji & Chen 2024, arXiv 2404.04850), table 1" in page.text
    assert "no measure of the published values" in page.text
    place = next(
        place for place in range(len(page.cells)) if page.cells[place : place + 2] == ["number of languages", "et"]
    )
    assert page.cells[place : place + 4] == ["number of languages", "et", "0.44", "0.871"]


def test_what_was_made_under_other_settings_is_marked(tmp_path):
    study = ReportedStudy(tmp_path)
    study.write_figure()
    assert "other settings" not in show(study).text
    path = tmp_path / "toy.yaml"
    path.write_text(path.read_text().replace("benchmarks: [xcopa, xwinograd]}", "benchmarks: [xcopa]}"))
    assert "made under other settings than the study file now has: figures fig1a." in show(study).text


def test_results_without_a_study_file_are_shown_all_the_same(tmp_path):
    study = ReportedStudy(tmp_path)
    study.write_figure()
    page = show(study, studies=["lucky52"])
    assert "no file in config/studies has the study 'toy'" in page.text
    assert "+21.5 points" in page.text and "Generated world w1-tiny" in page.text


def test_a_model_that_was_deleted_after_its_evaluation_is_not_owed(tmp_path):
    study = ReportedStudy(tmp_path)
    plan = study.plan()
    header = {"seconds": {"loading": 1, "evaluation": 1}, "digests": {"options": {"device": "cpu"}}}
    for run, owed in plan.owed.items():
        for one in owed:
            write_json(plan.paths.evaluation(run, one.origin, one.name), {"polytune": header})
    page = show(study)
    assert "training" not in page.text.partition("still to run:")[2].partition("figures 1")[0]
    assert "evaluate_run" in page.text  # in the table of times


def test_a_study_whose_data_are_elsewhere_is_shown_as_far_as_it_can_be(tmp_path):
    """At full scale Polyglot reads files that only its user has: the jobs are not known, the methods are."""
    study = ReportedStudy(tmp_path)
    (study.results / "studies/polyglot/full").mkdir(parents=True)
    page = show(study)
    assert "Its jobs cannot be counted here: configuration: locations.sources.lima-x" in page.text
    assert "As planned; 0 of 36 models are tuned so far. Base models: salamandra-7b" in page.text


def test_a_wrong_configuration_is_one_line(tmp_path):
    study = ReportedStudy(tmp_path)
    with pytest.raises(InputError, match="no study 'tou'"):
        show(study, studies=["tou"])


def test_the_console_says_what_could_not_be_put_in_words(tmp_path, capsys):
    study = ReportedStudy(tmp_path)
    study.write_figure()
    (tmp_path / "config.yaml").write_text(json.dumps(study.values))
    command(output=tmp_path / "report.html", configfile=[tmp_path / "config.yaml"])
    assert capsys.readouterr().out.endswith("1 figures and tables, 1 not there yet\n")
    study.write_figure(rows=[*POINTS, *({**row, "evaluation": "xnli"} for row in POINTS)])
    command(output=tmp_path / "report.html", configfile=[tmp_path / "config.yaml"])
    first, second = capsys.readouterr().out.splitlines()
    assert first.endswith("1 figures and tables, 1 not there yet, 1 that could not be put in words:")
    assert second.startswith("  toy/figures/fig1a: no benchmark 'xnli'")
