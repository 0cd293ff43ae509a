"""`polytune plan` and `polytune ledger`: counts, sums, and what the command prints."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from polytune.config.settings import load_config
from polytune.costs.assumptions import Assumptions
from polytune.costs.cost_table import show, show_errors
from polytune.costs.forecast import Forecaster, read_config
from polytune.costs.ledger import sum_runs
from polytune.costs.operations import Calibration
from polytune.files import write_json
from polytune.study.plan import load_plan

FULL = {"studies": ["lucky52"], "scale": "full"}
RUN = "world-bloom/full/world-en-400-rows/seed1"


def forecast(values: dict, device: str):
    config = load_config(values)
    assumptions = Assumptions()
    calibration = Calibration(assumptions.finished(Path(config["storage"]["results"])))
    forecaster = Forecaster(config, load_plan(config), assumptions, assumptions.device(device), calibration)
    return forecaster.forecast(lambda path: not path.exists())


def training(**changes) -> dict:
    manifest = {
        "base": "world-bloom",
        "method": "full",
        "tokens": 60_000,
        "wall_seconds": 36.0,
        "device_hours": 0.02,
        "devices": 2,
        "device": "AMD EPYC",
        "energy_joules": None,
    }
    return {**manifest, **changes}


def evaluation(loading: float, seconds: float) -> dict:
    options = {"device": "cpu"}
    return {"polytune": {"seconds": {"loading": loading, "evaluation": seconds}, "digests": {"options": options}}}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_full_study(folder):
    found = forecast(FULL, "mi250x-gcd")
    trained = found.rows["train_full"]
    assert (trained.jobs, trained.done) == (52, 0)
    assert found.rows["evaluate"].jobs == 53 * 3
    # by hand: 67,017 rows of 200 tokens in n languages, 3 epochs, 6 N each; the published LoRA throughput by the peaks
    parameters = 7_069_016_064
    achieved = 4 * parameters * 247_936 * 200 / (37.9 * 3600) * 191.5 / 154.8 * 0.85
    operations = sum(6 * parameters * 67_017 * 200 * 3 * count for count in range(1, 53))
    similar = sorted(one.achieved for one in Assumptions().published())[2] / (
        4 * parameters * 247_936 * 200 / (37.9 * 3600)
    )
    assert trained.device_hours == pytest.approx(operations / (achieved * similar) / 3600, rel=1e-6)
    assert trained.node_hours == pytest.approx(trained.device_hours / 8)
    assert trained.disk_gb == pytest.approx(52 * 2 * parameters / 1e9)
    assert "GPU-hours (0.5 an hour of each mi250x-gcd)" in show(found)


def test_what_is_done_costs_nothing_more(folder):
    values = {"studies": ["lucky52"]}
    before = forecast(values, "cpu").rows["train_full"]
    write_json(folder / f"results/runs/{RUN}/model/manifest.json", training())
    after = forecast(values, "cpu").rows["train_full"]
    assert (after.jobs, after.done) == (before.jobs, 1)


def test_finished_runs_teach_the_speed(folder):
    values = {"studies": ["lucky52"], "training": {"devices": 2}}
    write_json(folder / f"results/runs/{RUN}/model/manifest.json", training(wall_seconds=36.0))
    slow = forecast(values, "cpu").rows["train_full"].device_hours
    write_json(folder / f"results/runs/{RUN}/model/manifest.json", training(wall_seconds=18.0))
    assert forecast(values, "cpu").rows["train_full"].device_hours == pytest.approx(slow / 2)


def test_tokens_are_counted_where_the_data_is_tokenised(folder):
    values = {"studies": ["lucky52"]}
    config = load_config(values)
    plan, assumptions = load_plan(config), Assumptions()
    forecaster = Forecaster(config, plan, assumptions, assumptions.device("cpu"), Calibration([]))
    run = plan.runs[RUN]
    assumed = forecaster.tokens(run)
    rows = {"world": 400, "world-text": 4000}
    assert assumed == pytest.approx(sum(rows[name] * assumptions.tokens_per_row(name) for name in rows))
    write_json(forecaster.store(run.tokens, "world", "en"), {"rows": 10, "tokens": 300})
    assert forecaster.tokens(run) == pytest.approx(assumed + 400 * (30 - assumptions.tokens_per_row("world")))
    mixture = {"parts": [{"source": "world", "language": "en", "rows": 7}]}
    write_json(folder / f"results/mixtures/{run.mixture}.json", mixture)
    assert forecaster.tokens(run) == 7 * 30


def test_what_is_not_asked_for_is_not_counted(folder):
    config, assumptions = load_config({"studies": ["lucky52"]}), Assumptions()
    forecaster = Forecaster(config, load_plan(config), assumptions, assumptions.device("cpu"), Calibration([]))
    found = forecaster.forecast(lambda path: True if RUN in str(path) else None)
    counts = {rule: row.jobs for rule, row in found.rows.items() if row.jobs}
    assert counts == {"write_spec": 1, "train_full": 1, "evaluate": 3}
    forecaster = Forecaster(config, load_plan(config), assumptions, assumptions.device("cpu"), Calibration([]))
    assert "all" in show(forecaster.forecast(lambda path: None))  # a target that belongs to no study, e.g. a preflight


def test_errors_are_those_of_the_device(folder):
    for number, seconds in enumerate((36.0, 18.0)):
        run = RUN.replace("seed1", f"seed{number + 1}")
        write_json(folder / f"results/runs/{run}/model/manifest.json", training(wall_seconds=seconds))
    assumptions = Assumptions()
    finished, published = Calibration(assumptions.finished(folder / "results")), Calibration(assumptions.published())
    assert "2 finished runs on cpu" in show_errors(finished, published, assumptions.device("cpu"))
    assert "no two finished runs on mi250x-gcd" in show_errors(finished, published, assumptions.device("mi250x-gcd"))


def test_a_run_that_does_not_fit_is_named(folder):
    values = {**FULL, "training": {"devices": 1}}
    text = show(forecast(values, "mi250x-gcd"))
    assert "does not fit: bloom-7b1/full/bactrian-x-en-all/seed1 needs more than the 64 GB of a mi250x-gcd" in text


def test_configurations_are_merged_like_the_workflow_does(folder):
    (folder / "config").mkdir()
    (folder / "config/config.yaml").write_text("studies: [lucky52]\nworld: {size: tiny, seed: 3}\n")
    (folder / "more.yaml").write_text("world: {seed: 4}\n")
    config = read_config([Path("more.yaml")])
    assert (config["world"]["size"], config["world"]["seed"]) == ("tiny", 4)


def test_the_ledger_sums(folder):
    write_json(folder / f"results/runs/{RUN}/model/manifest.json", training(energy_joules=7.2e6, device_hours=2.0))
    other = "world-bloom/full/somebody-elses/seed1"
    write_json(folder / f"results/runs/{other}/model/manifest.json", training(device_hours=1.0))
    base = training(device_hours=0.5, energy_joules=3.6e6)
    write_json(folder / "results/bases/world-bloom/manifest.json", base)
    for benchmark in ("xcopa", "xwinograd"):  # one process: it loaded the model once
        write_json(folder / f"results/runs/{RUN}/evaluations/{benchmark}.json", evaluation(36.0, 18.0))
    ledger = sum_runs(load_plan(load_config({"studies": ["lucky52"]})), folder / "results")
    trained = ledger["lucky52", "train_full", "AMD EPYC"]
    assert (trained.runs, trained.device_hours, trained.energy_kwh, trained.unmeasured) == (1, 2.0, 2.0, 0)
    assert ledger["lucky52", "pretrain_base", "AMD EPYC"].energy_kwh == 1.0
    assert ledger["(no configured study)", "train_full", "AMD EPYC"].unmeasured == 1
    everything = ledger["all", "train_full", "AMD EPYC"]
    assert (everything.runs, everything.device_hours, everything.unmeasured) == (2, 3.0, 1)
    assert ledger["lucky52", "evaluate", "cpu"].device_hours == pytest.approx((36 + 18 + 18) / 3600)


def run_command(project: Path, *arguments: str) -> str:
    call = [sys.executable, "-m", "polytune.cli", *arguments]
    done = subprocess.run(call, cwd=project, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_commands(project, tmp_path):
    storage = tmp_path / "more.yaml"
    storage.write_text(json.dumps({"storage": {"results": str(tmp_path / "results")}}))
    said = run_command(project, "plan", "lucky52", "--configfile", str(storage))
    assert "train_full" in said and "judge calls: 0, price 0" in said
    assert "each of 5 published runs, predicted from the others, was off by" in said
    assert run_command(project, "ledger", "--configfile", str(storage)) == "no finished run\n"
    write_json(tmp_path / f"results/runs/{RUN}/model/manifest.json", training(energy_joules=1.0))
    sums = tmp_path / "ledger.json"
    assert "0.020" in run_command(project, "ledger", "--configfile", str(storage), "--output", str(sums))
    assert json.loads(sums.read_text())[0]["study"] == "lucky52"


def test_planning_imports_nothing_heavy(project):
    script = "import sys, polytune.costs.forecast; print({'torch', 'transformers', 'pandas'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
