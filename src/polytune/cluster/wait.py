"""`polytune wait`: return when no job of an earlier start of the workflow is left in the queue."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from polytune.cluster.guard import jobs_left


def command(
    directory: Annotated[Path, typer.Option(help="Working directory of the workflow.")] = Path("."),
    seconds: Annotated[float, typer.Option(help="Time between two looks at the queue.")] = 60.0,
) -> None:
    """Wait until the jobs that the workflow left in Slurm's queue have ended, e.g. after its Snakemake was killed."""
    shown = None
    while left := jobs_left(directory):
        counts = Counter(job.state for job in left)
        if counts != shown:
            print(
                time.strftime("%H:%M:%S"),
                ", ".join(f"{number} {state}" for state, number in counts.items()),
                flush=True,
            )
            shown = counts
        time.sleep(seconds)
    print("no job of the workflow is left in the queue")
