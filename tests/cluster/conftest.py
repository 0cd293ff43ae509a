"""Fixtures of the tests on a real Slurm, which is started for them and stopped after them."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import pytest
from harness import PACKAGES, Slurm, missing_commands


def pytest_collection_modifyitems(items):
    """Mark every test of this folder."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.cluster)


@pytest.fixture(scope="session")
def slurm_packages() -> None:
    """Install Debian's packages if they are absent and this is root; else skip with the reason."""
    if os.geteuid() != 0:
        pytest.skip("the daemons of a Slurm that starts jobs need root")
    missing = missing_commands()
    if not missing:
        return
    install = ["apt-get", "install", "-y", "--no-install-recommends", *PACKAGES]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        subprocess.run(["apt-get", "update"], env=environment, capture_output=True, text=True, timeout=300, check=False)
        done = subprocess.run(install, env=environment, capture_output=True, text=True, timeout=600, check=False)
    except FileNotFoundError:
        pytest.skip(f"{', '.join(missing)} are not installed, and there is no apt-get to install {' '.join(PACKAGES)}")
    if missing_commands():
        pytest.skip(f"{' '.join(install)} failed: {done.stderr.strip().splitlines()[-1:]}")


@pytest.fixture(scope="session")
def slurm(slurm_packages):
    """A running Slurm; everything of it lies below one temporary directory, which goes away with it."""
    with tempfile.TemporaryDirectory(prefix="polytune-slurm-") as directory:
        one = Slurm(Path(directory))
        try:
            one.start()
            yield one
        finally:
            one.stop()
