"""What runs were evaluated on for studies that are not configured now.

One job evaluates a run on all that it owes, so studies that share the run share its spec, and Snakemake compares what
the job is made from as a whole. If a run owed only what the studies of today ask for, a study less would be another
spec: the job would run again and everything after it. So a run keeps owing what its spec on disk says.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from polytune.config.benchmarks import Evaluation
from polytune.errors import InputError
from polytune.files import read_json
from polytune.study.specs import evaluation_entry, spec_digest

if TYPE_CHECKING:
    from polytune.study.expand import Study
    from polytune.study.plan import Plan

Key = tuple[str, str]
"""Origin and name of an evaluation."""


@dataclass(frozen=True)
class Earlier:
    """An evaluation that a run owes since an earlier configuration, and its entry in the spec, which stays as it is."""

    evaluation: Evaluation
    entry: dict


def asked_evaluations(studies: Iterable[Study]) -> dict[str, dict[Key, Evaluation]]:
    """Return the evaluations that studies ask for, by run path, origin and name."""
    merged: dict[str, dict[Key, Evaluation]] = {}
    for study in studies:
        for path, evaluations in study.evaluations.items():
            mine = merged.setdefault(path, {})
            mine |= {(one.origin, one.name): one for one in evaluations}
    return {path: mine for path, mine in merged.items() if mine}


def earlier_evaluations(plan: Plan, path: str, asked: Mapping[Key, Evaluation]) -> dict[Key, Earlier]:
    """Return what the spec of a run on disk says beyond what the studies ask for (`asked`), by origin and name.

    Nothing where it is to be forgotten: its data is gone, the model is to be another one, or the job has to run and
    what nobody asks for is not all there to be delivered again. A cluster's job plans in a process of its own, after
    results were deleted and specs written: there the spec on disk is what the first process decided (`forget`).
    """
    entries = _entries_on_disk(plan, path)
    others = {key: _resolve(plan, path, entry) for key, entry in entries.items() if key not in asked}
    if not others or None in others.values():
        return {}
    if not plan.begun:
        stays = all(
            _is_there(plan, path, key) and json.loads(json.dumps(evaluation_entry(one))) == entries.get(key)
            for key, one in asked.items()
        )
        if not _model_stays(plan, path) or not (stays or all(_is_there(plan, path, key) for key in others)):
            return {}
    return {key: Earlier(evaluation, entries[key]) for key, evaluation in others.items()}


def forget(plan: Plan) -> None:
    """Delete specs of evaluations that hold something to be forgotten, before the first job; new ones are written."""
    for path, asked in plan.asked.items():
        if not plan.earlier[path] and _entries_on_disk(plan, path).keys() - asked.keys():
            for file in _specs_on_disk(plan, path):
                file.unlink()


def merge(asked: Mapping[Key, Evaluation], earlier: Mapping[Key, Earlier]) -> list[Evaluation]:
    """Return what is asked for now and since earlier, in the order of a spec: by origin and name."""
    found = {**asked, **{key: one.evaluation for key, one in earlier.items()}}
    return [found[key] for key in sorted(found)]


def _entries_on_disk(plan: Plan, path: str) -> dict[Key, dict]:
    """Return the entries of a run's spec, none where there is no readable one."""
    files = _specs_on_disk(plan, path)
    if not files:
        return {}
    try:
        content = read_json(max(files, key=lambda file: file.stat().st_mtime))
        return {(entry["origin"], entry["name"]): entry for entry in content["evaluations"]}
    except (InputError, LookupError, TypeError):  # a write that was interrupted; its job runs again
        return {}


def _specs_on_disk(plan: Plan, path: str) -> list[Path]:
    return list(Path(plan.paths.spec(f"evaluations/{path}", "")).parent.glob("*.json"))


def _is_there(plan: Plan, path: str, key: Key) -> bool:
    return Path(plan.paths.evaluation(path, *key)).exists()


def _model_stays(plan: Plan, path: str) -> bool:
    """Return whether the specs of a run, its base and their mixtures are on disk as they are now."""
    run = plan.runs[path]
    pretraining = plan.pretraining.get(run.base.name)
    made_by = [f"runs/{path}", f"mixtures/{run.mixture}", f"bases/{run.base.name}", f"given/bases/{run.base.name}"]
    made_by += [f"mixtures/{pretraining.mixture}"] * bool(pretraining)
    specs = {about: plan.model_specs[about] for about in made_by if about in plan.model_specs}
    return all(Path(plan.paths.spec(about, spec_digest(content))).exists() for about, content in specs.items())


def _resolve(plan: Plan, path: str, entry: dict) -> Evaluation | None:
    """Return the evaluation of an entry with where its data lies; None where that is not known or not there."""
    where, world = f"the earlier evaluations of '{path}'", plan.runs[path].base.world
    try:
        data = {f"{entry['origin']}/{entry['name']}": "not known yet"}
        evaluation = Evaluation.from_json(entry, where, data)
        place = plan.outside.benchmark_data(evaluation.origin, evaluation.benchmark, world, where)
    except InputError:
        return None
    if place.marker and not Path(place.marker).exists():
        return None
    return replace(evaluation, directory=place.path)
