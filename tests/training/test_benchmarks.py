"""The benchmark scripts of training work; what they measure is not tested."""

import subprocess
import sys
from pathlib import Path

import pytest

from polytune.training import train

ROOT = Path(__file__).resolve().parents[2]
SOURCE = Path(train.__file__).resolve().parents[2]


def run_script(name: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, str(ROOT / "performance" / name), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(SOURCE), "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_gpu_benchmark_runs_tiny_on_the_cpu():
    table = run_script("gpu_training.py", "--tiny", "--methods", "lora")
    rows = [line.split(" | ") for line in table.splitlines() if line.startswith(("| lora", "| full"))]
    assert [row[1] for row in rows] == ["trainer, 4 rows", "trainer, 16 rows", "polytune"]
    assert all(float(row[2]) > 0 for row in rows)
    assert "say nothing about any GPU" in table


@pytest.mark.slow
def test_both_peers_of_the_throughput_benchmark_start_from_the_same_loss():
    table = run_script("training_throughput.py", "--repeats", "1", "--rows", "16", "--cases", "BLOOM, V = 8,192")
    cells = table.splitlines()[-1].strip("| ").split(" | ")
    assert float(cells[-1]) < 1e-5
    assert float(cells[5]) < float(cells[4])  # memory
