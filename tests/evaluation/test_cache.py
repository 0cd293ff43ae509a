"""Finished evaluations are kept whole or not at all: what is damaged counts as missing."""

import json

import pytest

from polytune.evaluation.cache import Cache


def results():
    return {"results": {}, "polytune": {"key": "key"}}


def write(path):
    path.write_bytes(b"samples")


@pytest.fixture
def store(tmp_path):
    store = Cache(tmp_path / "cache")
    store.store("key", results(), write)
    return store


def test_results_count_as_finished_only_when_whole(tmp_path):
    store = Cache(tmp_path / "cache")

    def fail(path):
        raise RuntimeError("no samples")

    with pytest.raises(RuntimeError, match="no samples"):
        store.store("key", results(), fail)
    assert store.find("key") is None
    assert store.store("key", results(), write) == store.find("key")
    assert store.find("other") is None


def test_delivered_files_are_copies(store, tmp_path):
    output, samples = tmp_path / "out" / "x.json", tmp_path / "out" / "x.parquet"
    store.deliver("key", output, samples)
    assert json.loads(output.read_text()) == store.find("key")
    assert samples.read_bytes() == b"samples"
    output.write_text("edited in place")
    samples.unlink()
    assert store.find("key") is not None, "what a user does to a delivered file leaves the cache as it is"
    store.deliver("key", output, samples)
    assert json.loads(output.read_text()) == store.find("key")


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda store: store.samples("key").unlink(), "key.samples.parquet is missing"),
        (lambda store: store.samples("key").write_bytes(b"samp"), "its samples are not those"),
        (lambda store: store.results("key").write_text(store.results("key").read_text()[:-9]), "JSONDecodeError"),
        (lambda store: store.results("key").write_bytes(b""), "JSONDecodeError"),
        (lambda store: store.results("key").write_bytes(b"\xff\xfe\x00"), "UnicodeDecodeError"),
        (lambda store: store.results("key").write_text("{}"), "KeyError"),
        (lambda store: store.results("key").write_text("[]"), "TypeError"),
        (lambda store: store.results("key").write_text('{"polytune": 1}'), "TypeError"),
        (lambda store: store.results("key").write_text("[" * 100_000), "RecursionError"),
    ],
)
def test_damaged_entries_are_said_and_not_used(damage, reason, store, capsys):
    damage(store)
    assert store.find("key") is None
    said = capsys.readouterr().err
    assert "key.json: damaged" in said and reason in said and said.count("\n") == 1
    store.store("key", results(), write)
    assert store.find("key") is not None
    assert capsys.readouterr().err == ""
