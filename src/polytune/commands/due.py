"""Jobs that would run for something, and each one's causes in words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from polytune.commands.settings import about_of, differences, settings_then
from polytune.costs.jobs import PlannedJob
from polytune.study.specs import result_of

if TYPE_CHECKING:
    from polytune.study.plan import Plan

CAUSES = {
    "Incomplete output files": "the job that made it was stopped before its end",
    "Set of input files has changed since last execution": "it is made from other files than before",
    "Code has changed since last execution": "its rule in the workflow is another one",
    "Params have changed since last execution": "the rule calls its program in another way",
    "Software environment definition has changed since last execution": "its software environment is another one",
    "Forced execution": "it was asked for by force",
}
"""Snakemake's reasons in our words; files and settings that differ are named where they are known."""
FOLLOWS = "Input files updated by another job"


def needed_for(jobs: Iterable[PlannedJob], targets: Iterable[str]) -> list[PlannedJob]:
    """Return those of the jobs that make the targets or something that they are made from, in the order given."""
    jobs = list(jobs)
    makers = {path: job for job in jobs for path in job.output}
    waiting, found = list(targets), set()
    while waiting:
        job = makers.get(waiting.pop())
        if job is not None and id(job) not in found:
            found.add(id(job))
            waiting += job.input
    return [job for job in jobs if id(job) in found]


def family(rule: str) -> str:
    """Return the name that the rules of several batches share: `evaluate_run` of `evaluate_run_2`."""
    return re.sub(r"_\d+$", "", rule)


def writes_specs(job: PlannedJob) -> bool:
    """Return whether a job only writes settings down: what differs is said where they are used."""
    return job.rule.startswith("write_spec")


def causes(plan: Plan, job: PlannedJob, others: Sequence[PlannedJob]) -> list[str]:
    """Return why a job would run, in words; `others` are all that would run with it.

    A line that begins with spaces belongs to the one before it.
    """
    made_by = {path: other for other in others for path in other.output}
    found: list[str] = []
    changed = [path for path in job.input if path in made_by and writes_specs(made_by[path])]
    there = any(Path(path).exists() for path in job.output)
    for spec in changed:
        found += _changed_settings(plan, spec, there)
    for part in filter(None, job.reason.split("; ")):
        name, _, files = part.partition(": ")
        if name == "Missing output files":
            found += _missing(files.split(", "), there or bool(found))
        elif name == "Updated input files":
            files = [path for path in files.split(", ") if about_of(plan, path) is None or not changed]
            found += [f"{path} has other content than before" for path in files]
        elif name == FOLLOWS:
            behind = [path for path in files.split(", ") if path not in changed]
            makers = dict.fromkeys(family(made_by[path].rule) for path in behind if path in made_by)
            found += [f"it is made from what {' and '.join(makers)} would make again"] * bool(makers)
        else:
            found.append(CAUSES.get(name, part))
    return found


def _changed_settings(plan: Plan, spec: str, there: bool) -> list[str]:
    about = about_of(plan, spec)
    if about not in plan.specs:
        return []
    then = settings_then(plan, about)
    if then is None:
        made = Path(result_of(plan, about)).exists()
        return ["nothing says which settings it was made with; those of now stand in " + spec] if made else []
    lines = differences(then, plan.specs[about])
    if not lines:
        return ["the file of its settings is gone; the settings are the same"]
    return ["its settings are others:", *(f"  {line}" for line in lines)]


def _missing(files: list[str], there: bool) -> list[str]:
    if not there:
        return ["it is not there"]
    gone = [path for path in files if not Path(path).exists()]
    return [f"{_few(gone)} is not there" if len(gone) == 1 else f"{_few(gone)} are not there"] * bool(gone)


def _few(files: Sequence[str]) -> str:
    shown = ", ".join(files[:2])
    return shown if len(files) <= 2 else f"{shown} and {len(files) - 2} more"
