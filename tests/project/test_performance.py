"""The benchmarks of docs/performance.md still start, and the quick ones run to their end on next to nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

FOLDER = Path(__file__).resolve().parents[2] / "performance"
SCRIPTS = sorted(file.name for file in FOLDER.glob("*.py"))
SMALL = {
    "mixtures.py": (["--rows", "40", "--languages", "4"], "fewer seconds"),
    "training_throughput.py": (
        ["--cases", "Llama, V = 8,192", "--rows", "16", "--repeats", "1"],
        "| Llama, V = 8,192 |",
    ),
}


def run(*words: str) -> str:
    paths = os.pathsep.join([str(FOLDER.parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    call = [sys.executable, *map(str, words)]
    done = subprocess.run(call, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": paths}, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_benchmark_starts(script):
    assert "usage:" in run(FOLDER / script, "--help")


@pytest.mark.parametrize("script", SMALL)
def test_a_small_case_runs_to_its_end(script):
    words, expected = SMALL[script]
    assert expected in run(FOLDER / script, *words)
