"""What happens on clusters, played on a real Slurm. Each function returns what the test of the same name asserts on."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

from tests.slurm.harness import ACCOUNT, BASE, HERE, LORA_RUN, Project, Slurm, wait_for

SETTINGS = {"world": {"size": "tiny"}, "training": {"devices": 2}, "evaluation": {"device": "cpu"}}
FINISHES_WITHIN = 3600.0  # the study on two busy cores takes a quarter of an hour


def disturbs_others(scenario):
    """Mark a scenario that needs a Slurm of its own."""
    scenario.disturbs_others = True
    return scenario


def toy_project(directory: Path, slurm: Slurm, **toy) -> Project:
    """Return a project whose training is the toy container's."""
    return Project(directory / "project", slurm, "toy-container", SETTINGS, toy)


def finish(process: subprocess.Popen) -> int:
    """Wait for Snakemake; return its exit status."""
    try:
        return process.wait(timeout=FINISHES_WITHIN)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise


def report(project: Project, status: int) -> dict:
    """Return what every scenario with one training is judged by."""
    return {
        "status": status,
        "output": project.output(),
        "history": project.history(),
        "jobs": project.jobs(),
        "manifest": (project.directory / project.target).exists(),
    }


def time_limit(slurm: Slurm, directory: Path) -> dict:
    """A training that ignores signals runs over its limit of one minute; the second attempt may take two."""
    project = toy_project(directory, slurm, steps=110, seconds_per_step=1.0, stops_on_signal=False)
    project.set_resources("train_full", runtime="attempt", slurm_extra="'--exclusive'")
    return report(project, finish(project.train()))


def signal_before_limit(slurm: Slurm, directory: Path) -> dict:
    """A training hears SIGTERM before its limit, saves a checkpoint and ends; the second attempt resumes."""
    project = toy_project(directory, slurm, steps=150, seconds_per_step=1.0)
    # Slurm looks at limits every half minute only, so it sends the signal up to a minute early
    project.set_resources("train_full", runtime="attempt * 3", slurm_extra="'--exclusive --signal=TERM@60'")
    return report(project, finish(project.train()))


def signal_to_lora(slurm: Slurm, directory: Path) -> dict:
    """The same on one device of a shared node, where the step holds Snakemake too, and it hears the signal."""
    settings = {**SETTINGS, "studies": [str(HERE / "lora.yaml")], "training": {"devices": 1}}
    toy = {"steps": 150, "seconds_per_step": 1.0}
    project = Project(directory / "project", slurm, "toy-container", settings, toy, LORA_RUN)
    project.set_resources("train_lora", runtime="attempt * 3", slurm_extra="'--signal=TERM@60'")
    return report(project, finish(project.train()))


def cancelled_outside(slurm: Slurm, directory: Path) -> dict:
    """Somebody cancels the job."""
    project = toy_project(directory, slurm, steps=60)
    process = project.train()
    slurm.run("scancel", project.running_job())
    return report(project, finish(process))


def failing_rank(slurm: Slurm, directory: Path) -> dict:
    """One rank of two fails; the other would go on for a minute."""
    project = toy_project(directory, slurm, steps=120, failing_rank=1, failing_step=5)
    return report(project, finish(project.train()))


@disturbs_others
def preemption(slurm: Slurm, directory: Path) -> dict:
    """A job of higher priority takes the nodes away; Slurm starts the preempted job again."""
    project = toy_project(directory, slurm, steps=80)
    process = project.train()
    number = project.running_job()
    urgent = ["sbatch", f"--account={ACCOUNT}", "--partition=urgent", "--nodes=2", "--exclusive", "--output=/dev/null"]
    slurm.run(*urgent, "--wrap=sleep 1")
    wait_for("the preemption", lambda: slurm.run("squeue", "-h", "-j", number, "-o", "%T").strip() == "PENDING")
    return report(project, finish(process))


@disturbs_others
def controller_away(slurm: Slurm, directory: Path) -> dict:
    """slurmctld and slurmdbd are away for two minutes, in which the job ends."""
    project = toy_project(directory, slurm, steps=60)
    process = project.train()
    project.running_job()
    slurm.stop_daemon("slurmctld")
    slurm.stop_daemon("slurmdbd")
    stopped = time.time()
    wait_for("the end of the training", lambda: project.history()[-1]["event"] == "end")
    time.sleep(max(0.0, 120.0 - (time.time() - stopped)))
    running = process.poll() is None
    slurm.start_daemon("slurmdbd")
    slurm.start_daemon("slurmctld")
    away = time.time() - stopped
    return {**report(project, finish(process)), "away": away, "ran_through": running}


def workflow_killed(slurm: Slurm, directory: Path) -> dict:
    """Snakemake dies by `kill -9`; its job goes on; then people start Snakemake again."""
    project = toy_project(directory, slurm, steps=400)
    process = project.train()
    project.running_job()
    process.kill()
    process.wait()
    found = {"locked": finish(project.train(log="locked.txt")), "locked_output": project.output("locked.txt")}
    found["unlocked"] = finish(project.snakemake("--unlock", log="unlock.txt"))
    found["refused"] = finish(project.train(log="refused.txt"))
    found["refused_output"] = project.output("refused.txt")
    # without the check at the start (--no-hooks) a second copy is submitted, and its launcher refuses
    found["second"] = finish(project.train("--no-hooks", "--retries", "0", log="second.txt"))
    found["second_output"] = project.output("second.txt")
    shell = "source profiles/lumi/activate.sh && exec polytune wait --seconds 2"
    environment = {**slurm.environment, "PYTHONPATH": f"{project.directory}/src"}
    waited = subprocess.run(
        ["bash", "-c", shell],
        cwd=project.directory,
        env=environment,
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )
    found["waited"], found["waited_output"] = waited.returncode, waited.stdout + waited.stderr
    status = finish(project.train(log="again.txt"))
    return {**report(project, status), **found, "again_output": project.output("again.txt")}


def wrong_settings(slurm: Slurm, directory: Path) -> dict:
    """No account, somebody else's account, no such account, partition or time."""
    cases = {
        "account_unset": ("", {}),
        "account_of_others": ("project_465000002", {}),
        "account_unknown": ("project_4650", {}),
        "partition": (ACCOUNT, {"slurm_partition": "standrad-g"}),
        "limit": (ACCOUNT, {"runtime": 4000}),
    }
    projects, processes = {}, {}
    for name, (account, resources) in cases.items():
        project = projects[name] = toy_project(directory / name, slurm, steps=1)
        settings = project.settings_file.read_text()
        project.settings_file.write_text(re.sub("POLYTUNE_ACCOUNT=.*", f"POLYTUNE_ACCOUNT={account}", settings))
        project.set_resources("train_full", **resources)
        processes[name] = project.train("--retries", "0")
    return {name: report(project, finish(processes[name])) for name, project in projects.items()}


def preflight(slurm: Slurm, directory: Path) -> dict:
    """The preflight job on two nodes, two processes on each, with torch and gloo."""
    project = Project(directory / "project", slurm, "host-container", SETTINGS)
    status = finish(project.snakemake("work/preflight/2x2.json"))
    assert status == 0, project.output()
    return {"found": json.loads((project.directory / "work/preflight/2x2.json").read_text()), "jobs": project.jobs()}


def generic_profile(slurm: Slurm, directory: Path) -> dict:
    """A preflight and a pre-training from nothing through profiles/slurm, edited for these nodes as it asks."""
    project = Project(directory / "project", slurm, "host-container", SETTINGS, profile="slurm")
    file = project.directory / "profiles/slurm/config.yaml"
    text = file.read_text().replace("slurm_partition: cpu #", "slurm_partition: small #")
    text = text.replace("slurm_partition: gpu", "slurm_partition: dev-g")
    file.write_text(text.replace("cpus_per_task: 8", "cpus_per_task: 7").replace("cpus-per-task=8", "cpus-per-task=7"))
    status = finish(project.snakemake("work/preflight/1x2.json", f"results/bases/{BASE}/manifest.json"))
    assert status == 0, project.output()
    return {"found": json.loads((project.directory / "work/preflight/1x2.json").read_text()), "jobs": project.jobs()}


def world_study(slurm: Slurm, directory: Path) -> dict:
    """The lucky52 study of the generated world, two ranks of DeepSpeed per training, one training cancelled once."""
    project = Project(directory / "project", slurm, "host-container", SETTINGS)
    study = project.directory / "config/studies/lucky52.yaml"
    text, changes = re.subn(r"sizes: \[1, 2, .*\]", "sizes: [1, 3]", study.read_text())
    assert changes == 1, "the study's world overlay has other sizes than this test expects"
    study.write_text(text)
    process = project.snakemake("all")
    logs = project.directory / "logs/train_full"
    started = re.compile(r"training: +0%")

    def training() -> Path | None:
        assert process.poll() is None, project.output()
        return next((file for file in logs.rglob("*.log") if started.search(file.read_text())), None)

    first = wait_for("the first training", training, 3600)
    run = first.relative_to(logs).with_suffix("")
    time.sleep(1.0)
    owner = json.loads((project.directory / "work/runs" / run / "owner.json").read_text())
    slurm.run("scancel", owner["slurm_job_id"])
    status = finish(process)
    manifests = [
        json.loads(file.read_text())
        for file in (project.directory / "results/runs").glob("*/full/*/*/model/manifest.json")
    ]
    return {
        "status": status,
        "output": project.output(),
        "manifests": manifests,
        "jobs": project.jobs(),
        "cancelled": owner["slurm_job_id"],
        "cancelled_log": first.read_text(),
        "figures": sorted(
            file.name for file in (project.directory / "results/studies/lucky52/world/figures").glob("*.pdf")
        ),
        "calls": project.calls.read_text(),
    }
