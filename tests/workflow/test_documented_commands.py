"""Every line of Snakemake that the documents show is run, as a dry run, in a clean checkout with a reader's files.

Each distinct line runs once. Lines for a cluster are planned on this machine: `profiles/local` stands for its profile.
`tests/project/test_commands.py` checks the other programs of the documents.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest

from tests.cases.alpaca_directories import write_alpaca, write_questions
from tests.cases.documented_commands import documented_commands, documented_files
from tests.cases.evaluation_cases import write_model
from tests.cases.polyglot_directories import write_lima, write_mt_bench

# What a reader has made or copied before typing a line. The data stand for real ones in the layout of the hub.
COPIES = {"my-real-benchmarks.yaml": "config/examples/real-benchmarks.yaml"}
WRITTEN = {
    "my.yaml": "studies: [lucky52]\n",
    "config/studies/my-lucky.yaml": "extends: lucky52\nstudy: my-lucky\ntitle: Mine\n",  # `polytune new-study`
}
BENCHMARKS = "real-benchmarks"
"""The directory that the example names; the others are those of the studies of judged answers."""

TUTORIAL = ("docs/tutorial/your-own-languages-and-data.md", "docs/tutorial/your-own-base.md")
"""Pages whose commands make what their later lines need, in the order in which they are read."""
PREPARES = ("build-world", "add-base", "add-source", "add-benchmark")
TRAINED = (
    "results/bases/world-bloom-w1-tiny",
    "results/runs/world-bloom-w1-tiny/full/world-w1-tiny-both-200-rows/seed1/model",
)

RUNS_ALONE = ("--rulegraph", "--unlock", "--lint", "--summary", "--list-target-rules")
ELSEWHERE = ("my-smollm2.yaml", "linguistic-logs")
"""Words of lines that want a real model or logs; test_small_real.py and test_linguistic_logs.py plan these studies."""
NEEDS_RESULTS = ("--report",)  # tests/workflow/test_end_to_end.py runs it after a study


PINCH = ["en", "ar", "cs", "es", "et", "fi", "he", "hi", "hr", "it", "pl", "ru", "sk", "sl", "sr", "sw", "zh"]


def write_lists(folder, languages):
    """Write lists of instructions in Alpaca's layout: what the study pinch asks a reader to translate, as many rows."""
    folder.mkdir()
    for code in languages:
        rows = [{"instruction": f"{code} {number}", "input": "", "output": f"{number}"} for number in range(4640)]
        (folder / f"{code}.json").write_text(json.dumps(rows))


def as_dry_run(words: tuple[str, ...]) -> tuple[str, ...]:
    """Return the options of a line as they are tried here."""
    options = ["profiles/local" if word.startswith("profiles/") else word for word in words[1:]]
    alone = any(option in RUNS_ALONE for option in options)
    return tuple(options) if alone or "-n" in options else ("-n", *options)


LINES: dict[tuple[str, ...], str] = {}
for command in documented_commands():
    if command.program == "snakemake" and not set(command.words) & {*NEEDS_RESULTS, *ELSEWHERE}:
        LINES.setdefault(as_dry_run(command.words), f"{command.page}:{command.line}")


@pytest.fixture(scope="module")
def checkout(clean_checkout, tmp_path_factory):
    """A checkout in which nothing ran, with what the documents ask a reader to make."""
    checkout = clean_checkout.copy(tmp_path_factory.mktemp("documented") / "polytune")
    for name, original in COPIES.items():
        shutil.copy(checkout.folder / original, checkout.folder / name)
    for page in sorted((checkout.folder / "docs/tutorial").glob("*.md")):
        WRITTEN.update(documented_files(page))
    for name, text in WRITTEN.items():
        (checkout.folder / name).write_text(text)
    for folder in TRAINED:  # what earlier pages of the tutorial have made
        write_model(checkout.folder / folder)
    for page in TUTORIAL:
        for command in documented_commands():
            if command.page == page and not command.mentioned and command.words[:2][-1] in PREPARES:
                call = [sys.executable, "-m", "polytune.cli", *command.words[1:]]
                subprocess.run(call, cwd=checkout.folder, env=checkout.environment, check=True, capture_output=True)
    shutil.copytree(checkout.folder / "made/benchmarks", checkout.folder / BENCHMARKS)
    write_alpaca(checkout.folder / "alpaca-mt", 52_000 // 9 + 1)
    write_questions(checkout.folder / "openassistant-50")
    write_lima(checkout.folder / "lima-x", 1030)
    for name, languages in (("lima-oasst", PINCH), ("alpaca-farm", PINCH)):
        write_lists(checkout.folder / name, languages)
    write_mt_bench(checkout.folder / "MT-Bench-X")
    return checkout


def test_the_lines_are_found():
    assert len(LINES) > 8
    assert any(page.startswith("README.md") for page in LINES.values())


@pytest.mark.parametrize("options", LINES, ids=LINES.values())
def test_a_documented_line_is_planned(checkout, options):
    printed = checkout.run(*options)
    assert "Traceback" not in printed
    if "-n" in options:
        assert "Job stats" in printed or "Nothing to be done" in printed
