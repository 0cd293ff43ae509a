"""The journal: whole lines only, several writers, and a damaged disk is said."""

from __future__ import annotations

import errno
import json
import subprocess
import sys

import pytest

from polytune.errors import InputError
from polytune.judging import journal
from polytune.judging.journal import Journal


def entry(key: str, text: str = "", price: float = 0.5) -> dict:
    counts = {"prompt_tokens": 1, "completion_tokens": 1, "tries": 1}
    return {"key": key, "outcome": "answer", "text": text, "reason": "", "price": price, **counts}


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(journal, "REFRESH_SECONDS", 0.0)


def texts(kept: Journal, key: str) -> list[str]:
    return [found["text"] for found in kept.entries(key)]


def test_what_is_kept_is_there_for_the_next_and_for_others(tmp_path):
    first, second = Journal(tmp_path / "j", durable=True), Journal(tmp_path / "j", durable=False)
    first.append(entry("a", "one\u2028\x00\n\ud800"))
    assert texts(second, "a") == ["one\u2028\x00\n\ud800"]
    second.append(entry("a", "two"))
    second.append(entry("b"))
    expected = texts(Journal(tmp_path / "j", durable=False), "a")
    assert sorted(expected) == ["one\u2028\x00\n\ud800", "two"] and texts(first, "a") == texts(second, "a") == expected
    assert first.spent == second.spent == 1.5
    assert len(list((tmp_path / "j").glob("*.jsonl"))) == 2, "a file for each writer"


def test_a_journal_that_nobody_writes_to_makes_no_file(tmp_path):
    assert Journal(tmp_path / "j", durable=True).entries("a") == []
    assert not (tmp_path / "j").exists()


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_cut_last_line_does_not_count_and_harms_none(tmp_path, cut):
    kept = Journal(tmp_path, durable=False)
    kept.append(entry("a", "whole"))
    kept.append(entry("b", "cut"))
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-cut])
    again = Journal(tmp_path, durable=False)
    assert texts(again, "a") == ["whole"] and again.entries("b") == [] and again.damaged == 0
    again.append(entry("b", "once more"))
    assert texts(Journal(tmp_path, durable=False), "b") == ["once more"]


def test_a_line_in_the_making_is_read_when_it_is_whole(tmp_path):
    reader, line = Journal(tmp_path, durable=False), json.dumps(entry("a", "slow")).encode() + b"\n"
    path = tmp_path / "other.jsonl"
    path.write_bytes(line[:20])
    assert reader.entries("a") == []
    with path.open("ab") as stream:
        stream.write(line[20:])
    assert texts(reader, "a") == ["slow"]


@pytest.mark.parametrize("line", ["", "{}", "[1]", "null", '{"key": "a"}', '{"key": "a", "price": "x"}', "\x00\x00"])
def test_a_damaged_line_is_said_and_the_others_count(tmp_path, capsys, line):
    (tmp_path / "1.jsonl").write_text(f"{json.dumps(entry('a'))}\n{line}\n{json.dumps(entry('b'))}\n")
    kept = Journal(tmp_path, durable=False)
    assert kept.damaged == 1 and len(kept.entries("a")) == len(kept.entries("b")) == 1
    said = capsys.readouterr().err
    assert f"1.jsonl: byte {len(json.dumps(entry('a'))) + 1}: not an entry" in said and said.count("\n") == 1


def test_a_full_disk_is_one_line_and_leaves_whole_lines(tmp_path, monkeypatch):
    kept = Journal(tmp_path, durable=False)
    kept.append(entry("a"))
    write = journal._write_all

    def fill(descriptor, line):
        write(descriptor, line[:9])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(journal, "_write_all", fill)
    with pytest.raises(InputError, match="the disk is full"):
        kept.append(entry("b"))
    monkeypatch.setattr(journal, "_write_all", write)
    kept.append(entry("c"))
    again = Journal(tmp_path, durable=False)
    assert [len(again.entries(key)) for key in "abc"] == [1, 0, 1] and again.damaged == 0


WRITER = """
import json, sys
from pathlib import Path
from polytune.judging.journal import Journal
kept = Journal(Path(sys.argv[1]), durable=False)
for number in range(200):
    kept.append(json.loads(sys.argv[3]) | {"key": str(number), "text": sys.argv[2] * 3000})
"""


def test_processes_write_beside_each_other(tmp_path):
    call = [sys.executable, "-c", WRITER, str(tmp_path)]
    writers = [subprocess.Popen([*call, name, json.dumps(entry("", price=1.0))]) for name in "xyz"]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    kept = Journal(tmp_path, durable=False)
    assert kept.spent == 600.0 and kept.damaged == 0
    assert all(sorted(text[0] for text in texts(kept, str(number))) == ["x", "y", "z"] for number in range(200))
