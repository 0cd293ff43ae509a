"""Checks of the profiles for clusters: settings, account, partitions, paths."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from polytune.cluster.guard import ACCOUNT
from polytune.cluster.slurm import has_slurm
from polytune.commands.findings import Finding, fail, ok, warn
from polytune.errors import nearest
from polytune.readers.yaml import read_yaml

EXPORT = re.compile(r"export (\w+)=(\S*)")
SECONDS = 20


def check_profile(folder: Path) -> Iterator[Finding]:
    """Yield what is wrong with a cluster's profile, a folder with `config.yaml` and `settings.example.sh`."""
    topic, example = f"profile {folder.name}", folder / "settings.example.sh"
    settings = folder / "settings.sh"
    if not settings.is_file():
        yield fail(topic, f"{_short(settings)} is missing", f"cp {_short(example)} {_short(settings)}, and edit it")
        return
    wanted, given = read_exports(example), read_exports(settings)
    if lost := [name for name in wanted if name not in given]:
        yield fail(topic, f"{_short(settings)} lacks {', '.join(lost)}", f"copy the lines from {_short(example)}")
    if given.get(ACCOUNT) == wanted.get(ACCOUNT):
        yield fail(topic, f"{ACCOUNT} in {_short(settings)} is the example's", "name the account that pays")
    unset = [name for name in given if name not in os.environ]
    if unset:
        yield warn(topic, f"{', '.join(unset)} not set in this shell", f"source {_short(folder)}/activate.sh")
    for name in given:
        value = os.environ.get(name, "")
        if value.startswith("/") and not Path(value).exists() and not name.endswith("SCRATCH"):
            yield fail(
                topic,
                f"{name}: {value} does not exist",
                f"edit {_short(settings)}, or make it: {_short(folder)}/README.md",
            )
    if not has_slurm():
        yield warn(topic, "no Slurm on this machine: account and partitions are not checked", "run it on a login node")
        return
    yield from _accounts(topic, os.environ.get(ACCOUNT, given.get(ACCOUNT, "")))
    yield from _partitions(topic, folder / "config.yaml")


def read_exports(file: Path) -> dict[str, str]:
    """Return the variables that a file of settings exports, as they are written."""
    return dict(EXPORT.findall(file.read_text(encoding="utf-8")))


def partitions_of(file: Path) -> dict[str, list[str]]:
    """Return the partitions that a profile names, each with the rules that it is for."""
    profile = read_yaml(file)
    entries: dict[str, Any] = {
        "every other rule": profile.get("default-resources", {}),
        **profile.get("set-resources", {}),
    }
    found: dict[str, list[str]] = {}
    for rule, resources in entries.items():
        for name in str(resources.get("slurm_partition", "")).split(","):
            if name:
                found.setdefault(name, []).append(rule)
    return found


def _accounts(topic: str, account: str) -> Iterator[Finding]:
    known = _ask(
        "sacctmgr", "--noheader", "--parsable2", "show", "assoc", f"user={os.environ.get('USER', '')}", "format=account"
    )
    if known is None:
        yield warn(topic, "sacctmgr does not answer: the account is not checked", "ask those who run the cluster")
    elif not account:
        yield fail(topic, f"{ACCOUNT} is not set", "name the account that pays in settings.sh, and source activate.sh")
    elif known and account not in known:
        yield fail(topic, f"you have no account '{account}'{nearest(account, known)}", f"yours: {', '.join(known)}")
    else:
        yield ok(topic, f"account {account}")


def _partitions(topic: str, file: Path) -> Iterator[Finding]:
    known = _ask("sinfo", "--noheader", "--format", "%R")
    if not known:
        yield warn(topic, "sinfo does not answer: partitions are not checked", "ask those who run the cluster")
        return
    wanted = partitions_of(file)
    for name, rules in wanted.items():
        if name not in known:
            yield fail(
                topic,
                f"{_short(file)}: no partition '{name}' (for {', '.join(rules[:3])}){nearest(name, known)}",
                f"edit it; there are: {', '.join(known)}",
            )
    if set(wanted) <= set(known):
        yield ok(topic, f"partitions {', '.join(wanted)}")


def _ask(*call: str) -> list[str] | None:
    """Return the distinct lines of an answer of Slurm's, None if it does not answer."""
    try:
        done = subprocess.run(call, capture_output=True, text=True, timeout=SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
    return list(dict.fromkeys(lines)) if done.returncode == 0 else None


def _short(path: Path) -> str:
    """Return a path of the project as it is typed from its root."""
    return path.as_posix()[path.as_posix().index("profiles/") :]
