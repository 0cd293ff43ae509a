"""Command `digest-given`: what a local directory holds, recorded for planning (`study.given`)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from polytune.errors import InputError
from polytune.files import read_json, write_json
from polytune.study.given import content_digest, files_of, fingerprint


def command(
    spec: Annotated[Path, typer.Option(help="What to look at, as the workflow writes it.")],
    folder: Annotated[Path, typer.Option(help="Directory to digest.")],
    output: Annotated[Path, typer.Option(help="Record to write: the digest of the content.")],
) -> None:
    """Digest a given directory, so that other content in the same place is noticed."""
    files = files_of(folder)
    if not files:
        raise InputError(f"{folder}: holds no files")
    record = {
        "identity": read_json(spec)["identity"],
        "fingerprint": fingerprint(files, folder),
        "digest": content_digest(files, folder),
        "files": len(files),
    }
    write_json(output, record)
    print(f"{folder}: {len(files)} files, digest {record['digest'][:12]}")
