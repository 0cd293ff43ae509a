"""What finished runs say about themselves: the manifests of trainings and the headers of evaluations."""

from __future__ import annotations

from collections.abc import Iterator
from glob import glob

from polytune.config.paths import ANY_RUN, Paths
from polytune.files import read_json


def trainings(paths: Paths) -> Iterator[tuple[str, str, dict]]:
    """Yield (folder, rule, manifest) of every finished training below a results folder."""
    for file in sorted(glob(paths.base_marker("*"))):
        yield paths.base(file.split("/")[-2]), "pretrain_base", read_json(file)
    for file in sorted(glob(paths.model_marker(ANY_RUN))):
        manifest = read_json(file)
        yield paths.run(_run(paths, file)), f"train_{manifest['method']}", manifest


def evaluations(paths: Paths) -> Iterator[tuple[str, str, str, dict]]:
    """Yield (run, origin, name, header) of every finished evaluation below a results folder."""
    for file in sorted(glob(paths.evaluation(ANY_RUN, "*", "*"))):
        origin, name = file.split("/")[-2:]
        yield _run(paths, file), origin, name.removesuffix(".json"), read_json(file)["polytune"]


def _run(paths: Paths, file: str) -> str:
    """Return the run that a file lies with."""
    return "/".join(file.removeprefix(paths.run("")).split("/")[: ANY_RUN.count("/") + 1])
