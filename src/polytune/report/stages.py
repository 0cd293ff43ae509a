"""The jobs of the reported studies, stage by stage: how many there are, how many are done, how many are owed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from polytune.config.paths import FIGURE_FORMATS, TABLE_FORMATS
from polytune.study.answer_jobs import identified_of, prompts_reports, responses_of, verdicts_of
from polytune.study.plan import Plan

Job = tuple[str, ...]
"""A job is its markers: files that are there when it is done."""

NEEDS: Mapping[str, tuple[str, ...]] = {
    "fetch": (),
    "languages": (),
    "world": (),
    "data": ("world", "fetch"),
    "mixtures": ("data",),
    "bases": ("mixtures",),
    "training": ("mixtures", "bases", "fetch"),
    "prompts": ("world", "fetch"),
    "evaluation": ("training", "world", "fetch"),
    "generation": ("training", "prompts"),
    "identification": ("generation",),
    "judging": ("generation",),
    "imports": (),
    "scores": ("evaluation", "identification", "judging", "imports"),
    "figures": ("scores",),
    "tables": ("scores",),
}
"""Each stage and the stages that it reads, in pipeline order; some studies' mixtures, figures read languages."""
SHOWN = ("figures", "tables")


@dataclass
class Stage:
    """One stage: its jobs, those that are done and those that are still to run, over all studies."""

    name: str
    reads: set[str] = field(default_factory=set)
    """Stages that it reads."""
    jobs: set[Job] = field(default_factory=set)
    owed: set[Job] = field(default_factory=set)

    @property
    def done(self) -> int:
        """Return how many jobs need not run."""
        return len(self.jobs) - len(self.owed)


def count_stages(plans: Iterable[Plan]) -> dict[str, Stage]:
    """Return the stages that the plans use; a job that two studies share is one.

    What is missing is owed where something is to be made of it: a model that was deleted after its evaluation is not.
    """
    stages = {name: Stage(name) for name in NEEDS}
    for plan in plans:
        mine = _jobs(plan)
        missing = {name: {job for job in jobs if not _is_done(job)} for name, jobs in mine.items()}
        ends = ("evaluation", "generation", "identification", "judging", "imports", "scores", "figures", "tables")
        complete = not any(missing[name] for name in ends)
        wanted = {run for run in plan.tuned if not all(map(_is_there, _results_of(plan, run)))}
        for name, jobs in mine.items():
            owed = missing[name]
            if name == "training":
                owed = {job for job in owed if job in {(plan.paths.model_marker(run),) for run in wanted}}
            elif name not in ends and (complete or (name in ("mixtures", "bases", "data") and not wanted)):
                owed = set()
            stages[name].jobs |= jobs
            stages[name].owed |= owed
            stages[name].reads |= set(NEEDS[name])
        reading = {"mixtures": bool(plan.chosen.selections)} | {
            section: bool(_kind_files(plan, section)) for section in SHOWN
        }
        for name, reads in reading.items():
            stages[name].reads |= {"languages"} if reads else set()
    _is_there.cache_clear()
    used = {name: stage for name, stage in stages.items() if stage.jobs}
    for stage in used.values():
        stage.reads &= set(used)
    return used


@cache
def _is_there(path: str) -> bool:
    return Path(path).is_file()


def _is_done(job: Job) -> bool:
    return all(map(_is_there, job))


def _results_of(plan: Plan, run: str) -> list[str]:
    """Return what is made of a run's model."""
    found = [plan.paths.evaluation(run, one.origin, one.name) for one in plan.owed.get(run, ())]
    return found + [plan.paths.responses(run, name) for name in plan.answers.responses.get(run, {})]


def _jobs(plan: Plan) -> dict[str, set[Job]]:
    """Return the jobs of a plan by stage."""
    paths, answers = plan.paths, plan.answers
    trained = [*plan.tuned.values(), *plan.pretraining.values()]
    parts = {(run.tokens.name, *part) for run in trained for part in plan.parts(run.mixture)}
    owed = {run: _evaluations(plan, run) for run in plan.owed}
    batches = [*answers.batches, *answers.null_batches]
    identified = [(name, batch) for name in answers.identifiers for batch in answers.identified(name)]
    studies = plan.studies.values()
    files = _files(plan)
    kinds = {file for section in SHOWN for file in _kind_files(plan, section)}
    selections = {paths.selection(name) for name in plan.chosen.selections}
    tables = (paths.scores, paths.runs_table, paths.items)
    return {
        "fetch": _single(plan.fetched()),
        "languages": _single(kinds | selections),
        "world": _single(paths.world_marker(name) for name in plan.worlds),
        "data": _single({paths.report(*part[1:]) for part in parts} | {paths.token_index(*part) for part in parts}),
        "mixtures": _single(paths.mixture(name) for name in plan.recipes),
        "bases": _single(paths.base_marker(name) for name in plan.pretraining),
        "training": _single(paths.model_marker(run) for run in plan.tuned),
        "prompts": _single(prompts_reports(plan, answers.responses)),
        "evaluation": {tuple(files) for files in owed.values()},
        "generation": {tuple(responses_of(plan, batch)) for batch in batches},
        "identification": {tuple(identified_of(plan, name, batch)) for name, batch in identified},
        "judging": {tuple(verdicts_of(plan, batch)) for batch in answers.judge_batches},
        "imports": _single(paths.import_marker(study.name, name) for study in studies for name in study.imports),
        "scores": {tuple(table(study.name, study.scale) for table in tables) for study in studies},
        "figures": {_written(plan, *one) for one in files if one[1] == "figures"},
        "tables": {_written(plan, *one) for one in files if one[1] == "tables"},
    }


def _files(plan: Plan) -> list[tuple[str, str, str]]:
    """Return (study, section, name) of all figures and tables."""
    return [(study.name, section, name) for study in plan.studies.values() for section in SHOWN
            for name in getattr(study, section)]  # fmt: skip


def _kind_files(plan: Plan, section: str) -> set[str]:
    """Return what the figures or tables read besides scores."""
    return {file for one in _files(plan) if one[1] == section for file in plan.kind_files(*one).values()}


def _single(markers: Iterable[str]) -> set[Job]:
    return {(marker,) for marker in markers}


def _evaluations(plan: Plan, run: str) -> list[str]:
    return [plan.paths.evaluation(run, one.origin, one.name) for one in plan.owed[run]]


def _written(plan: Plan, study: str, section: str, name: str) -> Job:
    scale = plan.studies[study].scale
    if section == "figures":
        return tuple(f"{plan.paths.figure(study, scale, name)}.{ending}" for ending in FIGURE_FORMATS)
    return tuple(f"{plan.paths.table(study, scale, name)}.{ending}" for ending in TABLE_FORMATS)


def say_owed(stages: Sequence[Stage]) -> str:
    """Return how many jobs are still to run, by stage, in words."""
    owed = [stage for stage in stages if stage.owed]
    total = sum(len(stage.owed) for stage in owed)
    if not total:
        return "Nothing is owed: every job is done."
    told = ", ".join(f"{stage.name} {len(stage.owed):,}" for stage in owed)
    return f"{total:,} job{'s are' if total > 1 else ' is'} still to run: {told}."
