"""`polytune explain PATH`: which job makes a result, from what, with which settings, and how to make it again."""

from __future__ import annotations

import os
import re
import shlex
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated

import typer

from polytune import ROOT
from polytune.cli import COMMANDS
from polytune.commands.artefacts import find_planned
from polytune.commands.due import causes, family, needed_for
from polytune.commands.settings import about_of, settings_in_words
from polytune.config.given import Files, Given, Values
from polytune.costs.forecast import load_plan
from polytune.costs.jobs import PlannedJob, plan_jobs
from polytune.errors import InputError
from polytune.files import read_json
from polytune.study.plan import Plan
from polytune.study.stale import made_by

SETTINGS, INPUTS = 24, 8
"""Lines that are shown of each unless all are asked for."""
KEPT = {
    "journals": "answers of a judge, kept before they are used: what is deleted is asked (and paid) again",
    "evaluations": "finished evaluations by digest: what is deleted is computed again where a job needs it",
    "responses": "finished answers by key: what is deleted is generated again where a job needs it",
    "runs": "checkpoints of trainings: what is deleted is trained from its beginning",
    "bases": "checkpoints of pre-trainings: what is deleted is trained from its beginning",
}
"""Folders that jobs keep for themselves: `journals` below the results, the others below the work folder."""


def command(
    path: Annotated[str, typer.Argument(help="A result, a file beside it, or its folder; `results/` may be left out.")],
    configfile: Files = None,
    config: Values = None,
    everything: Annotated[bool, typer.Option("--all", help="Show every setting and every input.")] = False,
) -> None:
    """Explain a result: the rule that makes it, its inputs, settings, state, log, time, and the command to make it."""
    given = Given.of(configfile, config)
    plan = load_plan(given)
    if said := _kept(plan, path):
        print(f"{path}\n  what     {said}")
        return
    target = find_planned(plan, path)
    with ThreadPoolExecutor(2) as beside:  # two calls of Snakemake, each a process of its own
        forced = beside.submit(plan_jobs, [target], given, True)
        due = beside.submit(plan_jobs, [target], given)
    (job,) = [job for job in forced.result() if target in job.output]
    print(target if os.path.normpath(path) == target else f"{path}\n  behind   {target}")
    for name, lines in _describe(plan, target, job, needed_for(due.result(), [target]), given, everything):
        for number, line in enumerate(lines):
            print(f"  {name if number == 0 else '':<8} {line}".rstrip())


def _kept(plan: Plan, path: str) -> str | None:
    """Return what a folder is that no job delivers."""
    places = {f"{plan.paths.work}/{name}": said for name, said in KEPT.items() if name != "journals"}
    places[f"{plan.paths.results}/journals"] = KEPT["journals"]
    plain = os.path.normpath(path)
    return next((said for place, said in places.items() if plain == place or plain.startswith(f"{place}/")), None)


def _describe(
    plan: Plan, target: str, job: PlannedJob, due: list[PlannedJob], given: Given, everything: bool
) -> Iterator[tuple[str, list[str]]]:
    """Yield the parts of an explanation: a word and its lines."""
    program = program_of(job.shell)
    says = COMMANDS[program][1] if program in COMMANDS else "Writes settings down, for the jobs that read them."
    yield "what", [says]
    yield "state", list(_state(plan, target, due))
    yield "rule", [f"{job.rule} in {rule_file(job.rule)}" + f", which calls polytune {program}" * bool(program)]
    specs = [path for path in job.input if about_of(plan, path)]
    specs.sort(key=lambda spec: "/".join(about_of(plan, spec).split("/")[-4:]) not in target)  # its own run's first
    yield (
        "from",
        _cut([path for path in job.input if path not in specs] or ["nothing but its settings"], INPUTS, everything),
    )
    for spec in specs if everything else specs[:1]:
        lines = settings_in_words(plan.specs[about_of(plan, spec)])
        yield "settings", [f"in {spec}", *_cut(lines, SETTINGS, everything)]
    if len(specs) > 1 and not everything:
        yield "", [f"and {len(specs) - 1} more files of settings: its job makes several results together (--all)"]
    yield "log", job.log
    yield "took", list(_time_taken(job, Path(target)))
    again = f"{given.call('--force')} {shlex.quote(target)}"
    yield (
        "again",
        [again, "(--force makes it although it is up to date; without it only what is missing or stale is made)"],
    )


def _cut(lines: list[str], longest: int, everything: bool) -> list[str]:
    if everything or len(lines) <= longest:
        return lines
    return [*lines[:longest], f"... and {len(lines) - longest} more (--all)"]


def _state(plan: Plan, target: str, due: list[PlannedJob]) -> Iterator[str]:
    """Yield whether a result is there, by which code and when it was made, and whether it would be made again."""
    file = Path(target)
    if not file.exists():
        yield f"is not there; {_jobs(due)} would make it"
        return
    made = time.strftime("%Y-%m-%d %H:%M", time.localtime(file.stat().st_mtime))
    commit = made_by(read_json(file)) if file.suffix == ".json" else ""
    by = (
        f" by commit {commit[:9]}" + " with uncommitted edits" * ("-" in commit)
        if commit not in ("", "unknown")
        else ""
    )
    own = next((job for job in due if target in job.output), None)
    yield f"is there, made {made}{by}; {'it would be made again:' if due else 'up to date'}"
    if own:
        yield from causes(plan, own, due)
        yield f"polytune why {target} says more"
    elif due:
        yield f"{_jobs(due)} that it is made from would run"


def _jobs(jobs: list[PlannedJob]) -> str:
    return "1 job" if len(jobs) == 1 else f"{len(jobs)} jobs"


def program_of(shell: str) -> str:
    """Return the subcommand that a rule's line calls, the one behind `launch --` where it is started so."""
    words = re.findall(r"polytune ([a-z-]+)", shell)
    if words[:1] == ["launch"] and (started := re.search(r" -- ([a-z-]+) ", shell)):
        return started[1]
    return words[0] if words else ""


def rule_file(rule: str) -> str:
    """Return the file below `workflow/rules` that holds a rule."""
    name = family(rule)
    pattern = re.compile(rf'^\s*(?:use rule \w+ as {name} with|rule {name}):|"{name}" if number == 1', re.MULTILINE)
    for file in sorted((ROOT / "workflow/rules").glob("*.smk")):
        if pattern.search(file.read_text(encoding="utf-8")):
            return file.relative_to(ROOT).as_posix()
    raise InputError(f"workflow/rules: no file holds the rule '{rule}'")


def _time_taken(job: PlannedJob, target: Path) -> Iterator[str]:
    """Yield what the job's benchmark noted, if it ran here."""
    for path in job.benchmark:
        if Path(path).is_file():
            (row, *_) = read_table(Path(path))
            memory = f", {float(row['max_rss']):,.0f} MB of memory at most" if row["max_rss"] not in ("-", "NA") else ""
            yield f"{float(row['s']):,.1f} s{memory} ({path})"
            return
    yield "not known: " + ("its job is timed, but did not run here" if job.benchmark else "its job is not timed")


def read_table(path: Path) -> list[dict[str, str]]:
    """Return the rows of a benchmark file."""
    header, *rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
    return [dict(zip(header, row, strict=True)) for row in rows]
