"""What a local directory of the user's holds: known by its content, looked at only where something changed.

A file may be replaced in place, and a model of a hundred gigabytes must not be read at each plan. So planning compares
names, sizes and times of the files with what was recorded when their content was last digested; only where they differ
is the content digested again, and only other content is another thing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from polytune.files import digest, sha256_file
from polytune.readers.tables import LINE_END
from polytune.readers.text import read_text


def fingerprint(files: Iterable[Path], folder: Path) -> str:
    """Return a digest of names, sizes and times of files, without reading them."""
    looks = []
    for file in sorted(files):
        state = file.stat()
        looks.append([file.relative_to(folder).as_posix(), state.st_size, state.st_mtime_ns])
    return digest(looks)


def content_digest(files: Iterable[Path], folder: Path) -> str:
    """Return the SHA-256 of names and contents of files."""
    ordered = sorted(files)
    with ThreadPoolExecutor(8) as pool:  # hashing releases the interpreter lock; large models have many shards
        sums = list(pool.map(sha256_file, ordered))
    return digest([[file.relative_to(folder).as_posix(), sum_] for file, sum_ in zip(ordered, sums, strict=True)])


def rows_digest(table: Path) -> str:
    """Return the SHA-256 of the lines of a table but for its comments (lines that begin with `#`) and empty lines."""
    lines = (line.rstrip() for line in LINE_END.split(read_text(table)))
    return digest([line for line in lines if line and not line.startswith("#")])


def files_of(folder: Path) -> list[Path]:
    """Return every file below a folder except hidden ones, such as a download's cache."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return [path for path in found if not any(part.startswith(".") for part in path.relative_to(folder).parts)]


def identity(folder: str, record: str) -> str:
    """Return what identifies the content of a given folder: the digest in its record if that still holds.

    `record` is the marker that `digest-given` writes. Without one, or with other content, it is the fingerprint of now.
    """
    files = files_of(Path(folder))
    now = fingerprint(files, Path(folder))
    try:
        known = json.loads(Path(record).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return now
    if known["fingerprint"] == now or known["digest"] == content_digest(files, Path(folder)):
        return known["identity"]
    return now
