"""Which planned result a path means: the file that a job makes, a file beside it, or a folder."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from polytune.costs.jobs import stem
from polytune.errors import InputError
from polytune.study.specs import result_of

if TYPE_CHECKING:
    from polytune.study.plan import Plan

MARKERS = ("manifest.json", "index.json", "world.json")
"""Files that stand for all that is in their folder."""


def planned_files(plan: Plan) -> list[str]:
    """Return the files by which rules know every result of a plan, its specs included."""
    paths, found = plan.paths, []
    for about in plan.specs:
        found += [plan.spec(about), result_of(plan, about)]
    found += plan.targets(plan.studies)
    found += [paths.world_marker(world) for world in plan.worlds]
    for run in [*plan.tuned.values(), *plan.pretraining.values()]:
        found += plan.token_indexes(run) + plan.reports(run.mixture)
    for vectors in plan.chosen.vectors:
        found += [paths.language_vectors(vectors), paths.model_similarity(vectors)]
    for prompts in plan.answers.prompts:
        found += [paths.prompts_report(prompts, language) for language in plan.answers.languages(prompts)]
    for study in plan.studies.values():
        tables = (paths.runs_table, paths.items, paths.checks, paths.confusion)
        found += [table(study.name, study.scale) for table in tables]
    return list(dict.fromkeys([*found, *plan.fetched(), paths.report_page, paths.explorer]))


def find_planned(plan: Plan, path: str) -> str:
    """Return the planned file that `path` means: itself, one of the same job beside it, or the first one in a folder.

    A path may leave out the folder of results. Raises `InputError` with the nearest path for one that nothing makes.
    """
    known = planned_files(plan)
    for place in _spellings(plan, path):
        if found := _find(place, known):
            return found
    given = os.path.normpath(path)
    if Path(path).exists() and not Path(path).resolve().is_relative_to(Path(plan.paths.results).resolve()):
        raise InputError(f"{path or repr(path)}: is no result; results lie below {plan.paths.results}/")
    near = nearest_path(given, known) if given.startswith(plan.paths.results) else None
    near = near or nearest_path(os.path.join(plan.paths.results, given), known)
    hint = f"; did you mean '{near}'?" if near else ""
    end = "" if hint else "."
    there = f"{end} It is there: another study made it, or an earlier configuration" if Path(path).exists() else ""
    raise InputError(
        f"{path}: nothing in this configuration makes it{hint}{there}; give the file that names its study with "
        f"--configfile (now: {', '.join(plan.studies)})"
    )


def find_below(plan: Plan, path: str) -> list[str]:
    """Return the planned files that `path` means: all of a folder, else one as in `find_planned`; no specs."""
    specs = f"{plan.paths.results}/specs/"
    known = [one for one in planned_files(plan) if not one.startswith(specs)]
    for place in _spellings(plan, path):
        if below := [one for one in known if one.startswith(f"{place}/")]:
            return below
    return [find_planned(plan, path)]


def _spellings(plan: Plan, path: str) -> Iterator[str]:
    """Yield what a path may mean: as it is, from here instead of from the root, below the folder of results."""
    plain = os.path.normpath(path)
    yield plain
    if os.path.isabs(plain) and not os.path.isabs(plan.paths.results):
        yield os.path.relpath(plain)
    yield os.path.join(plan.paths.results, plain)
    yield os.path.join(plan.paths.results, "runs", plain)


def _find(path: str, known: Collection[str]) -> str | None:
    if path in known:
        return path
    by_stem = {stem(one): one for one in reversed(known)}
    if stem(path) in by_stem and Path(path).suffix:
        return by_stem[stem(path)]
    below = [one for one in known if one.startswith(f"{path}/")]
    if below:  # a run's folder means its model, a folder of evaluations the first of them
        return next((one for one in below if one.endswith(MARKERS)), below[0])
    folder = path
    while folder := os.path.dirname(folder):
        for marker in MARKERS:
            if (found := f"{folder}/{marker}") in known:
                return found
        if folder == os.path.dirname(folder):
            break
    return None


def nearest_path(path: str, known: Collection[str]) -> str | None:
    """Return the known path that is nearest to `path`, folder by folder; None if its first is near none."""
    found: list[str] = []
    for part in path.split("/"):
        start = "".join(f"{one}/" for one in found)
        names = list(dict.fromkeys(one[len(start) :].split("/")[0] for one in known if one.startswith(start)))
        if part not in names:
            close = get_close_matches(part, names, n=1, cutoff=0.3)
            if not close:
                break
            part = close[0]
        found.append(part)
        if (chosen := "/".join(found)) in known:
            return chosen
    return "/".join(found) if len(found) > 1 else None
