"""`polytune plan`: what jobs of Snakemake's list cost, summed by rule, and what the command prints."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest

from polytune.costs.assumptions import Assumptions
from polytune.costs.cost_table import show, show_errors
from polytune.costs.forecast import add_up
from polytune.costs.jobs import find_models, find_subjects, group_outputs
from polytune.costs.operations import Calibration
from polytune.costs.rules import Costs
from polytune.files import write_json
from polytune.languages.codes import languages
from tests.cases.fake_plan import FakePlan

BLOOM_7B1 = 7_069_016_064
SMALL = {"base": "small", "parameters": 600_000, "layers": None, "hidden": None}
RUN = "small/full/bactrian-x-1/seed1"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def costs_of(plan: FakePlan, device: str) -> Costs:
    assumptions = Assumptions(find_models(plan))
    calibration = Calibration(assumptions.finished(plan.paths))
    settings = plan.config["training"]
    return Costs(assumptions, calibration, assumptions.device(device), settings, plan.paths, find_subjects(plan))


def forecast(plan: FakePlan, device: str = "cpu", summary: list | None = None):
    costs = costs_of(plan, device)
    jobs = group_outputs(plan.summary() if summary is None else summary, costs.subjects)
    return add_up(jobs, costs, costs.device)


def manifest(**changes) -> dict:
    content = {
        "base": "small",
        "method": "full",
        "tokens": 60_000,
        "wall_seconds": 36.0,
        "device_hours": 0.02,
        "devices": 1,
        "device": "AMD EPYC",
        "energy_joules": None,
    }
    return {**content, **changes}


def evaluation(loading: float, seconds: float) -> dict:
    options = {"device": "cpu"}
    return {"polytune": {"seconds": {"loading": loading, "evaluation": seconds}, "digests": {"options": options}}}


def test_a_study_at_full_scale(folder):
    everything = list(languages())[:52]
    plan = FakePlan(languages=everything, sizes=range(1, 53), benchmarks=["xcopa", "xstorycloze"], devices=(2, 8))
    found = forecast(plan, "mi250x-gcd")
    trained = found.rows["train_full"]
    assert (trained.jobs, trained.done) == (52, 0)
    assert found.rows["evaluate_run"].jobs == 53
    assert found.rows["read_source"].jobs == found.rows["tokenize_source"].jobs == 52
    assert found.rows["collect_scores"].jobs == 1
    # by hand: 67,017 rows of 200 tokens in n languages, 3 epochs, 6 N each; the published LoRA throughput by the peaks
    achieved = 4 * BLOOM_7B1 * 247_936 * 200 / (37.9 * 3600) * 191.5 / 154.8 * 0.85
    operations = sum(6 * BLOOM_7B1 * 67_017 * 200 * 3 * count for count in range(1, 53))
    similar = sorted(one.achieved for one in Assumptions().published())[2] / (
        4 * BLOOM_7B1 * 247_936 * 200 / (37.9 * 3600)
    )
    assert trained.device_hours == pytest.approx(operations / (achieved * similar) / 3600, rel=1e-6)
    assert trained.node_hours == pytest.approx(trained.device_hours / 8)
    assert trained.disk_gb == pytest.approx(52 * 2 * BLOOM_7B1 / 1e9)
    assert found.rows["fetch"].disk_gb == pytest.approx(2 * BLOOM_7B1 / 1e9)
    text = show(found)
    assert "GPU-hours (0.5 an hour of each mi250x-gcd)" in text and "not costed" not in text


def test_what_is_done_costs_nothing_more(folder):
    plan = FakePlan(**SMALL)
    before = forecast(plan).rows["train_full"]
    done = [plan.paths.model_marker(RUN)]
    after = forecast(plan, summary=plan.summary(done)).rows["train_full"]
    assert (after.jobs, after.done, after.disk_gb) == (before.jobs, 1, before.disk_gb)
    assert 0 < after.device_hours < before.device_hours


def test_an_unknown_rule_is_shown_as_not_costed(folder):
    plan = FakePlan(**SMALL)
    judged = [("weigh_pairs", f"results/verdicts/{number}.{end}") for number in range(3) for end in ("json", "parquet")]
    found = forecast(plan, summary=plan.summary(rules=judged))
    assert (found.rows["weigh_pairs"].jobs, found.rows["weigh_pairs"].core_hours) == (3, 0.0)
    text = show(found)
    line = next(line for line in text.splitlines() if line.startswith("weigh_pairs"))
    assert line.split() == ["weigh_pairs", "3", "3", "not", "costed"]
    assert "weigh_pairs, 3 to do: no entry core_seconds.weigh_pairs in config/costs.yaml" in text
    done = forecast(plan, summary=plan.summary([path for _, path in judged], judged))
    assert "weigh_pairs, " not in show(done)


def test_a_missing_assumption_costs_only_its_own_jobs(folder):
    found = forecast(FakePlan(base="mine", parameters=None, source="xquad"))
    text = show(found)
    assert "train_full, 2 to do: config/bases.tsv: base 'mine': parameters is '-'" in text
    assert "read_source, 2 to do: config/costs.yaml: sources: no entry 'xquad'" in text
    assert found.rows["collect_scores"].core_hours > 0


def test_rules_that_were_generated_are_one_line(folder):
    plan = FakePlan(**SMALL)
    summary = plan.summary()
    one = forecast(plan, summary=summary).rows["evaluate_run"]
    for row in summary:
        if row["rule"] == "evaluate_run" and RUN in row["output_file"]:
            row["rule"] = "evaluate_run_2"
    both = forecast(plan, summary=summary)
    assert "evaluate_run_2" not in both.rows
    assert both.rows["evaluate_run"] == one and one.jobs == 3


def test_only_what_is_missing_is_evaluated_and_the_model_is_loaded_once(folder):
    plan = FakePlan(**SMALL)
    for name, seconds in (("xcopa", 36.0), ("xnli", 72.0)):
        write_json(folder / plan.paths.evaluation("small/full/m/seed9", "hub", name), evaluation(18.0, seconds))
    summary = [row for row in plan.summary() if RUN in row["output_file"] and row["rule"] == "evaluate_run"]
    assert forecast(plan, summary=summary).rows["evaluate_run"].device_hours * 3600 == pytest.approx(18 + 36 + 72)
    for row in summary:
        if "xcopa" in row["output_file"]:
            row["status"] = "ok"  # it is there, but the job runs again for the other one
    assert forecast(plan, summary=summary).rows["evaluate_run"].device_hours * 3600 == pytest.approx(18 + 72)
    # the model is trained again: what is there is of another model
    training = [row for row in plan.summary() if row["output_file"] == plan.paths.model_marker(RUN)]
    again = forecast(plan, summary=training + summary)
    assert again.rows["evaluate_run"].device_hours * 3600 == pytest.approx(18 + 36 + 72)


def test_a_stale_job_whose_outputs_are_there_is_counted_whole(folder):
    plan = FakePlan(**SMALL)
    summary = [row | {"status": "ok"} for row in plan.summary() if row["rule"] == "evaluate_run"]
    assert forecast(plan, summary=summary).rows["evaluate_run"] == forecast(plan).rows["evaluate_run"]


def test_fewer_languages_have_fewer_items(folder):
    plan = FakePlan(**{**SMALL, "parameters": 10**12}, benchmarks=["xcopa"])
    all_languages = forecast(plan).rows["evaluate_run"].device_hours
    for owed in plan.owed.values():
        owed[0].languages = ("et",)  # of two
    loading = costs_of(plan, "cpu").assumptions.loading_seconds(
        find_models(plan)["small"], costs_of(plan, "cpu").device
    )
    computing = [
        hours - 3 * loading / 3600 for hours in (all_languages, forecast(plan).rows["evaluate_run"].device_hours)
    ]
    assert computing[1] == pytest.approx(computing[0] / 2)
    for owed in plan.owed.values():
        owed[0].items = 275  # of 2,750 in each language
    tenth = forecast(plan).rows["evaluate_run"].device_hours - 3 * loading / 3600
    assert tenth == pytest.approx(computing[1] / 10)


def test_finished_runs_teach_the_speed(folder):
    plan, other = FakePlan(**SMALL), "small/full/somebody-elses/seed1"
    write_json(folder / plan.paths.model_marker(other), manifest(wall_seconds=36.0))
    slow = forecast(plan).rows["train_full"].device_hours
    write_json(folder / plan.paths.model_marker(other), manifest(wall_seconds=18.0))
    assert forecast(plan).rows["train_full"].device_hours == pytest.approx(slow / 2)
    write_json(folder / plan.paths.model_marker(other), manifest(base="of-no-table"))  # its sizes are not known
    assert forecast(plan).rows["train_full"].device_hours > 0


def test_tokens_are_counted_where_the_data_is(folder):
    plan = FakePlan(**SMALL)
    costs = costs_of(plan, "cpu")
    run = costs.subjects["results/runs/small/full/bactrian-x-2/seed1/model/manifest"]
    assert costs.tokens(run) == 2 * 67_017 * 200
    write_json(folder / plan.paths.report("bactrian-x", "en"), {"kept": 10})
    assert costs.tokens(run) == (10 + 67_017) * 200
    write_json(folder / plan.paths.token_index("bloom-bactrian-x", "bactrian-x", "zh"), {"rows": 10, "tokens": 300})
    assert costs.tokens(run) == 10 * 200 + 67_017 * 30
    parts = [{"source": "bactrian-x", "language": "zh", "rows": 7}]
    write_json(folder / run.mixture, {"parts": parts})
    assert costs.tokens(run) == 7 * 30


def test_rows_of_the_users_own_files_are_counted_without_an_assumption(folder):
    """Three rows of 400 bytes a language, some 100 tokens each, in a source that config/costs.yaml does not know."""
    rows = [{"instruction": "x" * 380}] * 3
    text = json.dumps(rows)
    (folder / "en.json.gz").write_bytes(gzip.compress(text.encode()))
    (folder / "zh.json.gz").write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))
    plan = FakePlan(**SMALL, source="xquad", given=f"{folder}/{{language}}.json.gz")
    costs = costs_of(plan, "cpu")
    run = costs.subjects["results/runs/small/full/xquad-2/seed1/model/manifest"]
    assert [count for _, count in costs.parts(run)] == [3, 3]
    assert costs.tokens(run) == pytest.approx(6 * 100, rel=0.05)
    assert "not costed" not in show(forecast(plan))


def test_items_of_the_users_own_benchmarks_are_counted(folder):
    plan = FakePlan(**{**SMALL, "parameters": 10**12}, benchmarks=["xcopa"])
    before = forecast(plan).rows["evaluate_run"].device_hours
    for owed in plan.owed.values():
        owed[0].origin, owed[0].directory = "directory", "data"
    for language, split in (("et", "test"), ("zh", "test"), ("et", "validation")):
        file = folder / f"data/hub/xcopa/{language}/{split}.jsonl"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text('{"premise": "x"}\n' * 275)
    assert forecast(plan).rows["evaluate_run"].device_hours < before * 0.11  # 550 of 5,500 items, and the start


def test_the_worlds_benchmarks_are_small_and_their_items_short(folder):
    plan = FakePlan(**{**SMALL, "parameters": 10**12}, benchmarks=["xcopa"])
    real = forecast(plan).rows["evaluate_run"].device_hours
    for owed in plan.owed.values():
        owed[0].origin = "world"
    costs = costs_of(plan, "cpu")
    start = 3 * costs.assumptions.loading_seconds(find_models(plan)["small"], costs.device) / 3600
    made = forecast(plan).rows["evaluate_run"].device_hours
    # two languages of 96 items with 10 tokens, instead of 5,500 items with 40
    assert (made - start) / (real - start) == pytest.approx(2 * 96 * 10 / (5500 * 40))


def test_a_run_that_does_not_fit_is_named(folder):
    text = show(forecast(FakePlan(), "mi250x-gcd"))
    assert "does not fit: bloom-7b1/full/bactrian-x-1/seed1 needs more than the 64 GB of a mi250x-gcd" in text
    assert "more devices" in text


def test_an_evaluation_that_does_not_fit_is_named_once(folder):
    mixtral = {"base": "mixtral-8x7b", "parameters": 46_702_792_704, "layers": 32, "devices": (64, 8)}
    text = show(forecast(FakePlan(**mixtral), "mi250x-gcd"))
    line = "does not fit: evaluation of mixtral-8x7b needs more than the 64 GB of a mi250x-gcd; use a larger device"
    assert text.count(line) == 1 and line in text.splitlines()
    assert "does not fit: evaluation" not in show(forecast(FakePlan(**mixtral), "h200"))


def test_a_cpu_has_the_memory_of_this_machine(folder, monkeypatch):
    plan = FakePlan(base="one-b", parameters=10**9, layers=16, hidden=2048)
    monkeypatch.setattr("polytune.costs.assumptions.memory_bytes", lambda: 16 * 10**9)
    text = show(forecast(plan))
    assert "needs more than the 16 GB of this machine; use a smaller training.micro_batch_tokens" in text
    assert "more devices" not in text
    monkeypatch.setattr("polytune.costs.assumptions.memory_bytes", lambda: 64 * 10**9)
    assert "does not fit" not in show(forecast(plan))


def test_errors_are_those_of_the_device(folder):
    plan = FakePlan(**SMALL)
    for number, seconds in enumerate((36.0, 18.0)):
        file = folder / plan.paths.model_marker(f"small/full/m/seed{number}")
        write_json(file, manifest(wall_seconds=seconds))
    assumptions = Assumptions(find_models(plan))
    finished, published = Calibration(assumptions.finished(plan.paths)), Calibration(assumptions.published())
    assert "2 finished runs on cpu" in show_errors(finished, published, assumptions.device("cpu"))
    unknown = show_errors(finished, published, assumptions.device("mi250x-gcd"))
    assert "no two finished runs on mi250x-gcd" in unknown
    assert "each of 5 published runs, predicted from the others, was off by" in unknown


def test_nothing_is_said_that_the_jobs_do_not_say(folder):
    """No line is a constant: without jobs there is a head and a sum of nothing."""
    assert len(show(forecast(FakePlan(), "mi250x-gcd", summary=[])).splitlines()) == 4


@pytest.mark.slow
def test_the_commands(project, tmp_path):
    storage = tmp_path / "more.yaml"
    storage.write_text(json.dumps({"storage": {"results": str(tmp_path / "results")}}))
    said = run_command(project, "plan", "lucky52", "--configfile", str(storage))
    assert "train_full" in said and "not costed" not in said
    other = run_command(project, "plan", "--configfile", str(storage), "--config", "studies=[example-two-languages]")
    assert "not costed" not in other and "example-two-languages" in other
    assert "times are from a measured throughput of another computer" in said
    assert run_command(project, "ledger", "--configfile", str(storage)) == "no finished run\n"
    file = tmp_path / "results/runs/world-bloom-w1/full/world-w1-en-400-rows/seed1/model/manifest.json"
    write_json(file, manifest(base="world-bloom-w1", energy_joules=1.0))
    sums = tmp_path / "ledger.json"
    assert "0.020" in run_command(project, "ledger", "--configfile", str(storage), "--output", str(sums))
    assert json.loads(sums.read_text())[0]["rule"] == "train_full"


def run_command(project: Path, *arguments: str) -> str:
    call = [sys.executable, "-m", "polytune.cli", *arguments]
    done = subprocess.run(call, cwd=project, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_planning_imports_nothing_heavy(project):
    script = "import sys, polytune.costs.forecast; print({'torch', 'transformers', 'pandas'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
