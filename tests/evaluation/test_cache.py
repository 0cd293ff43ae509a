"""Claims: one process computes, others wait while it lives, and a dead one's work is taken over."""

import json
import os
import socket
import subprocess
import sys
import threading
import time

import pytest

from polytune.evaluation import cache
from polytune.evaluation.cache import Cache, claim


def never():
    return False


def write_claim(directory, host, pid, generation=1):
    path = directory / f"run.{generation}.claim"
    path.write_text(json.dumps({"host": host, "pid": pid}))
    return path


def dead_process():
    finished = subprocess.Popen([sys.executable, "-c", ""])
    finished.wait()
    return finished.pid


def test_a_claim_is_held_and_released(tmp_path):
    with claim(tmp_path / "new", "run", never) as mine:
        assert mine
        assert [path.name for path in (tmp_path / "new").iterdir()] == ["run.1.claim"]
    assert list((tmp_path / "new").iterdir()) == []
    with pytest.raises(RuntimeError), claim(tmp_path, "run", never):
        raise RuntimeError
    assert list(tmp_path.glob("*.claim")) == []


def test_nothing_is_claimed_if_the_work_is_done(tmp_path):
    with claim(tmp_path, "run", lambda: True) as mine:
        assert not mine
        assert list(tmp_path.iterdir()) == []


def test_waits_for_a_live_process_and_says_so(tmp_path, capsys):
    path = write_claim(tmp_path, socket.gethostname(), os.getpid())
    done = threading.Event()
    threading.Timer(0.5, done.set).start()
    started = time.monotonic()
    with claim(tmp_path, "run", done.is_set) as mine:
        assert not mine
    assert time.monotonic() - started >= 0.4
    assert f"Waiting: process {os.getpid()} on {socket.gethostname()} evaluates this model" in capsys.readouterr().err
    assert path.exists()  # another's claim stays


def test_a_dead_process_of_this_computer_is_replaced_at_once(tmp_path, capsys):
    write_claim(tmp_path, socket.gethostname(), dead_process())
    with claim(tmp_path, "run", never) as mine:
        assert mine
        assert [path.name for path in tmp_path.iterdir()] == ["run.2.claim"]
    assert "Taking over" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_claim_of_another_computer_lives_by_its_heartbeat(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "HEARTBEAT_SECONDS", 0.1)
    path = write_claim(tmp_path, "elsewhere", 1)
    # a file from the future: the clocks of two computers must not matter
    os.utime(path, (time.time() + 9999,) * 2)
    stop = threading.Event()
    beating = threading.Thread(target=cache._beat, args=(path, stop))
    beating.start()
    threading.Timer(1.5, stop.set).start()
    started = time.monotonic()
    with claim(tmp_path, "run", never, stale_seconds=0.6) as mine:
        waited = time.monotonic() - started
        assert mine
    beating.join()
    assert waited >= 1.5 + 0.6 - 0.3  # as long as the heart beat, and then until it was surely dead


def test_a_claim_that_is_still_empty_is_a_live_one(tmp_path):
    (tmp_path / "run.1.claim").touch()  # its holder is between creating and writing it
    started = time.monotonic()
    with claim(tmp_path, "run", never, stale_seconds=0.5) as mine:
        assert mine
    assert time.monotonic() - started >= 0.5


def test_many_processes_hold_it_one_at_a_time(tmp_path):
    write_claim(tmp_path, socket.gethostname(), dead_process())
    code = """
import sys, time
from pathlib import Path
from polytune.evaluation.cache import claim
folder, log = Path(sys.argv[1]), Path(sys.argv[2])
with claim(folder, "run", lambda: False) as mine:
    for word in ("in", "out"):
        with log.open("a") as stream:
            stream.write(word + "\\n")
        time.sleep(0.05)
"""
    log = tmp_path / "log"
    processes = [
        subprocess.Popen([sys.executable, "-c", code, tmp_path, log], stderr=subprocess.DEVNULL) for _ in range(6)
    ]
    assert [process.wait(timeout=60) for process in processes] == [0] * 6
    assert log.read_text().split() == ["in", "out"] * 6
    assert list(tmp_path.glob("*.claim")) == []


def test_results_count_as_finished_only_when_whole(tmp_path):
    store = Cache(tmp_path / "cache")

    def fail(path):
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        store.store("key", {"results": 1}, fail)
    assert not store.has("key")
    store.store("key", {"results": 1}, lambda path: path.write_text("samples"))
    assert store.has("key")
    assert store.deliver("key", tmp_path / "out" / "x.json", tmp_path / "out" / "x.parquet") == {"results": 1}
    assert (tmp_path / "out" / "x.parquet").read_text() == "samples"
