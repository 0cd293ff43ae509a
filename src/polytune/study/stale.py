"""Which results were made by older code.

The workflow does not retrain when code changes: a cosmetic edit must not cost a month of GPUs. Instead every result
carries the commit that made it, and this list says what has changed since, in the packages that shaped it.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from glob import glob
from pathlib import Path
from typing import Annotated

import typer

from polytune import ROOT
from polytune.config.paths import ANY_RUN, Paths
from polytune.errors import InputError
from polytune.files import read_json


def shaped_by(paths: Paths) -> dict[str, tuple[str, ...]]:
    """Return, by the pattern of the files that carry provenance, the packages whose code shapes the result."""
    trained = ("data", "mixtures", "models", "training")
    return {
        paths.base_marker("*"): ("world", *trained),
        paths.model_marker(ANY_RUN): trained,
        paths.evaluation(ANY_RUN, "*", "*"): ("models", "evaluation"),
    }


def made_by(content: dict) -> str:
    """Return the commit in a manifest or evaluation, empty if it has none."""
    for place in (content, content.get("polytune", {})):
        record = place.get("provenance") if isinstance(place, dict) else None
        if record:
            return record.get("commit", "")
    return ""


def commits_since(commit: str, packages: tuple[str, ...]) -> list[str] | None:
    """Return `hash subject` of the commits since `commit` that touched the packages; None if git does not know it."""
    folders = [f"src/polytune/{package}" for package in packages]
    done = subprocess.run(
        ["git", "log", "--no-merges", "--format=%h %s", f"{commit}..HEAD", "--", *folders],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    return done.stdout.splitlines() if done.returncode == 0 else None


def find_stale(results: Path) -> Iterator[tuple[Path, str]]:
    """Yield (file, reason) of every result that was made by other code than the checkout's."""
    known: dict[tuple[str, tuple[str, ...]], list[str] | None] = {}
    for pattern, packages in shaped_by(Paths(str(results))).items():
        for file in map(Path, sorted(glob(pattern))):
            commit, _, edited = made_by(read_json(file)).partition("-")
            if not commit or commit == "unknown":
                yield file, "its commit is unknown"
                continue
            if (commit, packages) not in known:
                known[commit, packages] = commits_since(commit, packages)
            later = known[commit, packages]
            if later is None:
                yield file, f"made by commit {commit[:9]}, which this checkout does not have"
            elif later:
                yield file, f"{len(later)} commits older; the last: {later[0]}"
            elif edited:
                yield file, f"made by commit {commit[:9]} with uncommitted edits"


def command(
    results: Annotated[Path, typer.Option(help="Folder of results.")] = Path("results"),
) -> None:
    """List the results that were made by older code; delete those that you want made again."""
    if not results.is_dir():
        raise InputError(f"--results: {results}: no such directory")
    count = 0
    for file, reason in find_stale(results):
        print(f"{file}: {reason}")
        count += 1
    print(f"{count} results were made by other code than this checkout's")
