"""`polytune add-source`: files of instruction rows as a source of the user's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from polytune.data.rows import read_rows
from polytune.errors import InputError, counted
from polytune.languages.codes import find_code, languages
from polytune.own.base import name_of
from polytune.own.writing import write_entries
from polytune.readers.records import FORMATS, read_records

LAYOUTS = tuple(
    f"{folder}{{language}}{ending}{packed}" for folder in ("", "data/") for ending in FORMATS for packed in ("", ".gz")
)
"""Where the file of a language is looked for in a directory."""


def find_languages(directory: Path, pattern: str) -> dict[str, Path]:
    """Return the files that fit a pattern with `{language}`, by language in the order of `config/languages.tsv`.

    Raises `InputError` for a file that is named by another code than ours.
    """
    before, after = pattern.split("{language}")
    found = {}
    for path in sorted(directory.glob(f"{before}*{after}")):
        code = path.relative_to(directory).as_posix()[len(before) : -len(after) or None]
        if code not in languages() and (known := _our_code(code)):
            raise InputError(f"{path}: '{code}' is '{known}' here; rename the file, or link it")
        found[code] = path
    return {code: found[code] for code in languages() if code in found}


def _our_code(code: str) -> str:
    try:
        return find_code(code)
    except InputError:
        return ""


def command(
    path: Annotated[
        str, typer.Argument(help="Directory of the files of all languages, or their pattern with {language}.")
    ],
    config: Annotated[Path, typer.Option("--configfile", help="Your configuration file; made if it is not there.")],
    name: Annotated[str, typer.Option(help="Its name in studies. Default: the directory's.")] = "",
    licence: Annotated[str, typer.Option(help="Licence of the data.")] = "unknown",
) -> None:
    """Add a source of your own to a configuration: every file is read as the workflow will read it."""
    root, pattern, files = find_source(path)
    name = name or name_of(root)
    first = next(record for _, record in read_records(next(iter(files.values()))))
    kind = "bactrian-x" if "id" in first else "alpaca"
    for code, file in files.items():
        _, report = read_rows(file, kind, largest_dropped_share=1)
        dropped = f", {report.read - report.kept:,} dropped: {report.dropped}" if report.dropped else ""
        print(f"{code}: {report.kept:,} rows{dropped}")
    row = {
        "kind": kind,
        "location": "-",
        "file": pattern,
        "revision": "-",
        "languages": list(files),
        "licence": licence,
    }
    write_entries(config, [(("own", "sources", name), row), (("locations", "sources", name), str(root))])
    what = "rows are parallel by their id" if kind == "bactrian-x" else "rows are parallel by their position"
    print(f"{config}: source '{name}': {counted(len(files), 'language')}, {what}")


def find_source(path: str) -> tuple[Path, str, dict[str, Path]]:
    """Return the directory, the pattern below it and the files of a source."""
    if "{language}" in path:
        parts = Path(path).parts
        place = next(number for number, part in enumerate(parts) if "{language}" in part)
        root, patterns = Path(*parts[:place]), ("/".join(parts[place:]),)
    else:
        root, patterns = Path(path), LAYOUTS
    if not root.is_dir():
        raise InputError(f"{root}: no such directory")
    for pattern in patterns:
        if files := find_languages(root, pattern):
            return root.resolve(), pattern, files
    raise InputError(f"{path}: no file of a language; looked for {', '.join(patterns)}, {{language}} being a code")
