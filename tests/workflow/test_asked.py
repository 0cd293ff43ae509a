"""Free answers in the workflow: asked of models that another study trained, and again only where an edit says so."""

from __future__ import annotations

import json
import os
import shutil

import pytest

from polytune.readers.parquet import read_table
from tests.judging.test_local import make_model
from tests.workflow.conftest import TOY_CONFIG

STUDY = "config/studies/asked.yaml"
RUN = "results/runs/world-bloom-w1-tiny/full/world-w1-tiny-en-100-rows-replay60/seed1"
COMPUTED = {"exact-match": "exact_match", "token-f1": "token_f1"}
CHECKS = {"write_spec_of_scores": 1, "collect_scores": 1, "build_table": 1}
"""What follows verdicts; the table of checks is in every study with a judge."""


@pytest.fixture(scope="module")
def asked_checkout(finished_checkout, tmp_path_factory):
    checkout = finished_checkout.copy(tmp_path_factory.mktemp("asked") / "polytune")
    for name in ("asked", "toy"):
        shutil.copy(checkout.folder / f"tests/workflow/{name}.yaml", checkout.folder / f"config/studies/{name}.yaml")
    (checkout.folder / "config/config.yaml").write_text(TOY_CONFIG.replace("toy.yaml]", f"toy.yaml, {STUDY}]"))
    planned = checkout.plan()
    assert not planned.keys() & {"train_full", "pretrain_base", "evaluate_run", "build_mixture", "draw_figure"}
    assert (planned["generate"], planned["judge"], planned["identify_exact_1"]) == (1, 1, 1)  # of all runs together
    checkout.run("--profile", "profiles/local", "--cores", "2")
    return checkout


@pytest.fixture
def asked(asked_checkout, tmp_path):
    return asked_checkout.copy(tmp_path / "polytune")


def requests(checkout):
    """Return how many answers of judges the journals hold."""
    files = (checkout.folder / "results/journals").rglob("*.jsonl")
    return sum(len(file.read_text().splitlines()) for file in files)


def test_every_answer_is_identified_and_judged(asked_checkout):
    assert asked_checkout.plan() == {}
    for run in (asked_checkout.folder / "results/runs").glob("*/*/*/seed*"):
        tables = ["responses/questions", "identified/exact/questions", "verdicts/exact/rating-3/questions"]
        places = [
            {(row["language"], row["item"], row["turn"]) for row in read_table(run / f"{name}.parquet").to_pylist()}
            for name in tables
        ]
        assert places[0] == places[1] == places[2] and len(places[0]) >= 2 * 8
    table = (asked_checkout.folder / "results/studies/asked/world/tables/judge-checks.md").read_text()
    assert "Generated world" in table


def test_another_judge_generates_and_identifies_nothing(asked):
    asked.edit(STUDY, "judge: exact}}", "judge: biased}}")
    planned = asked.plan()
    assert planned.pop("write_spec") > 0
    assert planned == {"judge": 1, **CHECKS}


def test_an_edited_protocol_judges_again_and_nothing_else(asked):
    file = asked.folder / "src/polytune/judging/protocols/rating-3.txt"
    file.write_text(file.read_text() + "\nTake your time.\n")
    planned = asked.plan()
    assert planned.pop("write_spec") > 0
    assert planned == {"judge": 1, "collect_scores": 1, "build_table": 1}


def test_a_judge_s_model_that_is_replaced_in_place_judges_again(asked):
    """The time of its files alone changes nothing; other weights under the same names do."""
    model = asked.folder / "my-judge"
    make_model(model, chat=True)
    judges = asked.folder / "config/judges.yaml"
    entry = "backend: transformers, model: x, revision: '1', sampling: {max_tokens: 4}, asked_again: 0"
    judges.write_text(f"{judges.read_text()}\nmine: {{{entry}}}\n")
    asked.edit(
        "config/config.yaml", "world: {size: tiny}", "world: {size: tiny}\nlocations: {judges: {mine: my-judge}}"
    )
    asked.edit(STUDY, "judge: exact}}", "judge: mine}}")
    target = f"{RUN}/verdicts/mine/rating-3/questions.json"
    asked.run("--profile", "profiles/local", "--cores", "2", target)
    before = read_table((asked.folder / target).with_suffix(".parquet")).to_pydict()
    os.utime(model / "model.safetensors", (1, 1))
    assert asked.plan(target) == {}
    make_model(model, chat=True, seed=2)
    assert asked.plan(target) == {"write_spec": 1, "digest_given": 1, "judge": 1}
    shutil.rmtree(asked.folder / ".snakemake")
    asked.run("--profile", "profiles/local", "--cores", "2", target)
    after = read_table((asked.folder / target).with_suffix(".parquet")).to_pydict()
    assert not set(before["key"]) & set(after["key"]) and before["text"] != after["text"]
    assert asked.plan(target) == {}


def test_one_more_language_asks_in_that_language_only(asked):
    before, judged = {file.name for file in (asked.folder / "work/responses").iterdir()}, requests(asked)
    kept = (asked.folder / RUN / "responses/questions.parquet").read_bytes()
    asked.edit(STUDY, "languages: [en, zh], items", "languages: [en, zh, es], items")
    planned = asked.plan()
    assert planned["read_prompts"] == planned["generate"] == planned["judge"] == 1
    assert not planned.keys() & {"train_full", "evaluate_run", "read_source"}
    asked.run("--profile", "profiles/local", "--cores", "2")
    fresh = {file.name for file in (asked.folder / "work/responses").iterdir()} - before
    assert len(fresh) == 3 and all(name.startswith("es-") for name in fresh)  # a journal for each run
    languages = read_table(asked.folder / RUN / "responses/questions.parquet").to_pydict()["language"]
    assert set(languages) == {"en", "zh", "es"}
    assert requests(asked) < 1.6 * judged, "what was judged before was asked again"
    asked.edit(STUDY, "languages: [en, zh, es], items", "languages: [en, zh], items")
    asked.run("--profile", "profiles/local", "--cores", "2")
    assert (asked.folder / RUN / "responses/questions.parquet").read_bytes() == kept


def test_deleted_answers_come_back_from_what_is_kept_and_nobody_is_asked(asked):
    responses, verdicts = (
        asked.folder / RUN / f"{name}/questions.json" for name in ("responses", "verdicts/exact/rating-3")
    )
    before, judged = {file: json.loads(file.read_text()) for file in (responses, verdicts)}, requests(asked)
    for file in (responses, verdicts):
        file.unlink()
        file.with_suffix(".parquet").unlink()
    assert {"generate", "judge"} <= asked.plan().keys()
    asked.run("--profile", "profiles/local", "--cores", "2")
    assert requests(asked) == judged
    for file, content in before.items():
        assert json.loads(file.read_text())["digest"] == content["digest"]
    assert asked.plan() == {}


def test_results_that_were_moved_are_known_without_snakemake_s_records(asked):
    shutil.rmtree(asked.folder / ".snakemake")
    assert asked.plan() == {}
    asked.edit(STUDY, "max_new_tokens: 12", "max_new_tokens: 13")
    planned = asked.plan()
    assert planned["generate"] == planned["judge"] == 1 and "train_full" not in planned


def test_a_loss_and_a_comparison_with_references_need_no_new_answer(asked):
    asked.edit(STUDY, "identifier: exact}}", "identifier: exact, loss: true}}")
    compared = [f"{name}: {{responses: questions, protocol: {name}, judge: reference}}" for name in COMPUTED]
    asked.edit(STUDY, "{quality:", f"{{{', '.join(compared)}, quality:")
    planned = asked.plan()
    runs = len(list((asked.folder / "results/runs").glob("world-*/*/*/seed*")))
    assert planned["evaluate_loss"] == runs > 1
    assert sum(count for rule, count in planned.items() if rule.startswith("judge")) == len(COMPUTED)
    assert not planned.keys() & {"train_full", "evaluate_run", "generate", "identify_exact_1", "read_prompts"}
    asked.run("--profile", "profiles/local", "--cores", "2")
    assert asked.plan() == {}
    scores = read_table(asked.folder / "results/scores/asked/world/scores.parquet").to_pylist()
    found = {measure: [row for row in scores if row["measure"] == measure] for measure in ("answer_loss", "token_f1")}
    assert {row["run"] for row in found["answer_loss"]} == {
        row["run"] for row in found["token_f1"] if "null" not in row["run"]
    }
    assert all(row["value"] > 0 for row in found["answer_loss"])
    assert all(0 <= row["value"] <= 1 and not row["missing"] for row in found["token_f1"])
    # each of the two formulas has verdicts of its own on the same answers
    items = read_table(asked.folder / "results/scores/asked/world/items.parquet").to_pylist()
    place = ("run", "language", "item", "turn")
    exact, overlap = (
        {tuple(row[name] for name in place): row["value"] for row in items if row["measure"] == measure}
        for measure in COMPUTED.values()
    )
    assert exact.keys() == overlap.keys() and any(0 < value < 1 for value in overlap.values())
    assert all(exact[key] == (overlap[key] == 1) for key in exact)
    # a loss is of first turns: of each language as many as there are questions
    assert {row["items"] for row in found["answer_loss"] if row["language"]} == {8}
