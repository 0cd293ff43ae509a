"""What clusters do to jobs, and that a study survives it. docs/cluster.md shows what the user sees in each case."""

from __future__ import annotations

from tests.slurm import scenarios


def steps_of(history: list[dict], rank: int = 0) -> dict[str, list[int]]:
    """Return the steps that each Slurm job trained, by job, in the order of the jobs."""
    found: dict[str, list[int]] = {}
    for entry in history:
        if entry["event"] == "step" and entry["rank"] == rank:
            found.setdefault(entry["job"], []).append(entry["step"])
    return found


def assert_resumed(found: dict, steps: int) -> list[list[int]]:
    """Assert that two jobs trained all steps, the second from where the first was; return their steps."""
    assert found["status"] == 0, found["output"]
    assert found["manifest"]
    first, second = steps_of(found["history"]).values()
    assert first[0] == 1 and first == list(range(1, len(first) + 1))
    assert second[0] > 1 and second[-1] == steps and second == list(range(second[0], steps + 1))
    # the last step of the first job may have had no time for its checkpoint
    assert second[0] - 1 in (first[-1], first[-1] - 1)
    return [first, second]


def test_time_limit(outcome):
    found = outcome(scenarios.time_limit)
    assert_resumed(found, steps=110)
    first, second = found["jobs"]
    assert (first.state, first.limit) == ("TIMEOUT", "00:01:00")
    assert (second.state, second.limit) == ("COMPLETED", "00:02:00")
    assert "Trying to restart job" in found["output"]


def test_signal_before_limit(outcome):
    found = outcome(scenarios.signal_before_limit)
    first, second = assert_resumed(found, steps=150)
    assert second[0] == first[-1] + 1  # the signal left time for a checkpoint: nothing is lost
    assert [entry["step"] for entry in found["history"] if entry["event"] == "stop" and entry["rank"] == 0] == [
        first[-1]
    ]
    assert [job.state for job in found["jobs"]] == ["FAILED", "COMPLETED"]
    assert [job.limit for job in found["jobs"]] == ["00:03:00", "00:06:00"]


def test_signal_to_lora(outcome):
    found = outcome(scenarios.signal_to_lora)
    first, second = assert_resumed(found, steps=150)
    assert second[0] == first[-1] + 1
    assert [(job.partition, job.devices) for job in found["jobs"]] == [("small-g", 1), ("small-g", 1)]
    assert [job.state for job in found["jobs"]] == ["FAILED", "COMPLETED"]


def test_cancelled_outside(outcome):
    found = outcome(scenarios.cancelled_outside)
    assert_resumed(found, steps=60)
    assert found["jobs"][0].state.startswith("CANCELLED by")  # what the plugin does not understand without our sacct
    assert found["jobs"][1].state == "COMPLETED"


def test_failing_rank(outcome):
    found = outcome(scenarios.failing_rank)
    first, _ = assert_resumed(found, steps=120)
    assert first[-1] < 60, "rank 0 went on without rank 1, which failed at step 5"
    assert [job.state for job in found["jobs"]] == ["FAILED", "COMPLETED"]
    assert "rank 1: fails at step 5, as the test wants" in found["output"]  # the log is shown where people look


def test_preemption(outcome):
    found = outcome(scenarios.preemption)
    assert found["status"] == 0, found["output"]
    assert found["manifest"]
    assert [job.state for job in found["jobs"]] == ["PREEMPTED", "COMPLETED"]
    assert len({job.number for job in found["jobs"]}) == 1  # Slurm's own second start of the same job
    assert "Trying to restart job" not in found["output"]  # and no retry of ours
    starts = [entry["step"] for entry in found["history"] if entry["event"] == "start" and entry["rank"] == 0]
    assert len(starts) == 2 and starts[1] > 0


def test_controller_away(outcome):
    found = outcome(scenarios.controller_away)
    assert found["away"] >= 120 and found["ran_through"]
    assert found["status"] == 0, found["output"]
    assert found["manifest"]
    assert [job.state for job in found["jobs"]] == ["COMPLETED"]


def test_workflow_killed(outcome):
    found = outcome(scenarios.workflow_killed)
    assert found["locked"] != 0 and "LockException" in found["locked_output"]
    assert found["unlocked"] == 0
    first = found["jobs"][0].number
    assert found["refused"] != 0 and f"scancel {first}" in found["refused_output"], found["refused_output"]
    assert found["second"] != 0 and f"is in use by Slurm job {first}, which is RUNNING" in found["second_output"]
    assert found["waited"] == 0, found["waited_output"]
    assert found["status"] == 0, found["again_output"]
    assert found["manifest"]
    # one job trained every step exactly once; the refused copy trained none
    assert steps_of(found["history"]) == {first: list(range(1, 401))}
    assert sum(entry["event"] == "start" and entry["rank"] == 0 for entry in found["history"]) == 1


def test_wrong_settings(outcome):
    found = outcome(scenarios.wrong_settings)
    assert all(case["status"] != 0 and case["jobs"] == [] for case in found.values())
    assert "POLYTUNE_ACCOUNT is not set" in found["account_unset"]["output"]
    for name, account in (("account_of_others", "project_465000002"), ("account_unknown", "project_4650")):
        assert f"The given account {account} appears to be invalid. Available accounts:" in found[name]["output"]
    assert "invalid partition specified: standrad-g" in found["partition"]["output"]
    assert "Requested time limit is invalid" in found["limit"]["output"]
