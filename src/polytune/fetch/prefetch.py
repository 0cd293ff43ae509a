"""`polytune prefetch`: the one step that touches the network.

It fetches one base model, tokenizer, source or benchmark to a plain directory, at one revision, and writes
`manifest.json` with the commit and the checksums last. Everything else reads these directories and runs with the hub
offline.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from polytune.fetch.downloads import fetch_files, find_repository
from polytune.fetch.wanted import NEWEST, WELCOME, Kind, Wanted, find_wanted
from polytune.files import read_json, write_json

OFFLINE = ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE")
MANIFEST = "manifest.json"


def command(
    kind: Annotated[Kind, typer.Argument(help="What to fetch.")],
    name: Annotated[str, typer.Argument(help="Its name in the tables in config/; of a benchmark its hub id.")],
    output: Annotated[Path, typer.Option(help="Directory to write; what it holds already is not fetched again.")],
    revision: Annotated[
        str, typer.Option(help="Commit, branch or tag, or `newest`; default: what the table pins.")
    ] = "",
    repository: Annotated[str, typer.Option(help="Hub id; default: the table's.")] = "",
    file: Annotated[
        list[str] | None, typer.Option(help="Pattern that a file must fit; repeat it. Default: what the table needs.")
    ] = None,
    licence: Annotated[str, typer.Option(help="For the manifest; default: the table's.")] = "",
) -> None:
    """Fetch a base model, tokenizer, source or benchmark at one revision; start again to resume."""
    for variable in OFFLINE:  # set for all other steps
        os.environ.pop(variable, None)
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    if repository and revision and file:  # the workflow says everything: no table decides
        wanted = Wanted(repository, revision, tuple(file), licence, f"{kind} '{name}'")
    else:
        wanted = find_wanted(kind, name)
        given = {"repository": repository, "revision": revision, "needed": tuple(file or ()), "licence": licence}
        wanted = replace(wanted, **{key: value for key, value in given.items() if value})
    fetch(kind, name, wanted, output)


def fetch(kind: Kind, name: str, wanted: Wanted, output: Path) -> None:
    """Fetch what is wanted to `output`, and write its manifest last."""
    newest = wanted.revision == NEWEST
    of_hub = "model" if kind in ("base", "tokenizer") else "dataset"
    found = find_repository(of_hub, wanted.repository, None if newest else wanted.revision, wanted.where)
    _adopt_newest(name, wanted.revision, found.commit, output)
    fetched = fetch_files(found, found.select(wanted.needed, WELCOME[kind], wanted.where), output)
    weights = {path: entry["sha256"] for path, entry in fetched.items() if path.endswith(".safetensors")}
    manifest = {
        "repository": wanted.repository,
        "revision": wanted.revision,
        "commit": found.commit,
        "licence": wanted.licence,
        "files": fetched,
        **({"weights_sha256": weights} if weights else {}),  # as in the manifest of a trained model
    }
    write_json(output / MANIFEST, manifest)
    total = sum(entry["bytes"] for entry in fetched.values())
    print(f"{wanted.repository} at {found.commit}: {len(fetched)} files, {total / 1e6:.1f} MB in {output}")
    if newest:
        print(
            f"{wanted.where}: its revision pins nothing, so the newest was taken; put {found.commit} there, so that "
            "everybody gets the same",
            file=sys.stderr,
        )


def _adopt_newest(name: str, revision: str, commit: str, output: Path) -> None:
    """Take over what was fetched as the newest when that commit has been put into the table since."""
    place = f"{revision.replace('/', '-')}/{name}"
    is_new = not output.exists() or not any(output.iterdir())  # Snakemake makes the folder
    if revision == NEWEST or not is_new or not output.as_posix().endswith(f"/{place}"):
        return
    newest = Path(output.as_posix().removesuffix(place)) / NEWEST / name
    if (newest / MANIFEST).is_file() and read_json(newest / MANIFEST)["commit"] == commit:
        output.parent.mkdir(parents=True, exist_ok=True)
        os.replace(newest, output)
