"""Planning: a dry run and a no-op of our workflow against a bare Snakemake workflow with the same number of jobs.

    python benchmarks/planning.py [--repeats 5] [--configfile config/examples/lucky52-full.yaml]

The bare workflow is what one would write first: 1 data -> T train -> 5 T evaluate -> 20 figures that each take all
evaluations, without configuration, parameters, resources, logs or code of its own. What it takes is Snakemake's.
Repeats alternate, medians are printed. CPU seconds are those of the process and its children.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
SNAKEMAKE = str(Path(sys.executable).parent / "snakemake")

BARE = """\
TRAININGS, EVALUATIONS, FIGURES = {trainings}, {evaluations}, {figures}
rule all:
    input: expand("figures/{{f}}.txt", f=range(FIGURES))
rule data:
    output: "data.txt"
    shell: "touch {{output}}"
rule train:
    input: "data.txt"
    output: "models/{{t}}.txt"
    shell: "touch {{output}}"
rule evaluate:
    input: lambda w: f"models/{{int(w.e) % TRAININGS}}.txt"
    output: "evaluations/{{e}}.txt"
    shell: "touch {{output}}"
rule figure:
    input: expand("evaluations/{{e}}.txt", e=range(EVALUATIONS))
    output: "figures/{{f}}.txt"
    shell: "touch {{output}}"
"""


def measure(command: list[str], folder: Path) -> tuple[float, float, str]:
    """Return wall seconds, CPU seconds and the output of a command; it must succeed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.monotonic()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    wall = time.monotonic() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu, done.stdout + done.stderr


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--configfile", default="config/examples/lucky52-full.yaml")
    options = parser.parse_args()
    os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    ours = [SNAKEMAKE, "--dry-run", "--quiet", "all", "--directory", str(PROJECT), "--configfile", options.configfile]
    # --quiet all prints nothing: count the jobs once
    _, _, printed = measure([SNAKEMAKE, "--dry-run", "--quiet", "rules", "--configfile", options.configfile], PROJECT)
    jobs = int(re.findall(r"^total\s+(\d+)$", printed, re.MULTILINE)[-1])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        figures = 20
        trainings = round((jobs - figures - 2) / 6)
        evaluations = jobs - figures - 2 - trainings
        (folder / "Snakefile").write_text(BARE.format(trainings=trainings, evaluations=evaluations, figures=figures))
        bare = [SNAKEMAKE, "--dry-run", "--quiet", "all"]
        times: dict[str, list[tuple[float, float]]] = {"bare": [], "polytune": []}
        for _ in range(options.repeats):
            times["bare"].append(measure(bare, folder)[:2])
            times["polytune"].append(measure(ours, PROJECT)[:2])
    print(f"dry run of {jobs} jobs, median of {options.repeats} alternating repeats")
    print(f"{'workflow':<10} {'wall s':>8} {'CPU s':>8}")
    medians = {}
    for label, values in times.items():
        medians[label] = [statistics.median(column) for column in zip(*values, strict=True)]
        print(f"{label:<10} {medians[label][0]:>8.2f} {medians[label][1]:>8.2f}")
    ratio = [ours / bare for ours, bare in zip(medians["polytune"], medians["bare"], strict=True)]
    print(f"{'ratio':<10} {ratio[0]:>8.2f} {ratio[1]:>8.2f}   (aim: at most 1.15)")


if __name__ == "__main__":
    main()
