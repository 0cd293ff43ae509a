"""The lucky52 study of the generated world, from nothing to its figures, through profiles/lumi; and profiles/slurm."""

from __future__ import annotations

from tests.slurm import scenarios


def test_preflight(outcome):
    found = outcome(scenarios.preflight)
    # four processes on two nodes reached each other at the first node's address
    assert found["found"]["processes"] == len(found["found"]["ranks"]) == 4
    assert all(one["hub_offline"] for one in found["found"]["ranks"])
    assert [(job.partition, job.nodes, job.devices) for job in found["jobs"]] == [("standard-g", 2, 16)]


def test_generic_profile(outcome):
    found = outcome(scenarios.generic_profile)
    assert found["found"]["processes"] == 2
    on_devices = sorted(job.devices for job in found["jobs"] if job.partition == "dev-g")
    assert on_devices == [1, 8]  # the pre-training, and the whole node of the preflight
    assert {job.partition for job in found["jobs"]} == {"dev-g", "small"}
    assert {job.state for job in found["jobs"]} == {"COMPLETED"}


def test_world_study(outcome):
    found = outcome(scenarios.world_study)
    assert found["status"] == 0, found["output"]
    assert len(found["manifests"]) == 2
    assert {(manifest["devices"], manifest["zero_stage"]) for manifest in found["manifests"]} == {(2, 2)}
    assert "fig1a.pdf" in found["figures"]
    # the cancelled training was started again and went on from its checkpoint
    assert "resuming from" in found["cancelled_log"]

    jobs = {job.number: job for job in found["jobs"]}
    assert jobs[found["cancelled"]].state.startswith("CANCELLED")
    whole = [job for job in jobs.values() if job.partition == "standard-g"]
    single = [job for job in jobs.values() if job.partition == "small-g"]
    assert [job.devices for job in whole] == [8, 8, 8]  # two trainings, one of them in two jobs
    # one pre-training, and one job for the three evaluations of each of three models
    assert [job.devices for job in single] == [1, 1, 1, 1]
    assert all(job.state == "COMPLETED" for job in jobs.values() if job.number != found["cancelled"])
    assert "-m polytune.cli train " in found["calls"] and "-m polytune.cli launch" not in found["calls"]
