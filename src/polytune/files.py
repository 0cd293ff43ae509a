"""Files that are either whole or absent: everything is written to a temporary name and renamed."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from polytune.errors import InputError
from polytune.readers.json import read_json as read_json

ELSEWHERE = "free space, or move storage.results and storage.work to another disk"
DISK = {
    errno.ENOSPC: f"the disk is full; {ELSEWHERE}",
    errno.EDQUOT: f"the quota on this disk is used up; {ELSEWHERE}",
    errno.EFBIG: "the limit on the size of a file is reached; raise it (ulimit -f)",
    errno.EROFS: "the disk is read-only; write to another one (storage.results, storage.work)",
    errno.EIO: "the disk or the connection to it failed; try again, then ask those who run it",
    errno.ESTALE: "the connection to the disk was lost; try again, then ask those who run it",
}
"""Cause and remedy of what a disk may refuse at any moment."""

PATH = {
    errno.ENOENT: "no such file or directory",
    errno.EACCES: "permission denied; ask its owner for access, or name another place",
    errno.EPERM: "not permitted; ask its owner for access, or name another place",
    errno.EISDIR: "is a directory, expected a file",
    errno.ENOTDIR: "a part of this path is a file, expected a directory",
    errno.EEXIST: "stands where something else is to be written; move it away",
    errno.ENAMETOOLONG: "a name in this path is longer than the disk allows; shorten it",
    errno.ELOOP: "the links in this path lead in a circle",
    errno.EMFILE: "too many files are open; raise the limit (ulimit -n)",
    errno.ENFILE: "too many files are open on this machine; try again later",
}
"""Cause and remedy of what is wrong with a path."""

INCOMPLETE = "was not written to its end: the disk is full, a quota is used up or a limit on the size of a file reached"
# the words of libraries that forget the number of the error: numpy's tofile; torch's archives
WRITTEN_IN_PART = re.compile(r"^\d+ requested and \d+ written$|inline_container|PytorchStreamWriter|iostream error")
NUMBER = re.compile(r"\(os error (\d+)\)|\[Errno (\d+)\]")
NAME_KEPT = 50  # characters of a file's name in its temporary name, whose whole must stay below 255 bytes


def explain_failure(error: BaseException, path: Path | str = "", temporary: Path | str = "") -> str | None:
    """Return in one line what the disk or the path of an exception refused, None if it is neither.

    `path` is what was being written when the exception names no file, or one at or below `temporary`.
    """
    names = [getattr(error, "filename2", None), getattr(error, "filename", None)]
    named = next((os.fsdecode(name) for name in names if isinstance(name, str | bytes)), "")
    if not named or (temporary and named.startswith(str(temporary))):
        named = str(path)
    number = getattr(error, "errno", None) if isinstance(error, OSError) else None
    if number is None:
        if WRITTEN_IN_PART.search(str(error)):
            return f"{named}: {INCOMPLETE}; {ELSEWHERE}" if named else f"a file {INCOMPLETE}; {ELSEWHERE}"
        found = NUMBER.search(str(error))
        number = int(found[1] or found[2]) if found else 0
        cause = DISK.get(number)  # other numbers in the words of a library may be its own affair
    else:
        cause = DISK.get(number) or (PATH.get(number) if named else None)
    if cause is None:
        return None
    return f"{named}: {cause}" if named else cause


@contextmanager
def _one_line(path: Path, temporary: Path) -> Iterator[None]:
    """Turn what the disk refuses inside the block into an `InputError` that names `path`."""
    try:
        yield
    except InputError as error:
        if str(temporary) not in str(error):
            raise
        raise InputError(str(error).replace(str(temporary), str(path))) from error
    except Exception as error:
        line = explain_failure(error, path, temporary)
        if line is None:
            raise
        raise InputError(line) from error


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(f".{path.name[:NAME_KEPT]}.{os.getpid()}-{secrets.token_hex(3)}.{ending}")


@contextmanager
def atomic_path(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` when the block ends without an error.

    A full or read-only disk is an `InputError` in one line, whatever library writes; nothing is left behind.
    """
    path = Path(path)
    temporary = _beside(path, "partial")
    try:
        with _one_line(path, temporary):
            path.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            os.replace(temporary, path)
    finally:
        with suppress(OSError):
            temporary.unlink()


@contextmanager
def atomic_directory(path: Path | str) -> Iterator[Path]:
    """Yield an empty directory beside `path` that takes its place when the block ends without an error.

    An older directory at `path` stays whole until the new one is complete. Errors as in `atomic_path`.
    """
    path = Path(path)
    temporary, outdated = _beside(path, "partial"), _beside(path, "outdated")
    try:
        with _one_line(path, temporary):
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.mkdir()  # not tempfile's private directory: the umask of a shared project decides who may read
            yield temporary
            if path.is_dir():
                outdated.mkdir()
                os.replace(path, outdated / "replaced")
            os.replace(temporary, path)
            shutil.rmtree(outdated, ignore_errors=True)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_text(path: Path | str, text: str) -> None:
    """Write `text` as UTF-8, atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path | str, value: Any) -> None:
    """Write `value` as indented JSON, atomically and with a stable layout; NaN is a defect, no reader takes it."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def sha256_text(text: str) -> str:
    """Return the SHA-256 of `text` in UTF-8, as 64 hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def sha256_file(path: Path | str) -> str:
    """Return the SHA-256 of a file's bytes, as 64 hexadecimal digits."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def digest(value: Any) -> str:
    """Return the SHA-256 of a JSON-able value, independent of the order of its keys."""
    return sha256_text(json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False))
