"""Files of results below the paths that are given, and which row of the mapping each belongs to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from polytune.errors import InputError, nearest, short
from polytune.imports.mapping import ImportedRun, MappedLog

ENDINGS = (".log", ".out", ".txt", ".md", ".json", ".jsonl")
"""Endings of the files that are looked at in a directory; others are not opened. Each may have `.gz` after it."""


@dataclass(frozen=True)
class FoundFile:
    """One file, and its name below the path that was given."""

    path: Path
    name: str


def list_files(paths: Iterable[Path]) -> list[FoundFile]:
    """Return the given files, and those of results below given directories; hidden ones are left out.

    Raises `InputError` for a path that is not there, and for directories without any such file.
    """
    found: dict[Path, FoundFile] = {}
    for path in paths:
        if path.is_dir():
            below = sorted(file for file in path.rglob("*") if file.is_file() and _is_result(file.relative_to(path)))
            if not below:
                raise InputError(f"{path}: holds no file that ends in {', '.join(ENDINGS)}")
            found |= {file: FoundFile(file, file.relative_to(path).as_posix()) for file in below if file not in found}
        elif path.is_file():
            found.setdefault(path, FoundFile(path, path.as_posix()))
        else:
            raise InputError(f"{path}: no such file or directory")
    return list(found.values())


def _is_result(path: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.parts)
    return not hidden and path.name.removesuffix(".gz").endswith(ENDINGS)


def match_files(files: Sequence[FoundFile], mapping: Iterable[MappedLog], place: str) -> dict[FoundFile, ImportedRun]:
    """Return the run of every file that a row of the mapping names, by name, path or folder.

    `place` is the mapping's file. Raises `InputError` for a row that names no file, or that two files fit, and for two
    rows that name one file.
    """
    names: dict[str, dict[FoundFile, None]] = {}
    for file in files:
        for name in _names(file):
            names.setdefault(name, {})[file] = None
    found: dict[FoundFile, ImportedRun] = {}
    rows: dict[FoundFile, str] = {}
    for row in mapping:
        log = row.log.removeprefix("./").rstrip("/")
        named = list(names.get(log, ()))
        where = f"{place}: log '{short(row.log)}'"
        if not named:
            raise InputError(
                f"{where}: none of the {len(files)} files has that name{nearest(log, names)}; take the row out, or "
                "give the directory that holds it"
            )
        folders = {folder for file in named if (folder := _folder(file, log)) is not None}
        if len(named) > 1 and (len(folders) != 1 or not all(_folder(file, log) for file in named)):
            raise InputError(f"{where}: fits several: {named[0].path}, {named[1].path}; write more of the path")
        for file in named:
            if file in found:
                raise InputError(f"{where}: {file.path} is also of the row '{short(rows[file])}'; keep one")
            found[file], rows[file] = row.run, row.log
    return found


def _names(file: FoundFile) -> set[str]:
    """Return what a row may call a file: any end of its path, with or without its ending, or a folder it lies in."""
    path = PurePosixPath(file.name)
    parts = [part for part in path.parts if part != "/"]
    ends = {"/".join(parts[start:]) for start in range(len(parts))}
    short_names = {end.removesuffix(".gz").rpartition(".")[0] for end in ends}
    folders = {"/".join(parts[start:end]) for end in range(1, len(parts)) for start in range(end)}
    return {file.name, *ends, *short_names, *folders} - {""}


def _folder(file: FoundFile, name: str) -> str | None:
    """Return the path of the folder called `name` that a file lies in."""
    inside = f"/{file.path.parent.as_posix().lstrip('/')}/"
    at = inside.rfind(f"/{name}/")
    return inside[: at + len(name) + 1] if at >= 0 else None
