"""Fixtures of the tests on a real Slurm, which is started for them and stopped after them.

Most time goes by in waiting for Slurm. So a test has a scenario, a function of `scenarios.py`, and assertions on
what it returns; all scenarios of the collected tests run at the same time, each in a project directory of its own.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.slurm import scenarios
from tests.slurm.harness import PACKAGES, Slurm, missing_commands


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
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "--no-install-recommends", *PACKAGES]
    said = ""
    for call in (["apt-get", "update"], install):
        try:
            done = subprocess.run(call, env=environment, capture_output=True, text=True, timeout=600, check=False)
        except FileNotFoundError:
            pytest.skip(
                f"{', '.join(missing)} are not installed, and there is no apt-get to install {' '.join(PACKAGES)}"
            )
        said = done.stderr.strip()
    if missing_commands():
        pytest.skip(f"{' '.join(install)} did not help: {said[-300:]}")


@contextmanager
def running_slurm(nodes: int) -> Iterator[Slurm]:
    """Start a Slurm, and stop it; everything of it lies below one temporary directory, which goes away with it."""
    with tempfile.TemporaryDirectory(prefix="polytune-slurm-") as directory:
        one = Slurm(Path(directory), nodes)
        try:
            one.start()
            yield one
        finally:
            one.stop()


@pytest.fixture(scope="session")
def outcome(request, slurm_packages, tmp_path_factory) -> Iterator[Callable]:
    """Return a function that gives what a scenario returned; it waits for the scenario if it still runs."""
    called = {item.name.removeprefix("test_") for item in request.session.items}
    wanted = [one for name, one in vars(scenarios).items() if name in called]
    shared = [one for one in wanted if not getattr(one, "disturbs_others", False)]

    def run_alone(scenario):
        with running_slurm(nodes=2) as slurm:
            return scenario(slurm, tmp_path_factory.mktemp(scenario.__name__))

    with running_slurm(nodes=12) as slurm, ThreadPoolExecutor(len(wanted) + 1) as pool:
        futures = {
            one: pool.submit(one, slurm, tmp_path_factory.mktemp(one.__name__))
            if one in shared
            else pool.submit(run_alone, one)
            for one in wanted
        }
        yield lambda scenario: futures[scenario].result()
