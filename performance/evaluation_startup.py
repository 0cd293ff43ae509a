"""What an evaluation process spends outside the model: `polytune evaluate` against `lm-eval run`.

Both evaluate the same tiny model on the same 10 questions of one language, in processes of their own; the commands
alternate, and the table shows medians. "Outside the model" is the process's time less the time inside the model's
log-likelihoods, measured on both sides. The third row is a job whose result another job of the run has computed.

    python performance/evaluation_startup.py [--repeats 5]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

from evaluation_throughput import write_inputs

VOCABULARY, ITEMS, WIDTH, LAYERS = 2048, 10, 96, 3  # the size of the embedded world's base model
AIM = 0.5

# a stopwatch around the log-likelihoods of a model class
WATCH = """
import sys, time
spent = []
def watch(model_class):
    inner = model_class.loglikelihood
    def timed(self, *args, **kwargs):
        started = time.perf_counter()
        try:
            return inner(self, *args, **kwargs)
        finally:
            spent.append(time.perf_counter() - started)
    model_class.loglikelihood = timed
"""
PEER = f"""{WATCH}
from lm_eval.models.huggingface import HFLM
watch(HFLM)
from lm_eval.__main__ import cli_evaluate
sys.argv = ["lm-eval", *sys.argv[1:]]
cli_evaluate()
print("MODEL", sum(spent))
"""
# our class is imported as late as the command imports it
OURS = f"""{WATCH}
from polytune.cli import main
from polytune.evaluation import evaluate
constructor = evaluate.Evaluator.__init__
def construct(self, *args):
    constructor(self, *args)
    from polytune.evaluation.model import PolytuneLM
    watch(PolytuneLM)
evaluate.Evaluator.__init__ = construct
try:
    main(sys.argv[1:])
except SystemExit as stop:
    if stop.code:
        raise
print("MODEL", sum(spent))
"""


def run(code: str, arguments: list[str], directory: Path) -> dict[str, float]:
    """Run one command in a process; return its wall seconds, CPU seconds, and the seconds inside the model."""
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_CACHE": str(directory / "datasets-cache"),
    }
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    finished = subprocess.run(
        [sys.executable, "-c", code, *arguments], env=environment, cwd=directory, capture_output=True, text=True
    )
    wall = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if finished.returncode:
        sys.exit(f"{arguments[0]} failed:\n{finished.stderr}")
    model = float(finished.stdout.split("MODEL ")[-1])
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"wall": wall, "cpu": used, "model": model, "outside": wall - model}


def main() -> None:
    """Print the machine and the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    print(f"{date.today()}, {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}\n")
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        write_inputs(directory, VOCABULARY, ITEMS, WIDTH, LAYERS)
        data = directory / "data"
        peer = ["run", "--model", "hf", "--model_args", f"pretrained={directory / 'model'},dtype=float32",
                "--tasks", "xcopa_et", "--device", "cpu", "--batch_size", "16"]  # fmt: skip
        ours = ["evaluate", "--model", str(directory / "model"), "--benchmark", "xcopa", "--data", str(data),
                "--languages", "et", "--device", "cpu", "--output", str(directory / "xcopa.json"),
                "--samples", str(directory / "xcopa.parquet")]  # fmt: skip
        (directory / "cambridgeltl").symlink_to(data / "cambridgeltl")  # where the harness's own task file looks
        measured: dict[str, list[dict[str, float]]] = {}
        for _ in range(options.repeats):
            (directory / ".cache").exists() and [path.unlink() for path in (directory / ".cache").iterdir()]
            measured.setdefault("lm-eval run", []).append(run(PEER, peer, directory))
            measured.setdefault("polytune evaluate", []).append(run(OURS, ours, directory))
            measured.setdefault("polytune evaluate, result in the cache", []).append(run(OURS, ours, directory))
            accuracy = json.loads((directory / "xcopa.json").read_text())["groups"]["xcopa"]["acc,none"]
    print("| command | s (median) | s of CPU | in the model | outside the model | all repeats, outside |")
    print("|---|---|---|---|---|---|")
    for command, runs in measured.items():
        medians = [statistics.median(entry[key] for entry in runs) for key in ("wall", "cpu", "model", "outside")]
        repeats = " ".join(f"{entry['outside']:.2f}" for entry in runs)
        print(f"| {command} | {' | '.join(f'{value:.2f}' for value in medians)} | {repeats} |")
    peer_median, own_median = (
        statistics.median(entry["outside"] for entry in measured[command])
        for command in ("lm-eval run", "polytune evaluate")
    )
    print(f"\nOutside the model: {own_median / peer_median:.2f} x lm-eval, aim {AIM} x. Accuracy {accuracy:.2f}.")


if __name__ == "__main__":
    main()
