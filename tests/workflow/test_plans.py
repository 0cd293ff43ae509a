"""What a clean checkout shows before anything runs: plans, graphs, lint; and how fast."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent


def test_the_default_run_is_planned_from_a_clean_checkout(clean_checkout):
    planned = clean_checkout.plan()
    assert planned["train_full"] == 13
    assert planned["evaluate_run"] == 14
    assert planned["pretrain_base"] == 1
    assert planned["read_source"] == planned["tokenize_source"] == 52 + 21


def test_a_single_figure_plans_what_it_needs_and_nothing_else(clean_checkout):
    """Figure 1a needs every model, but no other figure, no table and no similarities."""
    everything = clean_checkout.plan()
    planned = clean_checkout.plan("results/studies/lucky52/world/figures/fig1a.pdf")
    assert planned["draw_figure"] == 1 < everything["draw_figure"]
    assert {"build_table", "build_similarity"} <= set(everything) - set(planned)
    assert planned["train_full"] == everything["train_full"]
    # without the specs of what is not made
    left_out = everything["draw_figure"] - 1 + everything["build_table"] + everything["build_similarity"]
    assert planned["write_spec"] == everything["write_spec"] - left_out


def test_the_explorer_needs_scores_and_similarities_and_no_figure(clean_checkout):
    planned = clean_checkout.plan("results/explorer/explorer.html")
    assert planned["build_explorer"] == planned["collect_scores"] == planned["build_similarity"] == 1
    assert "draw_figure" not in planned and "build_table" not in planned
    assert planned["evaluate_run"] == 14 and "build_explorer" not in clean_checkout.plan()


def test_planning_imports_no_heavy_library(clean_checkout):
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "snakemake", "--dry-run", "--quiet", "all"],
        cwd=clean_checkout.folder,
        env=clean_checkout.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time")}
    assert "polytune.study.plan" in imported
    # (Snakemake itself brings pandas and pyarrow)
    assert not imported & {"torch", "transformers", "deepspeed", "peft", "lm_eval", "datasets", "scipy", "matplotlib"}


@pytest.mark.parametrize("option, shown", [("--rulegraph", "train_full"), ("--list-target-rules", "lucky52")])
def test_graphs_and_targets_are_shown(clean_checkout, option, shown):
    assert shown in clean_checkout.run(option)


def test_the_workflow_is_lint_free(clean_checkout):
    assert "good condition" in clean_checkout.run("--lint")


@pytest.mark.parametrize(
    "command",
    [["snakefmt", "--check", "Snakefile", "workflow"], ["ruff", "check", "."], ["ruff", "format", "--check", "."]],
    ids=lambda command: " ".join(command[:2]),
)
def test_the_style_is_kept(project, command):
    done = subprocess.run([BIN / command[0], *command[1:]], cwd=project, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_full_study_trains_on_as_many_nodes_as_the_paper(clean_checkout):
    planned = clean_checkout.plan("lucky52", "--config", "scale=full")
    assert planned["train_full"] == 52
    assert planned["evaluate_run"] == 53
