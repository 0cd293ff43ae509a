"""`polytune plan` counts the jobs that the workflow plans."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest


def counted(checkout, *arguments: str) -> dict[str, int]:
    """Return what `polytune plan` says is to be done, by rule."""
    call = [sys.executable, "-m", "polytune.cli", "plan", *arguments]
    done = subprocess.run(
        call, cwd=checkout.folder, env=checkout.environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    table = re.findall(r"^(\w+) +\d+ +(\d+)", done.stdout, flags=re.MULTILINE)
    return {rule: int(todo) for rule, todo in table if rule != "all" and int(todo)}


@pytest.mark.parametrize("options", [[], ["--configfile", "config/examples/lucky52-full.yaml"]], ids=["world", "full"])
def test_the_same_jobs_are_counted(clean_checkout, options):
    found = counted(clean_checkout, *options)
    assert found == clean_checkout.plan(*options)
    assert found["train_full"] > 10


@pytest.mark.slow
def test_nothing_is_to_be_done_when_all_is_done(finished_checkout):
    assert counted(finished_checkout) == {}


@pytest.mark.slow
def test_what_an_edit_makes_stale_is_counted(finished):
    finished.edit("config/studies/toy.yaml", "learning_rate: 3e-3", "learning_rate: 2e-3")
    planned = finished.plan()
    assert (planned["train_full"], planned["evaluate"]) == (2, 4)
    assert counted(finished) == planned


@pytest.mark.slow
def test_a_single_file_can_be_asked_for(finished):
    target = "results/runs/world-bloom/base/none/seed0/evaluations/xcopa.json"
    (finished.folder / target).unlink()
    assert counted(finished, target) == {"evaluate": 1}
    assert counted(finished, target.replace("xcopa", "xwinograd")) == {}


def test_an_unknown_target_is_refused_in_snakemakes_words(clean_checkout):
    call = [sys.executable, "-m", "polytune.cli", "plan", "lucky53"]
    done = subprocess.run(
        call, cwd=clean_checkout.folder, env=clean_checkout.environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1 and "lucky53" in done.stderr and "Traceback" not in done.stderr
