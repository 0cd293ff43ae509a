"""`polytune add-source`: files of instruction rows as a source of the user's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from polytune.data.positions import correspond
from polytune.data.rows import Report, Row, read_rows
from polytune.errors import InputError, counted
from polytune.languages.codes import find_code, languages
from polytune.own.base import name_of
from polytune.own.writing import write_entries
from polytune.readers.records import FORMATS, read_records

PLACE = "{language}"
LAYOUTS = tuple(
    f"{folder}{PLACE}{ending}{packed}" for folder in ("", "data/") for ending in FORMATS for packed in ("", ".gz")
)
"""Where the file of a language is looked for in a directory."""


def find_languages(directory: Path, pattern: str) -> dict[str, Path]:
    """Return the files that fit a pattern with `{language}`, by language in the order of `config/languages.tsv`.

    Files that are named by no language are left out, which is said where others fit. Raises `InputError` for a file
    that is named by another code than ours, and for a pattern in which the language does not stand once.
    """
    if pattern.count(PLACE) != 1:
        raise InputError(f"{pattern}: {PLACE} stands {pattern.count(PLACE)} times in the pattern; it must stand once")
    before, after = pattern.split(PLACE)
    found = {}
    for path in sorted(directory.glob(f"{before}*{after}")):
        code = path.relative_to(directory).as_posix()[len(before) : -len(after) or None]
        if code not in languages() and (known := _our_code(code)):
            raise InputError(f"{path}: '{code}' is '{known}' here; rename the file, or link it")
        found[code] = path
    mine = {code: found[code] for code in languages() if code in found}
    if mine and (unknown := [path.name for code, path in found.items() if code not in mine]):
        print(f"left out, since config/languages.tsv has no such language: {' '.join(unknown)}")
    return mine


def read_first(file: Path) -> dict[str, Any]:
    """Return the first record of a file; raises `InputError` for one that has none."""
    first = next((record for _, record in read_records(file)), None)
    if first is None:
        raise InputError(f"{file}: holds no rows")
    return first


def find_kind(files: Mapping[str, Path]) -> str:
    """Return the kind of a source: `bactrian-x` if its rows have ids, else `alpaca`; all files must be of one."""
    having = {code: "id" in read_first(file) for code, file in files.items()}
    if len(set(having.values())) > 1:
        with_ids, without = ([code for code in files if having[code] is wanted] for wanted in (True, False))
        raise InputError(
            f"{files[without[0]]}: the rows of {', '.join(with_ids)} have ids and those of {', '.join(without)} have "
            "none; give all of them ids, or none: then they are parallel by their position"
        )
    return "bactrian-x" if all(having.values()) else "alpaca"


def describe_parallel(rows: Mapping[str, list[Row]], reports: Mapping[str, Report]) -> str:
    """Return in words which rows of a source are translations of one another."""
    if len(rows) < 2:
        return "one language"
    if any(report.positions for report in reports.values()):
        reason = correspond({code: vars(report) for code, report in reports.items()})
        return f"rows are not parallel: {reason}" if reason else "rows are parallel by their position"
    common = set.intersection(*({row.id for row in of_language} for of_language in rows.values()))
    if not common:
        return "rows are not parallel: no id is in every language"
    return f"rows are parallel by their id, of which {len(common):,} are in every language"


def _others(directory: Path, patterns: Sequence[str]) -> list[str]:
    """Return the files of languages that fit other patterns than the one that is read."""
    named = (pattern.replace(PLACE, code) for pattern in patterns for code in languages())
    return [name for name in named if (directory / name).is_file()]


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
    kind = find_kind(files)
    read = {code: read_rows(file, kind, largest_dropped_share=1) for code, file in files.items()}
    for code, (_, report) in read.items():
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
    what = describe_parallel(*({code: pair[place] for code, pair in read.items()} for place in (0, 1)))
    print(f"{config}: source '{name}': {counted(len(files), 'language')}, {what}")


def find_source(path: str) -> tuple[Path, str, dict[str, Path]]:
    """Return the directory, the pattern below it and the files of a source."""
    if PLACE in path:
        parts = Path(path).parts
        place = next(number for number, part in enumerate(parts) if PLACE in part)
        root, patterns = Path(*parts[:place]), ("/".join(parts[place:]),)
    else:
        root, patterns = Path(path), LAYOUTS
    if not root.is_dir():
        raise InputError(f"{root}: no such directory")
    for number, pattern in enumerate(patterns):
        if files := find_languages(root, pattern):
            if others := _others(root, patterns[number + 1 :]):
                print(f"left out, since {pattern} is read: {' '.join(others)}")
            return root.resolve(), pattern, files
    raise InputError(f"{path}: no file of a language; looked for {', '.join(patterns)}, {{language}} being a code")
