"""Jobs of a dry run and their causes in words."""

from __future__ import annotations

import pytest

from polytune.commands.due import causes, family, needed_for
from polytune.config.settings import load_config
from polytune.costs.jobs import PlannedJob, read_jobs
from polytune.study.plan import Plan

PRINTED = """\
Job stats:
job           count
train_full        1

[Thu Nov 26 20:26:03 2026]
localrule write_spec:
    output: results/specs/runs/b/full/m/seed1/35656df004e1.json
    jobid: 3
    reason: Missing output files: results/specs/runs/b/full/m/seed1/35656df004e1.json
    resources: tmpdir=/tmp
Shell command: (rm -f results/specs/runs/b/full/m/seed1/*.json && printf 'x')

[Thu Nov 26 20:26:03 2026]
rule train_full:
    input: results/specs/runs/b/full/m/seed1/35656df004e1.json, results/mixtures/m.json (retrieve from storage)
    output: results/runs/b/full/m/seed1/model/manifest.json
    log: logs/train_full/b/full/m/seed1.log
    benchmark: benchmarks/train_full/b/full/m/seed1.tsv
    reason: Input files updated by another job: results/specs/runs/b/full/m/seed1/35656df004e1.json
    wildcards: run=b/full/m/seed1
Shell command: exec polytune launch --nodes 1 -- train --spec x > log 2>&1

Job stats:
Reasons:
    input files updated by another job:
        train_full
rule not_a_job:
"""


@pytest.fixture
def plan(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Plan(load_config({"studies": ["lucky52"]}))


def test_jobs_are_read_from_what_snakemake_prints():
    spec, training = read_jobs(PRINTED.splitlines())
    assert (spec.rule, spec.input, spec.log) == ("write_spec", [], [])
    assert training.rule == "train_full"
    assert training.input == ["results/specs/runs/b/full/m/seed1/35656df004e1.json", "results/mixtures/m.json"]
    assert training.output == ["results/runs/b/full/m/seed1/model/manifest.json"]
    assert training.benchmark == ["benchmarks/train_full/b/full/m/seed1.tsv"]
    assert training.reason.startswith("Input files updated by another job: results/specs/")
    assert training.shell.startswith("exec polytune launch")


def test_only_what_a_target_is_made_from_is_needed():
    jobs = [
        PlannedJob("other", [], ["x"]),
        PlannedJob("first", [], ["a"]),
        PlannedJob("second", ["a", "given"], ["b", "b2"]),
        PlannedJob("third", ["b"], ["c"]),
    ]
    assert [job.rule for job in needed_for(jobs, ["b2"])] == ["first", "second"]
    assert needed_for(jobs, ["given"]) == []


def test_rules_of_several_batches_are_one():
    assert (family("evaluate_run_12"), family("evaluate_run"), family("train_full")) == (
        "evaluate_run", "evaluate_run", "train_full",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("Missing output files: results/x.json", ["it is not there"]),
        ("Incomplete output files: results/x.json", ["the job that made it was stopped before its end"]),
        ("Updated input files: results/a.json", ["results/a.json has other content than before"]),
        ("Input files updated by another job: results/a, results/b, results/c",
         ["it is made from what train_full and evaluate_run would make again"]),
        ("Set of input files has changed since last execution; Code has changed since last execution",
         ["it is made from other files than before", "its rule in the workflow is another one"]),
        ("Something that Snakemake says in a later version", ["Something that Snakemake says in a later version"]),
    ],
)  # fmt: skip
def test_causes_are_said_in_words(plan, reason, words):
    job = PlannedJob("rule", [], ["results/x.json"], reason=reason)
    makers = [PlannedJob("train_full", [], ["results/a"]), PlannedJob("evaluate_run", [], ["results/b"])]
    makers.append(PlannedJob("evaluate_run_2", [], ["results/c"]))
    assert causes(plan, job, [*makers, job]) == words


def test_changed_settings_are_said_key_by_key(plan):
    run = next(iter(plan.tuned))
    spec, marker = plan.spec(f"runs/{run}"), plan.paths.model_marker(run)
    writes = PlannedJob("write_spec", [], [spec], reason=f"Missing output files: {spec}")
    trains = PlannedJob("train_full", [spec], [marker], reason=f"Input files updated by another job: {spec}")
    assert causes(plan, trains, [writes, trains]) == []
    plan.write_spec(f"runs/{run}", spec)
    now = dict(plan.specs[f"runs/{run}"])
    plan.specs[f"runs/{run}"] = {**now, "seed": 2}
    renamed = plan.spec(f"runs/{run}")
    trains.input, trains.reason = [renamed], f"Input files updated by another job: {renamed}"
    writes.output = [renamed]
    assert causes(plan, trains, [writes, trains]) == ["its settings are others:", f"  seed: {now['seed']} then, 2 now"]
