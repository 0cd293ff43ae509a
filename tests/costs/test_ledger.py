"""`polytune ledger`: sums over the manifests of finished runs."""

from __future__ import annotations

import pyarrow.parquet
import pytest

from polytune.costs.ledger import show, sum_runs
from polytune.files import write_json
from tests.cases.fake_plan import FakePlan
from tests.costs.test_forecast import RUN, SMALL, evaluation, manifest


def test_the_ledger_sums(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plan = FakePlan(**SMALL)
    base = next(iter(plan.runs))
    write_json(tmp_path / plan.paths.model_marker(RUN), manifest(energy_joules=7.2e6, device_hours=2.0))
    others = plan.paths.model_marker("small/full/somebody-elses/seed1")
    write_json(tmp_path / others, manifest(device_hours=1.0))
    asked = [plan.paths.verdicts(base, "exact", "rating-3", "questions"), plan.paths.responses(RUN, "questions")]
    plan.answers.files = lambda study: [*asked, plan.paths.loss(RUN, "questions")]
    write_json(tmp_path / plan.paths.base_marker("small"), manifest(device_hours=0.5, energy_joules=3.6e6))
    for benchmark in ("xcopa", "xnli"):  # one process: it loaded the model once
        write_json(tmp_path / plan.paths.evaluation(RUN, "hub", benchmark), evaluation(36.0, 18.0))
    for run, backend in ((RUN, {"backend": "transformers"}), ("null-s/null/empty/seed0", {})):  # null: no model
        answered = {
            "spec": {"prompts": "p", **backend},
            "device": "cpu",
            "seconds": 72.0,
            "tokens": 90,
            "prompt_tokens": 10,
        }
        write_json(tmp_path / plan.paths.responses(run, "questions"), answered)
    write_json(tmp_path / plan.paths.loss(RUN, "questions"), {"device": "cpu", "seconds": 36.0})
    requests = [
        {"key": key, "attempts": 1, "prompt_tokens": 8, "completion_tokens": 2, "price": 0.25} for key in "aabc"
    ]
    alone = plan.paths.verdicts(base, "exact", "rating-3", "questions")
    against = plan.paths.verdicts(base, "exact", "side-by-side", "questions", RUN)
    for marker, rows in ((alone, requests), (against, requests[-1:])):
        (tmp_path / marker).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / marker).write_text("{}")
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), (tmp_path / marker).with_suffix(".parquet"))
    ledger = sum_runs(plan)
    generated, judged = ledger["s", "generate", "cpu"], ledger["s", "judge", "exact"]
    assert (generated.runs, generated.tokens) == (1, 100) and generated.device_hours == pytest.approx(0.02)
    lost = ledger["s", "evaluate_loss", "cpu"]
    assert (lost.runs, lost.unmeasured) == (1, 1) and lost.device_hours == pytest.approx(0.01)
    assert (judged.judge_calls, judged.tokens, judged.price) == (3, 30, 0.75)  # one of them stands there twice
    assert ledger["(no configured study)", "judge", "exact"].judge_calls == 1
    assert ledger["all", "judge", "exact"].judge_calls == 3  # both files hold one request
    trained = ledger["s", "train_full", "AMD EPYC"]
    assert (trained.runs, trained.device_hours, trained.energy_kwh, trained.unmeasured) == (1, 2.0, 2.0, 0)
    assert ledger["s", "pretrain_base", "AMD EPYC"].energy_kwh == 1.0
    assert ledger["(no configured study)", "train_full", "AMD EPYC"].unmeasured == 1
    everything = ledger["all", "train_full", "AMD EPYC"]
    assert (everything.runs, everything.device_hours, everything.unmeasured) == (2, 3.0, 1)
    assert ledger["s", "evaluate_run", "cpu"].device_hours == pytest.approx((36 + 18 + 18) / 3600)
    assert "all, train_full, AMD EPYC: 1 of 2 have no reading of energy" in show(ledger)


def test_a_study_is_credited_with_what_it_asks_for_alone(tmp_path, monkeypatch):
    """Another study has evaluated and asked the shared base: that is its own, and nobody's if it is not configured."""
    monkeypatch.chdir(tmp_path)
    plan = FakePlan(**SMALL)
    base = next(iter(plan.runs))
    for benchmark in ("xcopa", "pawsx"):
        write_json(tmp_path / plan.paths.evaluation(base, "hub", benchmark), evaluation(36.0, 18.0))
    times = {"device": "cpu", "seconds": 36.0, "tokens": 1, "prompt_tokens": 1}
    for name in ("mine", "theirs"):
        write_json(tmp_path / plan.paths.responses(base, name), {"spec": {"backend": "transformers"}, **times})
        write_json(tmp_path / plan.paths.loss(base, name), times)
    plan.answers.files = lambda study: [plan.paths.responses(base, "mine"), plan.paths.loss(base, "mine")]
    ledger = sum_runs(plan)
    for rule in ("evaluate_run", "generate", "evaluate_loss"):
        counts = {study: ledger[study, rule, "cpu"].runs for study in ("s", "(no configured study)", "all")}
        assert counts == {"s": 1, "(no configured study)": 1, "all": 2}, rule
    hours = [ledger[study, "evaluate_run", "cpu"].device_hours for study in ("s", "(no configured study)", "all")]
    assert hours == pytest.approx([(36 + 18) / 3600, (36 + 18) / 3600, (36 + 18 + 18) / 3600])


def test_what_nobody_measures_is_no_zero(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plan = FakePlan(**SMALL)
    marker = tmp_path / plan.paths.verdicts(next(iter(plan.runs)), "exact", "rating-3", "questions")
    write_json(marker, {})
    row = {"key": "a", "attempts": 1, "prompt_tokens": 8, "completion_tokens": 2, "price": 0.0}
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist([row]), marker.with_suffix(".parquet"))
    ledger = sum_runs(plan)
    judged = ledger["s", "judge", "exact"]
    assert (judged.device_hours, judged.energy_kwh) == (None, None)
    assert show(ledger).count("not measured") == 4 and "0.000" not in show(ledger)
