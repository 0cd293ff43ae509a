"""Where a result came from: the version, the commit and the libraries that made it."""

from __future__ import annotations

import platform
import subprocess
from functools import cache
from importlib import metadata
from pathlib import Path

from polytune import __version__

LIBRARIES = ("torch", "transformers", "deepspeed", "peft", "tokenizers", "datasets", "lm-eval", "numpy", "scipy")


@cache
def commit() -> str:
    """Return the commit of the checkout this package runs from, `-dirty` if edited, `unknown` outside one."""
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return described.stdout.strip()


def provenance(*libraries: str) -> dict:
    """Return the provenance record of a result: no host name, no user name, no path.

    `libraries` are the distributions that mattered for it; default all of `LIBRARIES`.
    """
    versions = {}
    for name in libraries or LIBRARIES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {
        "polytune": __version__,
        "commit": commit(),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "libraries": versions,
    }
