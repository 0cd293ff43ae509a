"""`polytune why TARGET`: what would be made again, what changed, and what differs without making anything again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

import typer

from polytune.commands.artefacts import find_below
from polytune.commands.due import causes, family, needed_for, writes_specs
from polytune.config.given import Files, Given, Values
from polytune.costs.forecast import load_plan
from polytune.costs.jobs import plan_jobs
from polytune.files import read_json
from polytune.study.plan import Plan
from polytune.study.stale import commits_since, made_by, shaped_by

EVERY = "all"
LONGEST = 12
"""Lines that are shown of one cause unless all are asked for."""


def command(
    target: Annotated[str, typer.Argument(help="A study, `all`, or a result as for polytune explain.")] = EVERY,
    configfile: Files = None,
    config: Values = None,
    everything: Annotated[bool, typer.Option("--all", help="Show every setting that differs.")] = False,
) -> None:
    """Say why a result would be made again, setting by setting, and what differs but makes nothing again."""
    given = Given.of(configfile, config)
    plan = load_plan(given)
    if target == EVERY or target in plan.studies:
        asked, targets = [target], plan.targets(plan.studies if target == EVERY else [target])
    else:
        asked = targets = find_below(plan, target)
    due = needed_for(plan_jobs(asked, given), targets)
    doing = [job for job in due if not writes_specs(job)]
    print(f"{target}: {_sum(doing)}")
    groups: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for job in doing:
        lines = tuple(causes(plan, job, due))
        if job.output:
            outputs = [path for path in job.output if path in targets] or job.output
            groups.setdefault((family(job.rule), lines), []).append(outputs[0])
    for (rule, lines), outputs in groups.items():
        more = f" and {len(outputs) - 1} more of {rule}" if len(outputs) > 1 else ""
        print(f"\n{rule}: {outputs[0]}{more}")
        for line in lines if everything else [*lines[:LONGEST], *_rest(len(lines) - LONGEST)]:
            print(f"  {line}")
    records = find_records(plan, targets)
    ignored = Counter(line for path, run in records.items() for line in ignored_differences(plan, path, run))
    if ignored:
        print("\nDiffers, and makes nothing again:")
        for line, count in ignored.items():
            print(f"  {line}" + f" ({count} results)" * (count > 1))


def _sum(doing: list[Any]) -> str:
    if not doing:
        return "nothing would be made again"
    counts = Counter(family(job.rule) for job in doing)
    jobs = ", ".join(f"{count} {rule}" for rule, count in counts.items())
    return f"{len(doing)} job{'s' * (len(doing) > 1)} would run ({jobs})"


def _rest(count: int) -> list[str]:
    return [f"... and {count} more (--all)"] * (count > 0)


def find_records(plan: Plan, targets: list[str]) -> dict[str, Any]:
    """Return the results that say how they were computed, with their run: of the targets and of the runs these are of.

    A target that is no result of a run has none; a study's are those of all its runs.
    """
    markers = {plan.paths.model_marker(path): run for path, run in plan.tuned.items()}
    markers |= {plan.paths.base_marker(name): run for name, run in plan.pretraining.items()}
    for path, owed in plan.owed.items():
        markers |= {plan.paths.evaluation(path, one.origin, one.name): plan.runs[path] for one in owed}
    wanted = set(targets)
    for path in plan.tuned:
        folder = f"{plan.paths.run(path)}/"
        if any(target.startswith(folder) for target in targets):
            wanted.add(plan.paths.model_marker(path))
    return {path: run for path, run in markers.items() if path in wanted and Path(path).is_file()}


def ignored_differences(plan: Plan, path: str, run: Any) -> Iterator[str]:
    """Yield what of a result's own record differs from now although it decides nothing: hardware, versions, code."""
    record = read_json(path)
    training = plan.config["training"]
    now = {
        "micro_batch_tokens": training["micro_batch_tokens"],
        "devices": run.nodes * run.devices_per_node,
        "zero_stage": training["zero_stage"],
    }
    for key, value in now.items():
        then = record.get(key)
        if then is not None and then != value:
            yield f"{key}: {then} then, {value} now; it only uses the hardware"
    source = record if "provenance" in record else record.get("polytune", {})
    for name, then in source.get("provenance", {}).get("libraries", {}).items():
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            version = "none"
        if version != then:
            yield f"{name}: version {then} then, {version} now; a new version makes nothing again by itself"
    yield from _code(plan, path, made_by(record))


def _code(plan: Plan, path: str, commit: str) -> Iterator[str]:
    """Yield how much the code that shapes a result has changed since."""
    commit, _, edited = commit.partition("-")
    if not commit or commit == "unknown":
        return
    kinds = {pattern.split("/*")[-1]: packages for pattern, packages in shaped_by(plan.paths).items()}
    base, model, evaluation = kinds.values()
    packages = (
        model if path.endswith("/model/manifest.json") else base if path.endswith("manifest.json") else evaluation
    )
    later = commits_since(commit, packages)
    if later:
        count = "1 commit" if len(later) == 1 else f"{len(later)} commits"
        yield f"code: {count} since {commit[:9]} touched {', '.join(packages)}; polytune stale lists the results"
    elif edited:
        yield f"code: made by commit {commit[:9]} with uncommitted edits"
