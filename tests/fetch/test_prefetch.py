"""`polytune prefetch` against a hub on this computer: what is fetched, resumed, refused."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from polytune.config.settings import read_table
from polytune.errors import InputError
from polytune.fetch.prefetch import wanted_base, wanted_benchmark, wanted_source, wanted_tokenizer
from polytune.files import read_json
from tests.cases.fake_hub import COMMIT, Hub, serve

PROJECT = Path(__file__).resolve().parents[2]
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
BACTRIAN = {f"data/{code}.json.gz": code.encode() for code in read_table("sources")["bactrian-x"]["languages"].split()}
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
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    }
    call = [sys.executable, "-m", "polytune.cli", "prefetch", *map(str, arguments)]
    return subprocess.Popen(call, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def prefetch(hub: Hub, *arguments: object) -> tuple[int, str]:
    """Run `polytune prefetch` with the hub's address; return its exit status and what it said."""
    process = start(hub, *arguments)
    said = process.communicate(timeout=60)[0]
    return process.returncode, said


def files_in(directory: Path) -> set[str]:
    return {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()}


def test_a_base_comes_without_pickles_and_code(hub, tmp_path):
    status, said = prefetch(hub, "base", "bloom-560m", "--output", tmp_path)
    assert status == 0, said
    wanted = {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "README.md"}
    assert files_in(tmp_path) == {*wanted, "manifest.json"}
    manifest = read_json(tmp_path / "manifest.json")
    assert manifest["commit"] == COMMIT and manifest["revision"] == read_table("bases")["bloom-560m"]["revision"]
    assert manifest["weights_sha256"] == {"model.safetensors": hashlib.sha256(WEIGHTS).hexdigest()}
    assert set(manifest["files"]) == wanted
    assert (tmp_path / "model.safetensors").read_bytes() == WEIGHTS


def test_a_killed_download_is_resumed(hub, tmp_path):
    hub.seconds_per_chunk = 0.2  # 24 chunks
    process = start(hub, "base", "bloom-560m", "--output", tmp_path)
    partial = tmp_path / "model.safetensors.partial"
    deadline = time.monotonic() + 30
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


def pin_source(hub: Hub, directory: Path) -> None:
    """Let `polytune` run from a copy whose table pins the source, as a user pins it who knows the commit."""
    for name in ("src", "config"):
        shutil.copytree(PROJECT / name, directory / name, ignore=shutil.ignore_patterns("__pycache__"))
    table = directory / "config/sources.tsv"
    text = table.read_text()
    assert text.count("\tdata/{language}.json.gz\t-\t") == 1
    table.write_text(text.replace("\tdata/{language}.json.gz\t-\t", "\tdata/{language}.json.gz\tb7d2e1a3\t"))
    hub.environment = {"PYTHONPATH": str(directory / "src")}


def test_a_source_comes_with_every_language(hub, tmp_path_factory, tmp_path):
    pin_source(hub, tmp_path_factory.mktemp("project"))
    status, said = prefetch(hub, "source", "bactrian-x", "--output", tmp_path)
    assert status == 0, said
    assert files_in(tmp_path) == {*BACTRIAN, "manifest.json"} and len(BACTRIAN) == 52


def test_a_source_without_a_language_is_refused(hub, tmp_path_factory, tmp_path):
    pin_source(hub, tmp_path_factory.mktemp("project"))
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
    ("find", "name", "said"),
    [
        (wanted_base, "bloom-1b7", "base 'bloom-1b7': revision 'main' pins nothing"),
        (wanted_base, "world-bloom", "is generated, not fetched"),
        (wanted_base, "bloom-7b", "did you mean 'bloom-7b1'"),
        (wanted_tokenizer, "blom", "no base in config/bases.tsv has the tokenizer 'blom'"),
        (wanted_source, "bactrian-x", "source 'bactrian-x': revision '-' pins nothing"),
        (wanted_source, "world", "is generated, not fetched"),
        (wanted_benchmark, "cambridgeltl/xcop", "no benchmark in config/benchmarks.tsv has the hub id"),
    ],
)
def test_what_cannot_be_fetched_is_said(find, name, said):
    with pytest.raises(InputError, match=said.replace("(", r"\(")):
        find(name)


def test_a_tokenizer_is_fetched_from_a_base_that_has_it():
    wanted = wanted_tokenizer("bloom")
    assert wanted.repository == "bigscience/bloom-560m" and "tokenizer*" in wanted.needed
