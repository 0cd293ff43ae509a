"""Which studies a report is about: those of the configuration and those whose results are there."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from polytune import ROOT
from polytune.config.paths import Paths
from polytune.config.settings import load_config, load_study
from polytune.errors import InputError
from polytune.files import read_json
from polytune.readers.yaml import read_yaml
from polytune.report.exhibits import Exhibit, find_exhibits
from polytune.study.expand import Study
from polytune.study.overlay import apply_overlay
from polytune.study.plan import Plan

SCALES = ("world", "full")


@dataclass
class Reported:
    """One study at one scale, as far as its results are there."""

    name: str
    scale: str
    title: str
    paths: Paths
    paper: str = ""
    worlds: tuple[str, ...] = ()
    plan: Plan | None = None
    """What the study needs; None where its file is not there or cannot be planned."""
    trouble: str = ""
    """Why there is no plan."""
    paper_content: Mapping[str, Any] = field(default_factory=dict)
    """The study file without its overlay: what the paper did."""
    content: Mapping[str, Any] = field(default_factory=dict)
    """The same as it was run."""
    overlay: Mapping[str, Any] = field(default_factory=dict)
    exhibits: list[Exhibit] = field(default_factory=list)

    @property
    def key(self) -> str:
        """Return its name on the page: a study may be there at both scales."""
        return f"{self.name}-{self.scale}"

    @property
    def study(self) -> Study | None:
        """Return what the plan knows of it."""
        return self.plan.studies[self.name] if self.plan else None

    @property
    def is_world(self) -> bool:
        """Return whether its models are those of a generated world."""
        return self.scale == "world"

    def shown(self, section: str) -> list[Exhibit]:
        """Return its figures or tables that are there, in the order of the study file."""
        return [one for one in self.exhibits if one.section == section and one.is_there]

    @property
    def missing(self) -> list[Exhibit]:
        """Return its figures and tables that are not there yet."""
        return [one for one in self.exhibits if not one.is_there]


def find_studies(values: dict) -> list[Reported]:
    """Return the studies of a configuration and those below its results, each once.

    `values` is what the user's files say. Raises `InputError` for a wrong configuration; a study that is only found and
    cannot be planned is reported without a plan.
    """
    plan = Plan(load_config(copy.deepcopy(values)))
    named = {(study.name, study.scale): study.file for study in plan.studies.values()}
    found = dict.fromkeys([*named, *_found(plan.paths)])
    return [_report(name, scale, named.get((name, scale)), values, plan.paths) for name, scale in found]


def _found(paths: Paths) -> Iterator[tuple[str, str]]:
    """Yield (study, scale) of everything below the results that belongs to a study."""
    results = Path(paths.results)
    for below in ("studies", "scores", "specs/scores", "specs/figures", "specs/tables"):
        for scale in SCALES:
            yield from sorted((path.parent.name, scale) for path in (results / below).glob(f"*/{scale}"))


def _report(name: str, scale: str, file: str | None, values: dict, paths: Paths) -> Reported:
    one = Reported(name, scale, name, paths)
    try:
        path = file or _find_file(name)
        content = load_study(path)
        one.title, one.paper = content["title"], content.get("paper", "")
        one.overlay = content.pop("world")
        one.paper_content = content
        one.content = apply_overlay(content, one.overlay, path) if scale == "world" else content
        one.plan = Plan(load_config({**copy.deepcopy(values), "studies": [path], "scale": scale}))
        if one.study is None or one.study.scale != scale:
            raise InputError(f"{path}: has no results of scale '{scale}'")
        one.worlds = tuple(world.name for world in one.study.worlds)
    except InputError as error:
        if file is not None:
            raise
        one.plan, one.trouble = None, str(error)
    one.exhibits = find_exhibits(name, scale, one.plan, paths)
    if not one.worlds:
        one.worlds = tuple(
            dict.fromkeys(world for exhibit in one.exhibits for world in exhibit.content.get("worlds", ()))
        )
    return one


def _find_file(name: str) -> str:
    """Return the study file of a study that the configuration does not name; raises `InputError` without one."""
    folder = ROOT / "config" / "studies"
    for path in [folder / f"{name}.yaml", *sorted(folder.glob("*.yaml"))]:
        if path.is_file() and (read_yaml(path) or {}).get("study") == name:
            return str(path)
    raise InputError(
        f"no file in config/studies has the study '{name}'; add its path to 'studies' of the configuration"
    )


def read_manifests(one: Reported) -> dict[str, dict]:
    """Return the manifests of the study's finished trainings by the run's path."""
    if one.plan is None:
        return {}
    files = {run: Path(one.plan.paths.model_marker(run)) for run in one.plan.tuned}
    return {run: read_json(file) for run, file in files.items() if file.is_file()}
