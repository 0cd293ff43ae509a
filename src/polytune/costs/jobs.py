"""The jobs of the workflow and what of them is still to be done, as Snakemake sees it."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

from polytune.errors import InputError

PREAMBLE = ("Using ", "Building DAG", "Config file ")  # what Snakemake says before anything can go wrong


def list_outputs(targets: list[str], files: list[Path]) -> dict[str, bool]:
    """Return the output files of all jobs that `targets` need, and whether Snakemake would make them (again).

    Snakemake alone knows what is stale: missing files, changed parameters and inputs, and what follows from them.
    `files` are configuration files on top of `config/config.yaml`. Raises `InputError` with Snakemake's own words.
    """
    call = [sys.executable, "-m", "snakemake", "--summary", *targets]
    call += ["--configfile", *map(str, files)] if files else []
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip() and not line.startswith(PREAMBLE)]
        raise InputError("snakemake cannot plan this:\n" + "\n".join(said[-12:]))
    rows = csv.DictReader(done.stdout.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    return {row["output_file"]: row["plan"] != "no update" for row in rows}
