"""`snakemake prefetch` against a hub on this computer: what is fetched once, and again for another revision."""

from __future__ import annotations

import hashlib
import subprocess

import pytest

from polytune.config.benchmarks import benchmarks
from polytune.config.tables import bases, sources
from polytune.files import read_json
from tests.cases.fake_hub import Hub, serve
from tests.workflow.conftest import SNAKEMAKE

FULL = ("--configfile", "config/examples/lucky52-full.yaml", "--", "prefetch")
MODEL = {"config.json": b"{}", "model.safetensors": b"weights", "tokenizer.json": b"{}"}
COMMIT, OTHER = (hashlib.sha1(text).hexdigest() for text in (b"one", b"other"))  # Snakemake refuses repetitive names
BASES, SOURCES = "config/bases.tsv", "config/sources.tsv"


@pytest.fixture
def fetched(clean_checkout, tmp_path):
    """A checkout in which everything of the full study was fetched, and the hub."""
    checkout = clean_checkout.copy(tmp_path / "polytune")
    codes = sources()["bactrian-x"].languages
    repositories = {f"model/bigscience/{base}": MODEL for base in ("bloom-7b1", "bloom-560m")}
    repositories["dataset/MBZUAI/Bactrian-X"] = {f"data/{code}.json.gz": code.encode() for code in codes}
    for split in ("test", "eval", "validation"):
        for row in benchmarks().values():
            repositories.setdefault(f"dataset/{row.hub_id}", {})[f"en/{split}/0000.parquet"] = b"rows"
    with serve(Hub(repositories, commit=COMMIT)) as hub:
        hub.environment = {**checkout.environment, "PYTHONPATH": f"{checkout.folder}/src", "HF_ENDPOINT": hub.url}
        fetch(checkout, hub)
        yield checkout, hub


def fetch(checkout, hub: Hub) -> None:
    call = [SNAKEMAKE, "--cores", "1", *FULL]
    done = subprocess.run(call, cwd=checkout.folder, env=hub.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]


def planned(checkout) -> dict[str, int]:
    return {rule: count for rule, count in checkout.plan(*FULL).items() if rule != "prefetch"}


def test_another_revision_is_another_download(fetched):
    checkout, hub = fetched
    manifests = sorted(checkout.folder.glob("resources/*/*/**/manifest.json"))
    assert len(manifests) == 6  # the base, its tokenizer, the source, three benchmarks
    # a branch that moves and what the table does not pin: the commit is recorded
    assert {read_json(file)["commit"] for file in manifests} == {COMMIT}
    assert {read_json(file)["revision"] for file in manifests} >= {"newest", "refs/convert/parquet"}
    assert planned(checkout) == {}

    checkout.edit(BASES, "# The base models, one row each", "# The bases, one row each")
    assert planned(checkout) == {}
    pinned = bases()["bloom-7b1"].revision
    checkout.edit(BASES, pinned, OTHER)
    assert planned(checkout) == {"fetch": 1}
    checkout.edit(BASES, OTHER, pinned)

    # the commit of the newest is written down: nothing is fetched that is there
    hub.ranges.clear()
    checkout.edit(SOURCES, "data/{language}.json.gz\t-\taf", f"data/{{language}}.json.gz\t{COMMIT}\taf")
    assert planned(checkout) == {"fetch": 1}
    fetch(checkout, hub)
    assert hub.ranges == [] and planned(checkout) == {}
    assert (checkout.folder / f"resources/sources/{COMMIT}/bactrian-x/manifest.json").exists()


def test_another_language_is_fetched_alone(fetched):
    checkout, hub = fetched
    hub.repositories["dataset/MBZUAI/Bactrian-X"]["data/eu.json.gz"] = b"eu"
    hub.ranges.clear()
    checkout.edit(SOURCES, "\taf ar az bn cs", "\taf ar az bn eu cs")
    assert planned(checkout) == {"fetch": 1}
    fetch(checkout, hub)
    assert [path for path, _ in hub.ranges] == ["data/eu.json.gz"]
