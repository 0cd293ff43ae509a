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
