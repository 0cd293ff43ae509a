"""A Slurm and projects that use it, for the tests of this folder."""

from __future__ import annotations

import copy
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import yaml

from polytune.config.settings import load_config
from polytune.study.plan import Plan
from polytune.study.specs import result_of

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]
PACKAGES = ("slurm-wlm", "munge", "slurmdbd", "mariadb-server")
ACCOUNT = "project_465000001"
# the runs that the tests with the toy container train: of the lucky52 study, and of lora.yaml
BASE = "world-bloom-w1-tiny"
RUN = f"{BASE}/full/world-w1-tiny-en-400-rows-replay4000/seed1"
LORA_RUN = f"{BASE}/lora/world-w1-tiny-en-100-rows/seed1"


def wait_for(what: str, condition: Callable[[], object], seconds: float = 900.0):
    """Return the first true value of `condition()`; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.5)
    raise AssertionError(f"{what}: not within {seconds:g} s")


def toy_inputs(settings: dict, name: str) -> list[str]:
    """Return the files that the training of a run reads and the specs that they were made from, so that a test need
    not make them."""
    plan = Plan(load_config(copy.deepcopy(settings)))
    run = plan.runs[name]
    read = [plan.paths.mixture(run.mixture), plan.outside.base(run.base).marker, *plan.token_indexes(run)]
    asked = [plan.spec(about) for about in plan.specs if result_of(plan, about) in read]
    return [plan.spec(f"runs/{name}"), *read, *asked]


def missing_commands() -> list[str]:
    """Return the commands of Slurm and its companions that are not installed."""
    needed = ("slurmctld", "slurmd", "slurmdbd", "sbatch", "munged", "mungekey", "mariadbd", "mariadb-install-db")
    return [name for name in needed if shutil.which(name) is None]


class Slurm:
    """A Slurm of `start-slurm`, in a directory of its own."""

    # one at a time: the next one looks for free ports when the one before listens on its own
    starting = Lock()

    def __init__(self, directory: Path, nodes: int = 2) -> None:
        self.directory, self.nodes = directory, nodes
        foreign = ("SLURM_", "SBATCH_", "SRUN_")  # this Slurm's jobs are no steps of another one's
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(foreign)},
            "SLURM_CONF": f"{directory}/slurm.conf",
            "PATH": f"{directory}/bin:{os.environ['PATH']}",
        }

    def start(self) -> None:
        """Start it; about ten seconds."""
        with self.starting:
            self._script("start-slurm", str(self.nodes))

    def stop(self) -> None:
        """Stop it, its jobs and whatever they left."""
        self._script("stop-slurm")

    def _script(self, name: str, *arguments: str) -> None:
        call = [HERE / name, self.directory, *arguments]
        environment = {**os.environ, "PYTHON": sys.executable}
        done = subprocess.run(call, env=environment, capture_output=True, text=True, timeout=900, check=False)
        assert done.returncode == 0, f"{name}: {done.stdout}{done.stderr}"

    def run(self, *call: str) -> str:
        """Return what a command of Slurm says."""
        done = subprocess.run(call, env=self.environment, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, f"{call}: {done.stdout}{done.stderr}"
        return done.stdout

    def stop_daemon(self, name: str) -> None:
        """Stop slurmctld or slurmdbd and wait until it is gone."""
        process = int((self.directory / "run" / f"{name}.pid").read_text())
        os.kill(process, signal.SIGTERM)
        wait_for(f"end of {name}", lambda: not Path(f"/proc/{process}").exists(), 300)

    def start_daemon(self, name: str) -> None:
        """Start slurmctld or slurmdbd again, with the state that it had."""
        self.run(name)


@dataclass
class Job:
    """What sacct says about a job."""

    number: str
    state: str
    partition: str
    nodes: int
    limit: str
    devices: int


class Project:
    """A copy of the workflow in a directory of its own, started through `profiles/{profile}` as a user starts it."""

    def __init__(
        self,
        directory: Path,
        slurm: Slurm,
        container: str,
        settings: dict,
        toy: dict | None = None,
        run: str = RUN,
        profile: str = "lumi",
    ) -> None:
        self.directory, self.slurm, self.run, self.profile = directory, slurm, run, profile
        self.calls = directory / "singularity-calls.txt"
        directory.mkdir(parents=True)
        for name in ("config", "profiles", "src", "workflow"):
            shutil.copytree(
                CHECKOUT / name,
                directory / name,
                symlinks=True,
                ignore=shutil.ignore_patterns("__pycache__", "settings.sh"),
            )
        shutil.copy(CHECKOUT / "Snakefile", directory / "Snakefile")
        (directory / "config/config.yaml").write_text(yaml.safe_dump(settings))
        # the test's own settings: account, container, and where the host's Python is
        self.settings_file = directory / "profiles" / profile / "settings.sh"
        self.settings_file.write_text(
            f"export POLYTUNE_ACCOUNT={ACCOUNT}\n"
            f"export POLYTUNE_SCRATCH={directory}\n"
            f"export POLYTUNE_HOST_ENVIRONMENT={sys.prefix} POLYTUNE_ENVIRONMENT={sys.prefix}\n"
            f"export POLYTUNE_CONTAINER={HERE / container}\n"
        )
        if toy is not None:
            (directory / "toy.json").write_text(json.dumps(toy))
            for name in toy_inputs(settings, run):
                (directory / name).parent.mkdir(parents=True, exist_ok=True)
                (directory / name).write_text("{}")

    def set_resources(self, rule: str, **resources) -> None:
        """Edit the project's copy of the profile (`--set-resources` would replace what it says about every rule)."""
        file = self.directory / "profiles" / self.profile / "config.yaml"
        profile = yaml.safe_load(file.read_text())
        profile["set-resources"][rule].update(resources)
        file.write_text(yaml.safe_dump(profile))

    @property
    def work(self) -> Path:
        """The work folder of the toy run."""
        return self.directory / "work/runs" / self.run

    @property
    def target(self) -> str:
        """The marker of the toy run's model."""
        return f"results/runs/{self.run}/model/manifest.json"

    def train(self, *arguments: str, log: str = "snakemake.txt") -> subprocess.Popen:
        """Start Snakemake for the toy run alone, whatever its inputs would need."""
        return self.snakemake(self.target, "--allowed-rules", f"train_{self.run.split('/')[1]}", *arguments, log=log)

    def snakemake(self, *arguments: str, log: str = "snakemake.txt") -> subprocess.Popen:
        """Start Snakemake as the README says, in a session of its own; its output goes to the file `log`."""
        script = (
            f"source {self.slurm.directory}/environment.sh && export PATH={HERE}:$PATH && "
            f'source profiles/{self.profile}/activate.sh && exec snakemake --profile profiles/{self.profile} "$@"'
        )
        environment = {
            **self.slurm.environment,
            "PYTHONPATH": f"{self.directory}/src",
            "POLYTUNE_TEST_CALLS": str(self.calls),
            "OMP_NUM_THREADS": "1",
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }
        with open(self.directory / log, "w") as stream:
            return subprocess.Popen(
                ["bash", "-c", script, "snakemake", *arguments],
                cwd=self.directory,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def output(self, log: str = "snakemake.txt") -> str:
        """Return what Snakemake has said."""
        return (self.directory / log).read_text()

    def history(self) -> list[dict]:
        """Return the steps of the toy training, in the order in which they happened."""
        file = self.work / "history.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def jobs(self) -> list[Job]:
        """Return all Slurm jobs of this project that sacct knows, the oldest first, one entry per start of a job."""
        fields = "jobidraw,state,partition,nnodes,timelimit,alloctres,workdir"
        lines = self.slurm.run(
            "sacct", "-n", "-P", "-X", "--duplicates", "--starttime=now-1days", f"--format={fields}"
        ).splitlines()
        found = []
        for line in lines:
            number, state, partition, nodes, limit, resources, workdir = line.split("|")
            if workdir == str(self.directory):
                devices = dict(part.split("=") for part in resources.split(",") if part).get("gres/gpu", "0")
                found.append(Job(number, state, partition, int(nodes), limit, int(devices)))
        return found

    def running_job(self) -> str:
        """Wait until the toy training has made a step in a new job; return that job's number."""
        seen = {entry["job"] for entry in self.history()}
        return wait_for(
            "a training step",
            lambda: next(
                (one["job"] for one in self.history() if one["job"] not in seen and one["event"] == "step"), None
            ),
        )
