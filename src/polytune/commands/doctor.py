"""`polytune doctor`: what of this machine, its software and the configuration would stand in the way of a run."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from polytune import ROOT
from polytune.cluster.slurm import has_slurm
from polytune.commands.findings import Finding, fail, ok, warn
from polytune.commands.places import check_caches, check_devices, check_disks, check_leftovers, check_variables
from polytune.commands.profiles import check_profile
from polytune.commands.software import check_software
from polytune.config.given import Files, Given, Values
from polytune.costs.forecast import load_plan
from polytune.errors import InputError, nearest
from polytune.study.plan import Plan

DEFAULT_STORAGE = {"results": "results", "work": "work", "resources": "resources"}


def command(
    configfile: Files = None,
    config: Values = None,
    profile: Annotated[
        str, typer.Option(help="A profile of a cluster: lumi, slurm. Default: those that are set up.")
    ] = "",
) -> None:
    """Check software, devices, disks, caches and profiles; each line says ok, warn or fail, and what to do.

    The exit status is 1 if a line says fail.
    """
    findings = []
    for finding in examine(Given.of(configfile, config), profile):
        print(finding, flush=True)
        findings.append(finding.status)
    print(f"{findings.count('fail')} to fix, {findings.count('warn')} to look at, {findings.count('ok')} in order")
    sys.exit(1 if "fail" in findings else 0)


def examine(given: Given, profile: str) -> Iterator[Finding]:
    """Yield everything that is looked at, the configuration first."""
    chosen = list(_profiles(profile))  # an unknown name before anything is looked at
    plan: Plan | None = None
    try:
        plan = load_plan(given)
        yield ok("configuration", f"scale {plan.config['scale']}: {', '.join(plan.studies)}; {len(plan.runs)} runs")
    except InputError as error:
        yield fail("configuration", str(error), "mend it; the lines below assume the defaults")
    yield from check_software(ROOT)
    yield from check_devices(plan.config["evaluation"]["device"] if plan else "auto")
    yield from check_disks(plan.config["storage"] if plan else DEFAULT_STORAGE)
    yield from check_caches()
    yield from check_variables()
    yield from check_leftovers(Path.cwd())
    for folder in chosen:
        yield from check_profile(folder)
    if chosen:
        return
    if has_slurm():
        yield warn(
            "profiles", "Slurm is here, but no profile is set up", "profiles/slurm/README.md, profiles/lumi/README.md"
        )
    else:
        yield ok("profiles", "no cluster's is set up here; profiles/local is for one computer")


def _profiles(wanted: str) -> Iterator[Path]:
    """Yield the folders of the profiles to check; raises `InputError` for one that there is not."""
    known = {file.parent.name: file.parent for file in sorted((ROOT / "profiles").glob("*/settings.example.sh"))}
    name = Path(wanted).name
    if name:
        if name not in known:
            raise InputError(
                f"--profile: no profile '{wanted}' of a cluster{nearest(name, known)}; there are: {', '.join(known)}"
            )
        yield known[name]
        return
    yield from (folder for folder in known.values() if (folder / "settings.sh").is_file())
