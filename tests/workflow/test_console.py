"""What a person sees of a run: bars and the failed step's log on a terminal, plain lines elsewhere; and what a profile
gives to rules and machines."""

from __future__ import annotations

import os
import pty
import re
import subprocess

import pytest

from polytune.machine import memory_bytes
from tests.workflow.conftest import SNAKEMAKE, Checkout

# a step that fails at once, with one line of ours: there is no Slurm to start a second node with
FAILS, SAID = "work/preflight/2x1.json", "--nodes is 2, but this is no Slurm job"


def on_a_terminal(checkout: Checkout, *options: str, **environment: str) -> str:
    """Return what a run prints to a terminal of 200 columns, without its control sequences."""
    screen, terminal = pty.openpty()
    with subprocess.Popen(
        [SNAKEMAKE, "--profile", "profiles/local", *options],
        cwd=checkout.folder,
        env={**checkout.environment, "COLUMNS": "200", "TERM": "xterm", **environment},
        stdin=subprocess.DEVNULL,
        stdout=terminal,
        stderr=terminal,
    ):
        os.close(terminal)
        printed = b""
        while chunk := _read(screen):
            printed += chunk
    os.close(screen)
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", printed.decode())


def _read(screen: int) -> bytes:
    try:
        return os.read(screen, 65536)
    except OSError:  # the other side is closed
        return b""


@pytest.fixture
def checkout(clean_checkout, tmp_path, monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    return clean_checkout.copy(tmp_path / "polytune")


def test_a_terminal_shows_bars_and_the_log_of_a_failed_step(checkout):
    printed = on_a_terminal(checkout, FAILS)
    assert "Total Progress" in printed and "Failed preflight" in printed and SAID in printed
    assert "RuleException" not in printed and "CalledProcessError" not in printed
    assert "polytune launch --nodes" not in printed  # whole command lines are in Snakemake's own log


def test_ci_is_plain_though_it_has_a_terminal(checkout):
    printed = on_a_terminal(checkout, FAILS, CI="true")
    assert "Error in rule preflight" in printed and SAID in printed and "Total Progress" not in printed


def test_a_file_is_plain(checkout):
    printed = checkout.run("--profile", "profiles/local", FAILS, succeeds=False)
    assert "Error in rule preflight" in printed and SAID in printed
    assert "\x1b[" not in printed and "Total Progress" not in printed and "RuleException" not in printed


def test_jobs_share_the_memory_of_this_machine(checkout):
    """The limit is the machine's, and each training says what it takes."""
    printed = checkout.run("--profile", "profiles/local", "--dry-run", "models")
    wanted = [int(found) for found in re.findall(r"mem_mb=(\d+)", printed)]
    memory = memory_bytes() // 10**6
    assert memory <= os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 10**6
    assert wanted and max(wanted) <= memory
    printed = checkout.run("--profile", "profiles/local", FAILS, succeeds=False)
    assert f'mem_mb=Resource("mem_mb", {memory})' in printed


def test_what_a_profile_gives_to_evaluations_reaches_every_set(checkout):
    """Two studies that owe different benchmarks make two rules; a profile knows one name."""
    toy = (checkout.folder / "tests/workflow/toy.yaml").read_text()
    other = re.sub(r"^figures:.*?(?=^world:)", "", toy, flags=re.MULTILINE | re.DOTALL)
    other = other.replace("study: toy", "study: other").replace("sizes: [1, 3]", "sizes: [1, 2]")
    (checkout.folder / "other.yaml").write_text(other.replace("[xcopa, xwinograd]", "[xnli]"))
    profile = checkout.folder / "profiles/given"
    profile.mkdir()
    (profile / "config.yaml").write_text("set-resources:\n  evaluate_run:\n    mem_mb: 4242\n    gres: 'gpu:1'\n")
    options = [
        "--config",
        "studies=[tests/workflow/toy.yaml, other.yaml]",
        "--profile",
        "profiles/given",
        "--dry-run",
        "evaluations",
    ]
    printed = checkout.run(*options)
    blocks = re.findall(r"^rule (evaluate_run\w*):.*?resources: ([^\n]*)", printed, flags=re.MULTILINE | re.DOTALL)
    assert {rule for rule, _ in blocks} == {"evaluate_run", "evaluate_run_2", "evaluate_run_3"}
    assert all("mem_mb=4242" in given and "gres=gpu:1" in given for _, given in blocks)
