"""What the jobs of free answers read, write and are told; the rule files ask here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from polytune.config.identifiers import identifiers
from polytune.config.judges import judges

if TYPE_CHECKING:
    from polytune.study.owed import Batch, Verdicts
    from polytune.study.plan import Plan


# --- prompts ---


def prompts_input(plan: Plan, prompts: str, language: str) -> str:
    """Return what prompts are read from: the spec of a given file, else the marker of its place."""
    about = f"prompts/{prompts}/{language}"
    if about in plan.specs:
        return plan.spec(about)
    return plan.outside.prompts(plan.answers.prompts[prompts], language).marker


def prompts_reports(plan: Plan, runs: Iterable[str]) -> list[str]:
    """Return the markers of the prompts that runs answer."""
    answers = [one for run in runs for one in plan.answers.responses[run].values()]
    found = {(one.prompts.name, language) for one in answers for language in one.languages}
    return [plan.paths.prompts_report(*one) for one in sorted(found)]


# --- responses ---


def responses_of(plan: Plan, batch: Batch) -> list[str]:
    """Return the markers of all responses of a batch."""
    return [plan.paths.responses(run, name) for run in batch.runs for name in batch.owed]


def generation_options(plan: Plan, batch: Batch) -> list[str]:
    """Return the options that say for which runs a job generates; adapters of one base share it."""
    found = [word for run in batch.runs for word in _run_options(plan, run, ["--model", plan.model(run).path])]
    adapters = [option for run in batch.runs for option in plan.adapter_base(run)]
    return found + adapters[:2]


def null_options(plan: Plan, batch: Batch) -> list[str]:
    """Return the options that say which null answers a job writes, and whose answers they are borrowed from."""
    (run,) = batch.runs
    lender = plan.answers.nulls[run].lender
    return _run_options(plan, run, ["--donor", f"{plan.paths.run(lender)}/responses"] if lender else [])


def donor_responses(plan: Plan, batch: Batch) -> list[str]:
    """Return the markers of the responses that null answers are made from."""
    lender = plan.answers.nulls[batch.runs[0]].lender
    return [plan.paths.responses(lender, name) for name in batch.owed] if lender else []


def _run_options(plan: Plan, run: str, middle: list[str]) -> list[str]:
    return ["--spec", plan.spec(f"responses/{run}"), *middle, "--output", f"{plan.paths.run(run)}/responses"]


# --- identification ---


def identified_of(plan: Plan, identifier: str, batch: Batch) -> list[str]:
    """Return the markers of the identifications of a batch."""
    return [plan.paths.identified(run, identifier, name) for run in batch.runs for name in batch.owed]


def identifier_markers(plan: Plan, identifier: str, batch: Batch) -> list[str]:
    """Return the markers of what an identifier needs: its model file, or the world."""
    row = identifiers()[identifier]
    if row.backend == "world":
        return [plan.paths.world_marker(plan.answers.world_of(batch.runs[0]))]
    place = plan.outside.identifier(row)
    return [place.marker] if place else []


def identification_options(plan: Plan, identifier: str, batch: Batch) -> list[str]:
    """Return the options of a job that identifies."""
    found = []
    for run in batch.runs:
        folder = plan.paths.run(run)
        found += ["--spec", plan.spec(f"identified/{identifier}/{run}"), "--responses", f"{folder}/responses"]
        found += ["--output", f"{folder}/identified/{identifier}"]
    row = identifiers()[identifier]
    place = plan.outside.identifier(row)
    found += ["--model", place.path] if place else []
    return found + (_world(plan, batch.runs[0]) if row.backend == "world" else [])


def _world(plan: Plan, run: str) -> list[str]:
    return ["--world", plan.paths.world(plan.answers.world_of(run))]


# --- verdicts ---


def judged_responses(plan: Plan, verdicts: Sequence[Verdicts]) -> list[str]:
    """Return the markers of the responses that are judged."""
    runs = [(run, one) for one in verdicts for run in (one.run, one.opponent) if run]
    return list(dict.fromkeys(plan.paths.responses(run, name) for run, one in runs for name in one.languages))


def verdicts_of(plan: Plan, verdicts: Sequence[Verdicts]) -> list[str]:
    """Return the markers of verdicts."""
    return [
        plan.paths.verdicts(one.run, one.judge, one.protocol, name, one.opponent)
        for one in verdicts
        for name in one.languages
    ]


def judging_options(plan: Plan, verdicts: Sequence[Verdicts]) -> list[str]:
    """Return the options of a job that judges."""
    found = []
    for one in verdicts:
        found += ["--spec", plan.spec(one.about), "--responses", f"{plan.paths.run(one.run)}/responses"]
        found += ["--against", f"{plan.paths.run(one.opponent)}/responses"] if one.opponent else []
        found += ["--output", f"{plan.paths.run(one.run)}/verdicts/{one.judge}/{one.protocol}"]
    place = plan.outside.judge(judges()[verdicts[0].judge])
    found += ["--model", place.path] if place else []
    return found + (_world(plan, verdicts[0].run) if plan.answers.world_of(verdicts[0].run) else [])


def reaching_options(judge: str, max_spend: float | str) -> str:
    """Return the options that change no verdict: how the judge is reached, what it costs, how much may be spent."""
    found = [f"--reached {key}={value}" for key, value in judges()[judge].reaching().items()]
    return " ".join(found + ([] if max_spend == "none" else [f"--max-spend {max_spend}"]))


def judge_markers(plan: Plan, judge: str) -> list[str]:
    """Return the marker of a judge's model where it runs in the job's own process."""
    place = plan.outside.judge(judges()[judge])
    return [place.marker] if place else []
