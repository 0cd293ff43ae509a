"""`polytune prefetch` against a hub on this computer: what is fetched, resumed, refused."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from polytune.config import tables
from polytune.config.benchmarks import find_benchmark
from polytune.config.tables import bases, sources
from polytune.errors import InputError
from polytune.fetch import wanted
from polytune.fetch.wanted import find_wanted
from polytune.files import read_json
from tests.cases.fake_hub import COMMIT, Hub, serve

PROJECT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 300.0  # for what takes a few seconds on a machine that is not busy
WEIGHTS = random.Random(1).randbytes(25_000_000)  # the client writes pieces of 10 MB
BLOOM = {
    "config.json": b'{"model_type": "bloom"}',
    "model.safetensors": WEIGHTS,
    "tokenizer.json": b"{}",
    "tokenizer_config.json": b"{}",
    "README.md": b"card",
    "pytorch_model.bin": b"pickle",
    "modeling_bloom.py": b"code",
    "onnx/model.onnx": b"other",
}
BACTRIAN = {f"data/{code}.json.gz": code.encode() for code in sources()["bactrian-x"].languages}
XCOPA = {"et/test/0000.parquet": b"rows", "et/validation/0000.parquet": b"more", "README.md": b"configs elsewhere"}


@pytest.fixture
def hub():
    repositories = {
        "model/bigscience/bloom-560m": dict(BLOOM),
        "dataset/MBZUAI/Bactrian-X": dict(BACTRIAN),
        "dataset/cambridgeltl/xcopa": dict(XCOPA),
    }
    with serve(Hub(repositories)) as running:
        yield running


def start(hub: Hub, *arguments: object) -> subprocess.Popen:
    environment = {
        **os.environ,
        **hub.environment,
        "HF_ENDPOINT": hub.url,
        "HF_HUB_OFFLINE": "1",
    }
    call = [sys.executable, "-m", "polytune.cli", "prefetch", *map(str, arguments)]
    return subprocess.Popen(call, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def prefetch(hub: Hub, *arguments: object) -> tuple[int, str]:
    """Run `polytune prefetch` with the hub's address; return its exit status and what it said."""
    process = start(hub, *arguments)
    said = process.communicate(timeout=PATIENCE_SECONDS)[0]
    return process.returncode, said


def files_in(directory: Path) -> set[str]:
    return {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()}


def test_a_base_comes_without_pickles_and_code(hub, tmp_path):
    status, said = prefetch(hub, "base", "bloom-560m", "--output", tmp_path)
    assert status == 0, said
    wanted = {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "README.md"}
    assert files_in(tmp_path) == {*wanted, "manifest.json"}
    manifest = read_json(tmp_path / "manifest.json")
    assert manifest["commit"] == COMMIT and manifest["revision"] == bases()["bloom-560m"].revision
    assert manifest["weights_sha256"] == {"model.safetensors": hashlib.sha256(WEIGHTS).hexdigest()}
    assert set(manifest["files"]) == wanted
    assert (tmp_path / "model.safetensors").read_bytes() == WEIGHTS


def test_a_killed_download_is_resumed(hub, tmp_path):
    hub.seconds_per_chunk = 0.2  # 24 chunks
    process = start(hub, "base", "bloom-560m", "--output", tmp_path)
    partial = tmp_path / "model.safetensors.partial"
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (partial.exists() and partial.stat().st_size > 0):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.wait()
    had = partial.stat().st_size
    assert 0 < had < len(WEIGHTS)
    assert not (tmp_path / "manifest.json").exists()
    hub.seconds_per_chunk = 0.0
    hub.ranges.clear()
    status, said = prefetch(hub, "base", "bloom-560m", "--output", tmp_path)
    assert status == 0, said
    assert ("model.safetensors", f"bytes={had}-") in hub.ranges
    assert (tmp_path / "model.safetensors").read_bytes() == WEIGHTS
    assert not partial.exists()


def test_a_broken_connection_goes_on_where_it_was(hub, tmp_path):
    hub.breaks_after["model.safetensors"] = 3_000_000
    status, said = prefetch(hub, "base", "bloom-560m", "--output", tmp_path)
    assert status == 0, said
    asked = [wanted for path, wanted in hub.ranges if path == "model.safetensors"]
    assert len(asked) == 2 and asked[0] is None
    assert 0 < int(asked[1].removeprefix("bytes=").removesuffix("-")) <= 4 * 2**20
    assert (tmp_path / "model.safetensors").read_bytes() == WEIGHTS


def test_a_partial_file_of_another_content_is_not_continued(hub, tmp_path):
    (tmp_path / "config.json.partial").write_bytes(b"x" * 1000)  # longer than what is to come
    assert prefetch(hub, "base", "bloom-560m", "--output", tmp_path)[0] == 0
    assert (tmp_path / "config.json").read_bytes() == BLOOM["config.json"]


def test_a_second_start_fetches_only_what_is_damaged(hub, tmp_path):
    assert prefetch(hub, "base", "bloom-560m", "--output", tmp_path)[0] == 0
    (tmp_path / "config.json").write_bytes(b'{"model_type": "gpt2_"}')  # as long, and another
    hub.ranges.clear()
    assert prefetch(hub, "base", "bloom-560m", "--output", tmp_path)[0] == 0
    assert hub.ranges == [("config.json", None)]
    assert (tmp_path / "config.json").read_bytes() == BLOOM["config.json"]


@pytest.mark.parametrize("path", ["model.safetensors", "config.json"])  # checked by SHA-256 and by git's SHA-1
def test_a_wrong_checksum_is_refused(hub, tmp_path, path):
    hub.sent_instead[path] = bytes(len(BLOOM[path]))
    status, said = prefetch(hub, "base", "bloom-560m", "--output", tmp_path)
    assert status == 1
    assert f"{tmp_path / path}: what bigscience/bloom-560m sent does not have the checksum" in said
    assert path not in files_in(tmp_path) and f"{path}.partial" not in files_in(tmp_path)
    assert "manifest.json" not in files_in(tmp_path)


def test_a_source_comes_with_every_language_and_asks_to_be_pinned(hub, tmp_path):
    """sources.tsv knows no commit of Bactrian-X: the newest is taken, and the message says what to write there."""
    status, said = prefetch(hub, "source", "bactrian-x", "--output", tmp_path / "newest/bactrian-x")
    assert status == 0, said
    assert files_in(tmp_path / "newest/bactrian-x") == {*BACTRIAN, "manifest.json"} and len(BACTRIAN) == 52
    assert hub.revisions == [None]
    manifest = read_json(tmp_path / "newest/bactrian-x/manifest.json")
    assert (manifest["revision"], manifest["commit"]) == ("newest", COMMIT)
    assert (
        "config/sources.tsv: source 'bactrian-x': its revision pins nothing" in said and f"put {COMMIT} there" in said
    )
    # once it stands in the table, what has come is taken over
    hub.ranges.clear()
    status, said = prefetch(
        hub, "source", "bactrian-x", "--revision", COMMIT, "--output", tmp_path / COMMIT / "bactrian-x"
    )
    assert status == 0, said
    assert hub.ranges == [] and hub.revisions == [None, COMMIT] and "pins nothing" not in said
    assert files_in(tmp_path) == {f"{COMMIT}/bactrian-x/{file}" for file in [*BACTRIAN, "manifest.json"]}
    assert read_json(tmp_path / COMMIT / "bactrian-x/manifest.json")["revision"] == COMMIT


def test_the_newest_of_another_commit_is_not_taken_over(hub, tmp_path):
    assert (
        prefetch(hub, "base", "bloom-560m", "--revision", "newest", "--output", tmp_path / "newest/bloom-560m")[0] == 0
    )
    hub.commit = "b" * 40
    hub.ranges.clear()
    assert (
        prefetch(hub, "base", "bloom-560m", "--revision", hub.commit, "--output", tmp_path / hub.commit / "bloom-560m")[
            0
        ]
        == 0
    )
    assert ("model.safetensors", None) in hub.ranges
    assert read_json(tmp_path / "newest/bloom-560m/manifest.json")["commit"] == COMMIT


def test_what_the_workflow_says_needs_no_table(hub, tmp_path):
    """The caller's values decide: a source of no table, at a branch that moves; its commit is recorded."""
    options = ["--repository", "MBZUAI/Bactrian-X", "--revision", "refs/convert/parquet", "--licence", "CC0"]
    options += ["--file", "data/xh.json.gz", "--file", "data/zh.json.gz", "--output", tmp_path]
    status, said = prefetch(hub, "source", "in-no-table", *options)
    assert status == 0, said
    assert files_in(tmp_path) == {"data/xh.json.gz", "data/zh.json.gz", "manifest.json"}
    manifest = read_json(tmp_path / "manifest.json")
    wanted = {"repository": "MBZUAI/Bactrian-X", "revision": "refs/convert/parquet", "commit": COMMIT, "licence": "CC0"}
    assert {key: manifest[key] for key in wanted} == wanted
    assert hub.revisions == ["refs/convert/parquet"]


def test_a_source_without_a_language_is_refused(hub, tmp_path):
    del hub.repositories["dataset/MBZUAI/Bactrian-X"]["data/xh.json.gz"]
    status, said = prefetch(hub, "source", "bactrian-x", "--output", tmp_path)
    assert status == 1 and "config/sources.tsv: source 'bactrian-x'" in said and "no file 'data/xh.json.gz'" in said


def test_a_benchmark_comes_without_its_card(hub, tmp_path):
    status, said = prefetch(hub, "benchmark", "cambridgeltl/xcopa", "--output", tmp_path)
    assert status == 0, said
    assert files_in(tmp_path) == {"et/test/0000.parquet", "manifest.json"}


def test_an_unknown_repository_is_said(hub, tmp_path):
    del hub.repositories["model/bigscience/bloom-560m"]
    status, said = prefetch(hub, "base", "bloom-560m", "--output", tmp_path)
    assert status == 1 and "config/bases.tsv: base 'bloom-560m': there is no model 'bigscience/bloom-560m'" in said


def test_a_hub_out_of_reach_is_said(hub, tmp_path):
    hub.url = "http://127.0.0.1:9"  # the discard port: nobody listens
    status, said = prefetch(hub, "base", "bloom-560m", "--output", tmp_path)
    assert status == 1 and "the hub does not answer" in said and "Traceback" not in said


@pytest.mark.parametrize(
    ("kind", "name", "said"),
    [
        ("base", "bloom-7b", "did you mean 'bloom-7b1'"),
        ("tokenizer", "blom", "no base in config/bases.tsv has the tokenizer 'blom'"),
        ("source", "alpaca-mt", "location is '-'; name its directory in locations.sources"),
        ("source", "world", "is generated, not fetched"),
        ("benchmark", "cambridgeltl/xcop", "no benchmark in config/benchmarks.tsv has the hub id"),
    ],
)
def test_what_cannot_be_fetched_is_said(kind, name, said):
    with pytest.raises(InputError, match=said.replace("(", r"\(")):
        find_wanted(kind, name)


def test_a_tokenizer_is_fetched_from_a_base_that_has_it():
    wanted = find_wanted("tokenizer", "bloom")
    assert wanted.repository == "bigscience/bloom-560m" and "tokenizer*" in wanted.needed


def test_one_data_set_has_one_revision(monkeypatch):
    row = replace(find_benchmark("xcopa"), hub_id="a/b")
    rows = {name: replace(row, benchmark=name, revision=revision) for name, revision in (("x", "1"), ("y", "2"))}
    monkeypatch.setattr("polytune.fetch.wanted.benchmarks", lambda: rows)
    with pytest.raises(InputError, match=r"benchmark 'x': revision '1', but '2' of benchmark 'y'"):
        find_wanted("benchmark", "a/b")


def test_a_branch_is_no_revision(tmp_path, monkeypatch):
    rows = {"mine": tables.build_row(tables.Base, MINE, "bases.tsv")}
    monkeypatch.setattr(wanted, "bases", lambda: rows)
    with pytest.raises(InputError, match="base 'mine': revision 'main' pins nothing; put a commit there"):
        wanted.find_wanted("base", "mine")


MINE = {
    "base": "mine",
    "architecture": "decoder",
    "location": "somebody/mine",
    "tokenizer": "mine",
    "licence": "apache-2.0",
    "revision": "main",
}
