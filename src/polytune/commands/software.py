"""Checks of the software: Python, packages against `constraints.txt`, extras, git."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from polytune.commands.findings import Finding, fail, ok, warn
from polytune.provenance import commit

PLANNING = "snakemake, pyyaml, typer, tqdm, huggingface-hub"
"""What planning and submitting need; what computes may lie in a container (profiles/lumi/README.md, step 2)."""
SHOWN = 4
EXTRA_USES = {
    "urielplus": "polytune read-urielplus",
    "docs": "make site",
    "test": "make check and make test",
}
INSTALL = "make install, or pip install -c constraints.txt -e ."


def check_software(project: Path) -> Iterator[Finding]:
    """Yield what is found of Python, packages and the checkout."""
    settings = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    yield _python(settings["requires-python"])
    pins = read_pins(project / "constraints.txt")
    yield from _packages([name_of(line) for line in settings["dependencies"]], pins)
    for extra, lines in settings["optional-dependencies"].items():
        yield _extra(extra, [name_of(line) for line in lines])
    known = commit()
    if known == "unknown":
        yield warn("git", "no commit is known", "results will not say which code made them: clone with git")
    elif known.endswith("-dirty"):
        yield warn("git", f"commit {known[:9]} with uncommitted edits", "commit them, so that results name their code")
    else:
        yield ok("git", f"commit {known[:9]}")


def name_of(requirement: str) -> str:
    """Return the normalised name of a requirement: `lm-eval` of `lm_eval==0.4.13`."""
    return re.sub("[-_.]+", "-", re.match(r"[\w.-]+", requirement)[0]).lower()


def read_pins(file: Path) -> dict[str, str]:
    """Return the versions of a constraints file by normalised name."""
    lines = (line.partition("#")[0].strip() for line in file.read_text(encoding="utf-8").splitlines())
    pairs = (line.split("==") for line in lines if "==" in line)
    return {name_of(name): version.partition(";")[0].strip() for name, version in pairs}


def installed(name: str) -> str | None:
    """Return the version of a distribution without what a build adds to it (`+cpu`), None if it is not there."""
    try:
        return metadata.version(name).partition("+")[0]
    except metadata.PackageNotFoundError:
        return None


def _python(wanted: str) -> Finding:
    least = tuple(int(part) for part in re.findall(r"\d+", wanted))
    seen = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < least:
        return fail("python", f"{seen}, needed is {wanted}", "make install PYTHON=python3.11")
    return ok("python", f"{seen} ({sys.prefix})")


def _packages(names: list[str], pins: dict[str, str]) -> Iterator[Finding]:
    versions = {name: installed(name) for name in names}
    missing = [name for name, version in versions.items() if version is None]
    if lost := [name for name in missing if name in PLANNING.split(", ")]:
        yield fail("packages", f"not installed: {', '.join(lost)}", INSTALL)
    if lost := [name for name in missing if name not in PLANNING.split(", ")]:
        yield warn(
            "packages",
            f"not installed: {_few(lost)}",
            f"needed where models are tuned and evaluated, not where jobs are only planned and submitted: {INSTALL}",
        )
    others = [
        f"{name} {version} (pinned {pins[name]})"
        for name, version in versions.items()
        if version and name in pins and version != pins[name].partition("+")[0]
    ]
    if others:
        yield warn("versions", f"others than tested: {_few(others)}", INSTALL)
    else:
        yield ok("versions", f"{sum(map(bool, versions.values()))} packages as in constraints.txt")


def _extra(extra: str, names: list[str]) -> Finding:
    missing = [name for name in names if installed(name) is None]
    if not missing:
        return ok("extras", f"{extra}: installed")
    return ok(
        "extras", f"{extra}: not installed: {_few(missing)}; they are for {EXTRA_USES.get(extra, 'see pyproject.toml')}"
    )


def _few(words: list[str]) -> str:
    more = f" and {len(words) - SHOWN} more" if len(words) > SHOWN else ""
    return ", ".join(words[:SHOWN]) + more
