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
    assert planned["evaluate"] == 14 * 3
    assert planned["pretrain_base"] == 1
    assert planned["read_source"] == planned["tokenize_source"] == 52 + 21


def test_a_single_figure_can_be_asked_for(clean_checkout):
    planned = clean_checkout.plan("results/studies/lucky52/figures/fig1a.pdf")
    assert planned["draw_figure"] == 1


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


def test_the_command_line_helps_without_importing_a_step(project):
    code = (
        "import sys; from polytune.cli import main; main(['--help']); "
        "sys.exit(len({'torch', 'typer', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0
    assert "build-mixture" in done.stdout


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
    assert planned["evaluate"] == 53 * 3
