"""`polytune prefetch`: the one step that touches the network.

It fetches one base model, tokenizer, source or benchmark of the tables in `config/`, at its pinned revision, to a plain
directory, and writes `manifest.json` with the checksums last. Everything else reads these directories and runs with the
hub offline.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

from polytune.config.settings import read_table, table_row
from polytune.errors import InputError
from polytune.fetch.downloads import Repository, fetch_files, find_repository, fits
from polytune.files import write_json

WEIGHTS = "*.safetensors"
TOKENIZER = ("tokenizer*", "special_tokens_map.json", "vocab.*", "merges.txt", "spiece.model", "sentencepiece.*")
MODEL = ("*.json", "*.jinja", "README.md", "LICENSE*", *TOKENIZER)
NOT_MODEL = ("pytorch_model*", "flax_model*", "tf_model*")  # indices of pickles
OFFLINE = ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE")


@dataclass(frozen=True)
class Wanted:
    """What to fetch: patterns that must each fit a file, and patterns of files that are taken if they are there."""

    kind: str
    repository: str
    revision: str
    needed: tuple[str, ...]
    welcome: tuple[str, ...]
    licence: str
    where: str


def command(
    kind: Annotated[Literal["base", "tokenizer", "source", "benchmark"], typer.Argument(help="What to fetch.")],
    name: Annotated[str, typer.Argument(help="Its name in the tables in config/; of a benchmark its hub id.")],
    output: Annotated[Path, typer.Option(help="Directory to write; what it holds already is not fetched again.")],
) -> None:
    """Fetch a base model, tokenizer, source or benchmark at its pinned revision; start again to resume."""
    for variable in OFFLINE:  # set for all other steps
        os.environ.pop(variable, None)
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    find = {"base": wanted_base, "tokenizer": wanted_tokenizer, "source": wanted_source, "benchmark": wanted_benchmark}
    wanted = find[kind](name)
    repository = find_repository(wanted.kind, wanted.repository, wanted.revision, wanted.where)
    files = repository.select(wanted.needed, wanted.where)
    files += [file for file in repository.files if file not in files and _is_welcome(file.path, wanted.welcome)]
    fetched = fetch_files(repository, files, output)
    write_json(output / "manifest.json", manifest(wanted, repository, fetched))
    total = sum(entry["bytes"] for entry in fetched.values())
    print(f"{wanted.repository} at {repository.commit}: {len(fetched)} files, {total / 1e6:.1f} MB in {output}")


def manifest(wanted: Wanted, repository: Repository, fetched: dict[str, dict]) -> dict:
    """Return what `manifest.json` says; `weights_sha256` as in the manifest of a trained model."""
    weights = {path: entry["sha256"] for path, entry in fetched.items() if path.endswith(".safetensors")}
    return {
        "repository": wanted.repository,
        "revision": wanted.revision,
        "commit": repository.commit,
        "licence": wanted.licence,
        "files": fetched,
        **({"weights_sha256": weights} if weights else {}),
    }


def wanted_base(name: str) -> Wanted:
    """Return what a base of `config/bases.tsv` needs: safetensors, configuration and tokenizer; no code, no pickles."""
    row = table_row("bases", name, "prefetch")
    where = f"config/bases.tsv: base '{name}'"
    revision = _pinned(row["revision"], row["location"], where)
    if row["trusts_remote_code"] == "true":
        raise InputError(f"{where}: its code would have to run; {row['notes']}")
    return Wanted("model", row["location"], revision, (WEIGHTS, "config.json"), MODEL, row["licence"], where)


def wanted_tokenizer(name: str) -> Wanted:
    """Return what a tokenizer needs: the first base of `config/bases.tsv` that has it provides it."""
    rows = [row for row in read_table("bases").values() if row["tokenizer"] == name]
    if not rows:
        known = ", ".join(sorted({row["tokenizer"] for row in read_table("bases").values()}))
        raise InputError(f"prefetch: no base in config/bases.tsv has the tokenizer '{name}'; there are: {known}")
    row = rows[0]
    where = f"config/bases.tsv: base '{row['base']}', for its tokenizer '{name}'"
    revision = _pinned(row["revision"], row["location"], where)
    return Wanted("model", row["location"], revision, ("tokenizer*", "config.json"), TOKENIZER, row["licence"], where)


def wanted_source(name: str) -> Wanted:
    """Return what a source of `config/sources.tsv` needs: the file of each of its languages."""
    row = table_row("sources", name, "prefetch")
    where = f"config/sources.tsv: source '{name}'"
    revision = _pinned(row["revision"], row["location"], where)
    files = tuple(row["file"].format(language=language) for language in row["languages"].split())
    return Wanted("dataset", row["location"], revision, files, ("README.md", "LICENSE*"), row["licence"], where)


def wanted_benchmark(hub_id: str) -> Wanted:
    """Return what the benchmarks of `config/benchmarks.tsv` with this hub id need: the evaluated split of every part.

    No README.md: the data set's own names files that the hub's converted parquet branch does not have.
    """
    fetched = [row for row in read_table("benchmarks").values() if row["revision"] != "generated"]
    rows = [row for row in fetched if row["hub_id"] == hub_id]
    if not rows:
        known = ", ".join(dict.fromkeys(row["hub_id"] for row in fetched))
        raise InputError(
            f"prefetch: no benchmark in config/benchmarks.tsv has the hub id '{hub_id}'; there are: {known}"
        )
    where = f"config/benchmarks.tsv: benchmark '{rows[0]['benchmark']}'"
    revision = _pinned(rows[0]["revision"], hub_id, where)
    return Wanted("dataset", hub_id, revision, tuple(f"*/{row['split']}/*.parquet" for row in rows), (), "", where)


def _pinned(revision: str, location: str, where: str) -> str:
    """Return a revision that means something; raises `InputError` for none."""
    if location.startswith("world"):
        raise InputError(f"{where} is generated, not fetched")
    if location.startswith(("/", ".")):
        raise InputError(f"{where} is the directory {location}; name it in locations.bases instead of fetching it")
    if revision in ("main", "-", ""):
        raise InputError(
            f"{where}: revision '{revision}' pins nothing; put a commit there, from https://huggingface.co/{location}/commits"
        )
    return revision


def _is_welcome(path: str, patterns: tuple[str, ...]) -> bool:
    return any(fits(path, pattern) for pattern in patterns) and not any(fits(path, pattern) for pattern in NOT_MODEL)
