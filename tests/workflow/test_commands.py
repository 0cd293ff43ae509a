"""What people ask a finished study, as commands in a checkout: explain, why, compare, publish, a study of their own."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.workflow.conftest import Checkout

CONFIG, STUDY = "config/config.yaml", "config/studies/toy.yaml"
RUN = "world-bloom-w1-tiny/full/world-w1-tiny-en-100-rows-replay60/seed1"
OTHER = "world-bloom-w1-tiny/full/world-w1-tiny-incremental-3-100-rows-replay60/seed1"
# a file of every kind, and the rule and program that make it
KINDS = {
    "results/languages/similarity.parquet": ("build_similarity", "build-similarity"),
    "results/world/w1-tiny/tokenizer/tokenizer.json": ("build_world", "build-world"),
    "results/data/world-w1-tiny/en.parquet": ("read_source", "read-source"),
    "results/tokens": ("tokenize_source", "tokenize-source"),
    "results/mixtures/world-w1-tiny-en-100-rows-replay60.json": ("build_mixture", "build-mixture"),
    "results/bases/world-bloom-w1-tiny": ("pretrain_base", "pretrain-base"),
    f"results/runs/{RUN}/model/model.safetensors": ("train_full", "train"),
    f"results/runs/{RUN}/evaluations/world/xcopa.samples.parquet": ("evaluate_run", "evaluate-run"),
    "results/scores/toy/world/items.parquet": ("collect_scores", "collect-scores"),
    "results/studies/toy/world/figures/fig1a.pdf": ("draw_figure", "draw-figure"),
    "results/studies/toy/world/tables/table1.tex": ("build_table", "build-table"),
}


def ask(checkout: Checkout, *words: str, status: int = 0) -> str:
    """Return what `polytune` prints in a checkout."""
    call = [sys.executable, "-m", "polytune.cli", *words]
    done = subprocess.run(call, cwd=checkout.folder, env=checkout.environment, capture_output=True, text=True)
    assert done.returncode == status, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("path", KINDS)
def test_every_kind_of_result_is_explained(finished_checkout, path):
    rule, program = KINDS[path]
    said = ask(finished_checkout, "explain", path)
    assert f"rule     {rule} in workflow/rules/" in said and f"polytune {program}" in said
    assert "is there, made 20" in said and "; up to date" in said
    log = re.search(r"log +(\S+)", said)[1]
    assert (finished_checkout.folder / log).is_file()


def test_the_command_that_is_said_makes_just_that_again(finished_checkout):
    again = re.search(r"again +snakemake (--force .*)", ask(finished_checkout, "explain", RUN))[1]
    planned = finished_checkout.run("--dry-run", *again.split())
    assert re.findall(r"^(?:local)?rule (\w+):", planned, re.MULTILINE) == ["train_full"]


def test_inputs_settings_and_time_are_those_of_the_job(finished_checkout):
    said = ask(finished_checkout, "explain", RUN)
    assert "hyperparameters.learning_rate: 0.003" in said and "seed: 1" in said
    assert "results/bases/world-bloom-w1-tiny/manifest.json" in said
    assert re.search(r"took +[\d.]+ s, \d+ MB of memory at most \(benchmarks/train_full/", said)


def test_a_spec_is_explained_too(finished_checkout):
    spec = next((finished_checkout.folder / f"results/specs/runs/{RUN}").glob("*.json"))
    said = ask(finished_checkout, "explain", str(spec.relative_to(finished_checkout.folder)))
    assert "write_spec in workflow/rules/specs.smk" in said and "Writes settings down" in said


def test_a_misspelt_path_is_one_line_with_the_nearest(finished_checkout):
    said = ask(finished_checkout, "explain", "results/studies/toy/world/figures/fig1.pdf", status=1)
    assert said.count("\n") == 1
    assert "did you mean 'results/studies/toy/world/figures/fig1a.pdf'?" in said


def test_nothing_changed_is_said(finished_checkout):
    assert ask(finished_checkout, "why").startswith("all: nothing would be made again\n")
    assert ask(finished_checkout, "why", f"results/runs/{RUN}").startswith(
        f"results/runs/{RUN}: nothing would be made again"
    )


def test_a_setting_that_changed_is_said_then_and_now(finished):
    finished.edit(STUDY, "epochs: 1", "epochs: 2")
    said = ask(finished, "why", "toy")
    assert "2 train_full" in said
    assert "  its settings are others:\n    hyperparameters.epochs: 1 then, 2 now\n" in said
    assert "it is made from what train_full would make again" in said
    assert "pretrain_base" not in said and "build_mixture" not in said
    explained = ask(finished, "explain", RUN)
    assert "it would be made again:" in explained and "hyperparameters.epochs: 1 then, 2 now" in explained


def test_it_is_said_without_snakemakes_records_too(finished):
    finished.edit(STUDY, "rows: 60, languages", "rows: 50, languages")
    (finished.folder / ".snakemake").rename(finished.folder / "gone")
    said = ask(finished, "why", "toy")
    assert "build_mixture" in said


def test_what_only_uses_the_hardware_differs_and_makes_nothing(finished):
    finished.edit(CONFIG, "world: {size: tiny}", "world: {size: tiny}\ntraining: {micro_batch_tokens: 2048}")
    said = ask(finished, "why", f"results/runs/{RUN}/model")
    assert "nothing would be made again" in said
    assert "micro_batch_tokens: 8192 then, 2048 now; it only uses the hardware" in said
    assert "micro_batch_tokens" in ask(finished, "why")


def test_a_file_that_is_gone_is_the_reason(finished):
    gone = f"results/runs/{RUN}/evaluations/world/xcopa.json"
    (finished.folder / gone).unlink()
    said = ask(finished, "why", gone)
    assert "1 job would run (1 evaluate_run)" in said and f"{gone} is not there" in said
    assert "is not there; 1 job would make it" in ask(finished, "explain", gone)


def test_an_option_of_a_figure_is_the_reason(finished):
    finished.edit(STUDY, "outlier: it", "outlier: zh")
    said = ask(finished, "why")
    assert "1 job would run (1 build_table)" in said and "spec.outlier: it then, zh now" in said


def test_runs_are_compared_on_the_items_of_the_scores(finished_checkout):
    said = ask(
        finished_checkout, "compare", RUN, f"results/runs/{OTHER}", "--evaluation", "xcopa", "--language", "Estonian"
    )
    assert "Generated world w1-tiny" in said and re.search(r"^ +et +96 ", said, re.MULTILINE)


def test_a_run_is_prepared_for_the_hub(finished):
    said = ask(finished, "publish", RUN, "--dry-run", "--output", "hub")
    assert "Nothing was uploaded" in said and "scores on the card" in said
    text = (finished.folder / "hub/README.md").read_text()
    assert "model-index:" in text and "generated world" in text
    assert (finished.folder / "hub/model.safetensors").is_file()


def test_a_new_study_can_be_planned_as_it_says(finished):
    said = ask(finished, "new-study", "mine", "--like", "toy")
    (line,) = re.findall(r"snakemake -n (.*?) +#", said)
    name, option, value = line.partition(" ")[0], "--config", re.search(r'"(.*)"', line)[1]
    planned = finished.run("-n", name, option, value)
    assert "train_full" not in planned, "it shares the runs of the study that it is like"
    assert "collect_scores" in planned


def test_the_doctor_looks_at_a_checkout(finished_checkout):
    said = ask(finished_checkout, "doctor")
    assert "ok    configuration" in said and said.splitlines()[-1].startswith("0 to fix")
