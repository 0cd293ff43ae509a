"""What finished runs say about themselves: the manifests of trainings and the headers of evaluations."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from polytune.files import read_json


def trainings(results: Path) -> Iterator[tuple[str, str, dict]]:
    """Yield (`runs/{run}` or `bases/{base}`, rule, manifest) of every finished training below a results folder."""
    for file in sorted((results / "bases").glob("*/manifest.json")):
        yield f"bases/{file.parent.name}", "pretrain_base", read_json(file)
    root = results / "runs"
    for file in sorted(root.glob("*/*/*/*/model/manifest.json")):
        manifest = read_json(file)
        yield f"runs/{file.parent.parent.relative_to(root)}", f"train_{manifest['method']}", manifest


def evaluations(results: Path) -> Iterator[tuple[str, str, dict]]:
    """Yield (run, benchmark, header) of every finished evaluation below a results folder."""
    root = results / "runs"
    for file in sorted(root.glob("*/*/*/*/evaluations/*.json")):
        yield str(file.parent.parent.relative_to(root)), file.stem, read_json(file)["polytune"]
