"""A toy training runs through profiles/lumi, whole: submitted, launched, finished, seen."""

from __future__ import annotations

from harness import ACCOUNT, Project


def test_a_training_runs_through_the_profile(slurm, tmp_path):
    settings = {"world": {"size": "tiny"}, "training": {"devices": 2}, "evaluation": {"device": "cpu"}}
    project = Project(tmp_path / "project", slurm, "toy-container", settings, toy={"steps": 4})
    process = project.train()
    assert process.wait(timeout=240) == 0, project.output()
    (job,) = project.jobs()
    assert (job.state, job.partition, job.devices) == ("COMPLETED", "standard-g", 8)
    assert {entry["rank"] for entry in project.history()} == {0, 1}
    assert f"account: {ACCOUNT}" not in project.output()
