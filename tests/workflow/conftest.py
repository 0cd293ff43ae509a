"""A copy of the checkout in which the toy study ran, and dry runs that say what is planned."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

NO_NETWORK = Path(__file__).parent / "no_network"
SNAKEMAKE = str(Path(sys.executable).parent / "snakemake")


@dataclass
class Checkout:
    """A checkout with its own results; `run` and `plan` call Snakemake in it as a user does."""

    folder: Path
    reaches_servers: bool = False
    """Whether the test runs a server of its own: otherwise no connection can be made."""

    @property
    def environment(self) -> dict[str, str]:
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        return {
            **os.environ,
            "PATH": path,
            "PYTHONPATH": f"{self.folder / 'src'}" if self.reaches_servers else f"{NO_NETWORK}:{self.folder / 'src'}",
            "POLYTUNE_TEST_NETWORK_LOG": str(self.network_log),
        }

    @property
    def network_log(self) -> Path:
        """The file that notes each attempt to reach a network, which `NO_NETWORK` refuses; absent without one."""
        return self.folder / "network.txt"

    def run(self, *options: str, succeeds: bool = True) -> str:
        """Run Snakemake and return everything it printed."""
        done = subprocess.run(
            [SNAKEMAKE, *options], cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=900
        )
        printed = done.stdout + done.stderr
        assert (done.returncode == 0) == succeeds, printed[-6000:]
        return printed

    def plan(self, *options: str) -> dict[str, int]:
        """Return how many jobs of each rule a dry run plans, without those that only collect targets."""
        printed = self.run("--dry-run", *options)
        table = printed.rpartition("Job stats:")[2].partition("Reasons:")[0]
        counts = {name: int(count) for name, count in re.findall(r"^(\w+)\s+(\d+)$", table, flags=re.MULTILINE)}
        assert counts or "Nothing to be done" in printed, printed[-3000:]
        return {name: count for name, count in counts.items() if name not in ("all", "total", "toy", "lucky52")}

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace one piece of text, which must be there exactly once, as a user would in an editor."""
        path = self.folder / file
        text = path.read_text()
        assert text.count(old) == 1, f"{file} holds {old!r} {text.count(old)} times"
        path.write_text(text.replace(old, new))

    def copy(self, folder: Path) -> Checkout:
        """Return a copy, results and the record of what ran included."""
        shutil.copytree(self.folder, folder, symlinks=True, copy_function=shutil.copy2)
        return Checkout(folder)


def copy_checkout(project: Path, folder: Path) -> Checkout:
    """Copy what git tracks, and what it would track, to `folder`."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=project,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (project / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(project / name, folder / name)
    return Checkout(folder)


@pytest.fixture(scope="session")
def clean_checkout(project, tmp_path_factory) -> Checkout:
    """A checkout in which nothing has run yet. Not to be changed: take `copy()`."""
    return copy_checkout(project, tmp_path_factory.mktemp("clean"))


TOY_CONFIG = """\
studies: [config/studies/toy.yaml]
# the tiny world is made in a second
world: {size: tiny}
"""


@pytest.fixture(scope="session")
def finished_checkout(clean_checkout, tmp_path_factory) -> Checkout:
    """A checkout in which the toy study ran to its end. Not to be changed: take `copy()`."""
    checkout = clean_checkout.copy(tmp_path_factory.mktemp("finished") / "polytune")
    shutil.copy(checkout.folder / "tests/workflow/toy.yaml", checkout.folder / "config/studies/toy.yaml")
    (checkout.folder / "config/config.yaml").write_text(TOY_CONFIG)
    checkout.run("--profile", "profiles/local", "--cores", "2")
    return checkout


@pytest.fixture
def finished(finished_checkout, tmp_path) -> Checkout:
    """A finished checkout of one's own."""
    return finished_checkout.copy(tmp_path / "polytune")
