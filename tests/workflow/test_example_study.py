"""The study of the tutorial's first page, as a reader runs it: no code, twenty lines, two minutes."""

from __future__ import annotations

import json

import pandas
import pytest
import yaml

STUDY = "config/studies/example-two-languages.yaml"
RUN = "results/runs/world-bloom-w1-tiny/full/world-w1-tiny-{mixture}/seed{seed}/evaluations/world/xstorycloze.json"


@pytest.fixture(scope="module")
def example(clean_checkout, tmp_path_factory):
    checkout = clean_checkout.copy(tmp_path_factory.mktemp("example") / "polytune")
    checkout.run("--profile", "profiles/local", "--cores", "2", "--configfile", "config/examples/two-languages.yaml")
    return checkout


@pytest.fixture(scope="module")
def accuracy(example):
    """Accuracy in percent by (language, mixture), as the table has it."""
    folder = example.folder / "results/studies/example-two-languages/world/tables"
    lines = [line for line in (folder / "accuracy.md").read_text().splitlines() if line.startswith("| XStoryCloze")]
    cells = [[cell.strip().split(" ")[0] for cell in line.strip("|").split("|")] for line in lines]
    names = ("base", "en", "ru", "both")
    return {(row[1], name): float(value) for row in cells for name, value in zip(names, row[4:], strict=True)}


def test_the_study_is_twenty_lines_and_no_code(project):
    text = (project / STUDY).read_text()
    assert len(text.splitlines()) <= 20
    assert set(yaml.safe_load(text)) <= {
        "study", "title", "sources", "mixtures", "runs", "evaluation", "figures", "tables", "world",
    }  # fmt: skip


def test_the_table_has_what_the_harness_said(example, accuracy):
    """The mean of two seeds, from the result files of the evaluations."""
    for mixture, name in (("en-400-rows", "en"), ("ru-400-rows", "ru"), ("both-200-rows", "both")):
        results = [json.loads((example.folder / RUN.format(mixture=mixture, seed=seed)).read_text()) for seed in (1, 2)]
        for code, language in (("en", "English"), ("ru", "Russian"), ("zh", "Chinese")):
            values = [result["results"][f"xstorycloze_{code}"]["acc,none"] for result in results]
            assert accuracy[language, name] == pytest.approx(100 * sum(values) / 2, abs=0.06)


def test_the_figure_says_what_the_tutorial_says(example, accuracy):
    """Half of the rows in Russian teach it as well as all of them, and keep English, which Russian alone loses."""
    assert accuracy["Russian", "base"] < 60 and accuracy["English", "base"] > 90
    assert min(accuracy["Russian", "both"], accuracy["Russian", "ru"]) > 64
    assert accuracy["English", "both"] > 85 > accuracy["English", "ru"] + 10
    folder = example.folder / "results/studies/example-two-languages/world/figures"
    drawn = pandas.read_csv(folder / "accuracy.csv", comment="#")
    assert set(drawn["language"]) == {"en", "ru"} and len(drawn) == 2 * 4
    assert "enerated world" in (folder / "accuracy.svg").read_text()


def test_a_further_seed_trains_what_is_new(example):
    """Section 6 of the page: three trainings, no mixture, no base."""
    text = (example.folder / STUDY).read_text()
    (example.folder / STUDY).write_text(text.replace("seeds: [1, 2]", "seeds: [1, 2, 3]"))
    planned = example.plan("--configfile", "config/examples/two-languages.yaml")
    (example.folder / STUDY).write_text(text)
    assert planned["train_full"] == planned["evaluate_run"] == 3
    assert not {"build_mixture", "pretrain_base", "build_world"} & set(planned)
