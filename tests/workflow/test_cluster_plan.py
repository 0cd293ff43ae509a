"""`polytune plan` counts the jobs that the workflow plans."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter

import pytest


def counted(checkout, *arguments: str) -> dict[str, int]:
    """Return what `polytune plan` says is to be done, by rule."""
    call = [sys.executable, "-m", "polytune.cli", "plan", *arguments]
    done = subprocess.run(
        call, cwd=checkout.folder, env=checkout.environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    table = re.findall(r"^(\w+) +\d+ +(\d+)", done.stdout, flags=re.MULTILINE)
    assert "not costed" not in done.stdout
    return {rule: int(todo) for rule, todo in table if rule != "all" and int(todo)}


def planned(checkout, *arguments: str) -> dict[str, int]:
    """Return what a dry run plans; rules of one family (`evaluate_run_2`, `write_spec_of_scores`) together."""
    found: Counter[str] = Counter()
    for rule, count in checkout.plan(*arguments).items():
        found[next((name for name in ("evaluate_run", "write_spec") if rule.startswith(name)), rule)] += count
    return dict(found)


@pytest.mark.parametrize("options", [[], ["--configfile", "config/examples/lucky52-full.yaml"]], ids=["world", "full"])
def test_the_same_jobs_are_counted(clean_checkout, options):
    found = counted(clean_checkout, *options)
    assert found == planned(clean_checkout, *options)
    assert found["train_full"] > 10


@pytest.mark.slow
def test_nothing_is_to_be_done_when_all_is_done(finished_checkout):
    assert counted(finished_checkout) == {}


@pytest.mark.slow
def test_what_an_edit_makes_stale_is_counted(finished):
    finished.edit("config/studies/toy.yaml", "learning_rate: 3e-3", "learning_rate: 2e-3")
    assert (planned(finished)["train_full"], planned(finished)["evaluate_run"]) == (2, 2)
    assert counted(finished) == planned(finished)


@pytest.mark.slow
def test_a_single_file_can_be_asked_for(finished):
    target = "results/runs/world-bloom-w1-tiny/base/none/seed0/evaluations/world/xcopa.json"
    (finished.folder / target).unlink()
    assert counted(finished, target) == {"evaluate_run": 1}
    assert counted(finished, "results/languages/similarity.parquet") == {}


def test_an_unknown_target_is_refused_in_snakemakes_words(clean_checkout):
    call = [sys.executable, "-m", "polytune.cli", "plan", "lucky53"]
    done = subprocess.run(
        call, cwd=clean_checkout.folder, env=clean_checkout.environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1 and "lucky53" in done.stderr and "Traceback" not in done.stderr
