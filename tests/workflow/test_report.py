"""The report of the toy study as a user makes it: whole by the workflow, of what is there by the command."""

from __future__ import annotations

import csv
import json
import math
import re
import subprocess
import zipfile

import pytest

from tests.report.test_page import Page
from tests.workflow.test_end_to_end import RUN

pytestmark = pytest.mark.slow
FIGURE = "results/studies/toy/world/figures/fig1a"
PAGE = "results/report/report.html"


def build(checkout, *options: str) -> Page:
    """Run `polytune build-report` in a checkout and return the page."""
    call = ["polytune", "build-report", *options]
    done = subprocess.run(call, cwd=checkout.folder, env=checkout.environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return Page((checkout.folder / PAGE).read_text(encoding="utf-8"))


def test_the_workflow_makes_a_whole_report_and_its_own_beside_it(finished):
    assert finished.plan("report") == {"build_explorer": 1, "build_report": 1, "report": 1}
    finished.run("--profile", "profiles/local", "--cores", "1", "report")
    page = Page((finished.folder / PAGE).read_text(encoding="utf-8"))
    assert "Nothing is owed: every job is done." in page.text and "not there yet" not in page.text
    assert "No words can be made" not in page.text
    assert page.text.count("Generated world w1-tiny") >= 5
    assert finished.plan("report") == {}
    finished.run("--report", "report.zip", "report")
    with zipfile.ZipFile(finished.folder / "report.zip") as archive:
        assert any("fig1a" in name for name in archive.namelist())
    # as make report does, without the workflow: the same bytes
    before = (finished.folder / PAGE).read_bytes()
    build(finished, "--results", "results")
    assert (finished.folder / PAGE).read_bytes() == before


def test_the_sentence_and_the_facts_are_those_of_the_files(finished):
    page = build(finished)
    with open(finished.folder / f"{FIGURE}.csv", encoding="utf-8", newline="") as stream:
        points = list(csv.DictReader(stream))
    base = {row["evaluation"]: row for row in points if row["method"] == "base"}
    differences = {}
    for row in points:
        if row["method"] != "base":
            first, other = (
                [float(one[end]) for end in ("value", "low", "high")] for one in (row, base[row["evaluation"]])
            )
            below = math.hypot(first[0] - first[1], other[2] - other[0])
            above = math.hypot(first[2] - first[0], other[0] - other[1])
            differences[first[0] - other[0]] = below, above
    largest = max(differences, key=abs)
    sentence = re.search(r"In this run .*? at once\)", page.text)[0]
    assert f"{abs(largest):.1f} points" in sentence and f"for all {len(differences)} at once" in sentence
    assert len(differences) == 4
    manifest = json.loads((finished.folder / RUN / "model/manifest.json").read_text())
    assert manifest["provenance"]["commit"][:9] in page.text
    assert re.search(rf"That came to \d+ to {manifest['updates']} updates\.", page.text)
    assert "2 of 2" in page.cells  # models tuned


def test_what_is_missing_is_said_and_the_rest_is_shown(finished):
    (finished.folder / f"{FIGURE}.png").unlink()
    (finished.folder / RUN / "evaluations/world/xcopa.json").unlink()
    page = build(finished)
    assert "2 jobs are still to run: evaluation 1, figures 1." in page.text
    assert "not there yet: figures fig1a." in page.text
    assert "table1" in page.text and not [tag for tag, _ in page.elements if tag == "img"]
