"""The page `docs/your-own.md` as a reader follows it: each command and file as written, on things of their own."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from tests.cases.documented_commands import documented_commands, documented_files
from tests.cases.evaluation_cases import write_model, write_xcopa

PAGE = "docs/your-own.md"
ROWS = 240
LONG = 15  # German rows that are cut at the page's 512 tokens; more than 5 % of what a mixture takes is too many
ALLOW = "data: {largest_cut_share: 0.2}\n"  # after the second plan, so that the trainings begin all the same


@pytest.fixture(scope="module")
def followed(clean_checkout, tmp_path_factory):
    """A checkout in which all of the page was done, and what each command printed, in the page's order."""
    checkout = clean_checkout.copy(tmp_path_factory.mktemp("own") / "polytune")
    (checkout.folder / "models").mkdir()
    write_model(checkout.folder / "models/my-base", "llama", positions=1024)
    (checkout.folder / "data/my-rows").mkdir(parents=True)
    for code in ("en", "de"):
        rows = [
            {
                "instruction": f"{code}: name the number after {number}",
                "input": "and " * (2000 if code == "de" and number < LONG else 1),
                "output": f"{code} {number + 1}",
            }
            for number in range(ROWS)
        ]
        (checkout.folder / f"data/my-rows/{code}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    write_xcopa(checkout.folder / "data/my-benchmarks", ("et", "it"))
    page = checkout.folder / PAGE
    for name, text in documented_files(page).items():
        (checkout.folder / name).write_text(text)
    more = re.search(r"lines more in `my\.yaml`:\n\n((?:    .*\n)+)", page.read_text())[1]
    printed = []
    for command in documented_commands():
        if command.page != PAGE or command.mentioned:
            continue
        if command.words[1] == "plan" and not any(words[1] == "plan" for words, _ in printed):
            with open(checkout.folder / "my.yaml", "a") as stream:
                stream.write(re.sub("^    ", "", more, flags=re.MULTILINE))
        first = [sys.executable, "-m", "polytune.cli"] if command.program == "polytune" else None
        call = [*first, *command.words[1:]] if first else ["snakemake", *command.words[1:], "--cores", "2"]
        if command.program == "snakemake" and "rows" not in command.words:
            with open(checkout.folder / "my.yaml", "a") as stream:
                stream.write(ALLOW)
        done = subprocess.run(call, cwd=checkout.folder, env=checkout.environment, capture_output=True, text=True)
        assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
        printed.append((command.words, done.stdout + done.stderr))
    return checkout, printed


def said(followed, number, *words):
    """What the command with these words printed, at its `number`th place in the page."""
    return [text for line, text in followed[1] if set(words) <= set(line)][number]


def test_each_thing_is_described_as_it_is_added(followed):
    assert "base 'my-base'" in said(followed, 0, "add-base")
    assert "source 'my-rows': 2 languages, rows are parallel by their position" in said(followed, 0, "add-source")
    assert "benchmark 'my-copa': et 6, it 6 items" in said(followed, 0, "add-benchmark")


def test_the_second_plan_knows_what_trainings_cut_as_these_do(followed):
    checkout, _ = followed
    assert "answers cut" not in said(followed, 0, "plan")
    later = said(followed, 1, "plan")
    refused = set(re.findall(r"(\S+) will refuse to begin", later))
    shares = {}
    for path in checkout.folder.glob("results/runs/my-base/lora/*/seed1/model/manifest.json"):
        manifest = json.loads(path.read_text())
        run = f"my-base/lora/{manifest['mixture']}/seed1"
        cuts = [(part["cut"]["partly"] + part["cut"]["wholly"]) / part["cut"]["rows"] for part in manifest["parts"]]
        shares[run] = max(cuts)
    assert len(shares) == 3 and shares["my-base/lora/my-rows-en-200-rows/seed1"] == 0
    assert refused == {run for run, share in shares.items() if share > 0.05} != set()


def test_the_tables_are_where_the_page_says(followed):
    checkout, _ = followed
    folder = re.search(r"`(results/studies/[^`]*)`", (checkout.folder / PAGE).read_text())[1]
    for table in ("accuracy", "cut"):
        assert (checkout.folder / folder / f"{table}.md").read_text()
