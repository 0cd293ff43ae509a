"""The jobs of the workflow as Snakemake lists them, and what each works on as the plan knows it.

Snakemake alone knows which jobs a target needs and what of them is stale; the plan alone knows what a file is. A new
kind of job appears in the list by itself; it has a cost when `polytune.costs.rules` has a function for its rule.
"""

from __future__ import annotations

import csv
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from polytune.costs.memory import model_of
from polytune.errors import InputError

if TYPE_CHECKING:
    from polytune.config.benchmarks import Evaluation
    from polytune.config.given import Given
    from polytune.costs.operations import Model
    from polytune.mixtures.families import Recipe
    from polytune.study.expand import Run
    from polytune.study.plan import Plan

PLANNING = "Building DAG of jobs..."
PREAMBLE = ("Using ", "Building DAG", "Config file ")  # what Snakemake says before anything can go wrong
UP_TO_DATE, MADE = "no update", "ok"  # its words in the columns plan and status
# how a dry run writes a job: `rule NAME:`, then `    KEY: VALUE`, then its program; after all jobs their sums
JOB = re.compile(r"(?:local)?rule (\w+):")
ENTRY = re.compile(r"    (\w+): (.*)")
SHELL, TOTALS = "Shell command: ", "Reasons:"


@dataclass(frozen=True, eq=False)
class Subject:
    """What an output is about. Outputs with the same `job` come from one job."""

    job: str


@dataclass(frozen=True, eq=False)
class Training(Subject):
    """A training of a run, or of a base of the generated world; `mixture` is its file."""

    name: str
    run: Run
    recipe: Recipe
    mixture: str


@dataclass(frozen=True, eq=False)
class Evaluated(Subject):
    """One evaluation of a run with a base; `model` is the model's marker, `data` a data set that the user gave."""

    base: str
    evaluation: Evaluation
    model: str
    data: str


@dataclass(frozen=True, eq=False)
class Rows(Subject):
    """One language of a source, read, or tokenised to the store `tokens`.

    `listed` is the source's name in `config/sources.tsv`, `count` its rows if they are known, `file` the user's own.
    """

    source: str
    language: str
    listed: str
    count: int | None = None
    file: str = ""
    tokens: str = ""


@dataclass(frozen=True, eq=False)
class Download(Subject):
    """A base that is fetched."""

    base: str


@dataclass
class Job:
    """A job: its outputs, and those of them that are to be made (again)."""

    rule: str
    outputs: list[str] = field(default_factory=list)
    due: list[str] = field(default_factory=list)


def stem(path: str) -> str:
    """Return a path up to the first dot of its name: outputs of one job mostly differ in what follows."""
    folder, slash, name = path.rpartition("/")
    return folder + slash + name.partition(".")[0]


def list_outputs(targets: list[str], given: Given) -> list[dict[str, str]]:
    """Return Snakemake's summary of all that `targets` need: for each output file its rule, status and plan.

    Raises `InputError` with Snakemake's own words if it cannot plan.
    """
    lines = _ask_snakemake(["--summary", *targets], given)
    return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


@dataclass
class PlannedJob:
    """A job as a dry run describes it."""

    rule: str
    input: list[str] = field(default_factory=list)
    output: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    benchmark: list[str] = field(default_factory=list)
    reason: str = ""
    shell: str = ""


def plan_jobs(targets: list[str], given: Given, forced: bool = False) -> list[PlannedJob]:
    """Return the jobs that would run for `targets`, each with its files and Snakemake's reason.

    With `forced`, the jobs of the targets themselves are among them although nothing asks for them. Raises `InputError`
    as `list_outputs` does.
    """
    lines = _ask_snakemake(["--dry-run", "--printshellcmds", *["--force"] * forced, *targets], given)
    return read_jobs(lines)


def read_jobs(lines: Iterable[str]) -> list[PlannedJob]:
    """Return the jobs that the lines of a dry run describe."""
    jobs: list[PlannedJob] = []
    for line in lines:
        if heading := JOB.fullmatch(line):
            jobs.append(PlannedJob(heading[1]))
        elif line.startswith(TOTALS):
            break  # only sums follow
        elif jobs and (entry := ENTRY.fullmatch(line)):
            key, value = entry.groups()
            if key == "reason":
                jobs[-1].reason = value
            elif key in ("input", "output", "log", "benchmark"):
                setattr(jobs[-1], key, [word.partition(" (")[0] for word in value.split(", ")])
        elif jobs and line.startswith(SHELL):
            jobs[-1].shell = line.removeprefix(SHELL).strip()
    return jobs


def _ask_snakemake(words: list[str], given: Given) -> list[str]:
    """Return the lines that Snakemake prints."""
    call = [sys.executable, "-m", "snakemake", *words, *given.words()]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = done.stderr.splitlines()
        began = lines.index(PLANNING) + 1 if PLANNING in lines else 0  # versions and folders stand before
        said = [line for line in lines[began:] if line.strip() and not line.startswith(PREAMBLE)]
        raise InputError("snakemake cannot plan this:\n" + "\n".join(said[-12:]))
    return done.stdout.splitlines()


def group_outputs(rows: Iterable[Mapping[str, str]], subjects: Mapping[str, Subject]) -> list[Job]:
    """Return the jobs behind the lines of `list_outputs`.

    Of a job that is not up to date, the outputs that are missing or stale are due; if all are there, whatever they
    are made from is about to change, and all are due.
    """
    jobs: dict[tuple[str, str], Job] = {}
    pending = set()
    for row in rows:
        path, rule = row["output_file"], row["rule"]
        name = stem(path)
        key = rule, subjects[name].job if name in subjects else name
        job = jobs.setdefault(key, Job(rule))
        job.outputs.append(path)
        if row["plan"] != UP_TO_DATE:
            pending.add(key)
            if row["status"] != MADE:
                job.due.append(path)
    for key in pending:
        jobs[key].due = jobs[key].due or jobs[key].outputs
    return list(jobs.values())


def find_models(plan: Plan) -> dict[str, Model]:
    """Return the sizes of every base of a plan."""
    return {name: model for name, base in plan.bases.items() if (model := model_of(base))}


def find_subjects(plan: Plan) -> dict[str, Subject]:
    """Return what every output of the plan is about, by its `stem`: here alone this package asks the plan."""
    paths, found = plan.paths, {}

    def add(path: str, subject: Subject) -> None:
        found[stem(path)] = subject

    trained = [(path, paths.model_marker(path), run) for path, run in plan.tuned.items()]
    trained += [(name, paths.base_marker(name), run) for name, run in plan.pretraining.items()]
    for name, marker, run in trained:
        add(marker, Training(marker, name, run, plan.recipes[run.mixture], paths.mixture(run.mixture)))
        for source, language in plan.parts(run.mixture):
            entry = plan.sources[source]
            what = source, language, entry.listed, entry.rows, plan.outside.given_source(entry, language)
            report, index = paths.report(source, language), paths.token_index(run.tokens.name, source, language)
            add(report, Rows(report, *what))
            add(index, Rows(index, *what, run.tokens.name))
    for run, owed in plan.owed.items():
        base, marker = plan.runs[run].base.name, plan.model(run).marker
        for one in owed:
            data = f"{one.directory}/{one.benchmark.hub_id}" if one.origin == "directory" else ""
            add(paths.evaluation(run, one.origin, one.name), Evaluated(paths.run(run), base, one, marker, data))
    for base in plan.bases.values():
        if (marker := plan.outside.base(base).marker).startswith(paths.resources):
            add(marker, Download(marker, base.name))
    for study in plan.studies.values():
        for table in (paths.scores, paths.runs_table, paths.items, paths.checks, paths.confusion):
            add(table(study.name, study.scale), Subject(f"{study.name}/{study.scale}"))
    return found
