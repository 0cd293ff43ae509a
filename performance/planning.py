"""Planning: a dry run and a no-op of our workflow against a bare Snakemake workflow with the same number of jobs.

    python performance/planning.py [--repeats 5] [--configfile config/examples/lucky52-full.yaml] [--finished CHECKOUT]

The bare workflow is what one would write first: 1 data -> T train -> 5 T evaluate -> 20 figures that each take all
evaluations, without configuration, parameters, resources, logs or code of its own. What it takes is Snakemake's.
A no-op needs results: with `--finished`, a checkout in which `make run` has ended is compared with a bare workflow of
as many jobs that was really executed. Repeats alternate, medians are printed. CPU seconds are those of the process and
its children.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
COPIED = ("Snakefile", "config", "profiles", "src", "workflow")
SNAKEMAKE = str(Path(sys.executable).parent / "snakemake")
FIGURES = 20
AIM = 1.15

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


def copy_checkout(folder: Path) -> None:
    """Copy what a run needs to a new folder, where nothing has run yet."""
    folder.mkdir()
    for name in COPIED:
        (shutil.copytree if (PROJECT / name).is_dir() else shutil.copy)(PROJECT / name, folder / name)


def measure(command: list[str], folder: Path) -> tuple[float, float, str]:
    """Return wall seconds, CPU seconds and the output of a command; it must succeed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.monotonic()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    wall = time.monotonic() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu, done.stdout + done.stderr


def count_jobs(folder: Path, *options: str) -> int:
    """Return the number of jobs that a dry run plans (`--quiet all`, which is measured, prints nothing)."""
    _, _, printed = measure([SNAKEMAKE, "--dry-run", "--quiet", "rules", *options], folder)
    return int(re.findall(r"^total\s+(\d+)$", printed, re.MULTILINE)[-1])


def write_bare(folder: Path, jobs: int) -> None:
    """Write the bare workflow with `jobs` jobs."""
    trainings = round((jobs - FIGURES - 2) / 6)
    evaluations = jobs - FIGURES - 2 - trainings
    (folder / "Snakefile").write_text(BARE.format(trainings=trainings, evaluations=evaluations, figures=FIGURES))
    planned = count_jobs(folder)
    assert planned == jobs, f"the bare workflow has {planned} jobs, not {jobs}"


def compare(title: str, bare: Path, ours: Path, repeats: int, *options: str) -> None:
    """Measure dry runs in both folders alternately and print the table."""
    times: dict[str, list[tuple[float, float]]] = {"bare": [], "polytune": []}
    dry_run = [SNAKEMAKE, "--dry-run", "--quiet", "all"]
    for _ in range(repeats):
        times["bare"].append(measure(dry_run, bare)[:2])
        times["polytune"].append(measure([*dry_run, *options], ours)[:2])
    medians = {
        label: [statistics.median(column) for column in zip(*values, strict=True)] for label, values in times.items()
    }
    print(f"\n{title}, median of {repeats} alternating repeats\n")
    print("| workflow | wall s | CPU s |\n|---|---|---|")
    for label, (wall, cpu) in medians.items():
        print(f"| {label} | {wall:.2f} | {cpu:.2f} |")
    ratio = [ours / bare for ours, bare in zip(medians["polytune"], medians["bare"], strict=True)]
    print(f"| ratio (aim: at most {AIM}) | {ratio[0]:.2f} | {ratio[1]:.2f} |")


def main() -> None:
    """Print a table for the dry run, and one for the no-op if there is a finished checkout."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--configfile", default="config/examples/lucky52-full.yaml")
    parser.add_argument("--finished", type=Path, help="a checkout in which `make run` has ended")
    options = parser.parse_args()
    os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    chosen = ("--configfile", options.configfile)
    with tempfile.TemporaryDirectory() as name:
        ours, bare = Path(name) / "polytune", Path(name) / "bare"
        copy_checkout(ours)
        bare.mkdir()
        jobs = count_jobs(ours, *chosen)
        write_bare(bare, jobs)
        compare(f"dry run of {jobs} jobs", bare, ours, options.repeats, *chosen)
    if options.finished:
        _, _, printed = measure([SNAKEMAKE, "--dry-run"], options.finished)
        if "Nothing to be done" not in printed:
            sys.exit(f"{options.finished}: results are missing or stale; run `make run` there first")
        with tempfile.TemporaryDirectory() as name:
            jobs = count_jobs(options.finished, "--forceall")
            write_bare(Path(name), jobs)
            measure([SNAKEMAKE, "--cores", "2", "--quiet", "all"], Path(name))
            compare(f"no-op of {jobs} finished jobs", Path(name), options.finished, options.repeats)


if __name__ == "__main__":
    main()
