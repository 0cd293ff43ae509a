"""Nothing but prefetching touches the network: every workflow run of these tests has its sockets blocked."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.slow
def test_the_workflow_ran_without_trying_the_network(finished_checkout):
    assert (finished_checkout.folder / "results/studies/toy/world/figures/fig1a.pdf").exists()
    assert not finished_checkout.network_log.exists(), finished_checkout.network_log.read_text()


@pytest.mark.parametrize(
    "attempt", ["socket.create_connection(('127.0.0.1', 80))", "socket.socket().connect(('::1', 1))"]
)
def test_the_block_works(clean_checkout, tmp_path, attempt):
    log = tmp_path / "network.txt"
    environment = {**clean_checkout.environment, "POLYTUNE_TEST_NETWORK_LOG": str(log)}
    call = [sys.executable, "-c", f"import socket; {attempt}"]
    done = subprocess.run(call, env=environment, capture_output=True, text=True, check=False)
    assert "the network is blocked by the test" in done.stderr
    assert "connect" in log.read_text()


def test_a_prefetch_is_refused_in_one_line(clean_checkout, tmp_path):
    environment = {**clean_checkout.environment, "POLYTUNE_TEST_NETWORK_LOG": str(tmp_path / "network.txt")}
    call = [sys.executable, "-m", "polytune.cli", "prefetch", "base", "bloom-560m", "--output", str(tmp_path / "model")]
    done = subprocess.run(call, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1 and "the hub does not answer" in done.stderr and "Traceback" not in done.stderr
