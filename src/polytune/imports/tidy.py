"""Scores as a CSV of anybody's making: a row per score (docs/imports.md has the columns)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from polytune.errors import InputError, nearest, short
from polytune.files import sha256_file
from polytune.imports.mapping import ImportedRun, describe_runs, whole_number
from polytune.imports.printed import Printed
from polytune.imports.rows import Row
from polytune.imports.tasks import Wanted
from polytune.languages.codes import check_languages, known_code
from polytune.readers.records import read_records

NEEDED = ("base", "selection", "seed", "languages", "benchmark", "language", "value")
OF_RUNS = ("size", "method", "variant")
OF_SCORES = ("measure", "stderr", "items", "version", "shots", "harness")
"""Columns that may be left out; any others are kept as coordinates of the run."""


def read_tidy(path: Path, wanted: list[Wanted]) -> tuple[list[Row], dict[str, int]]:
    """Return the rows of a CSV, and by benchmark how many were not asked for.

    Raises `InputError` naming file, row, column and the value seen.
    """
    records, runs, places = _read(path)
    by_name = {one.benchmark.benchmark: one for one in wanted}
    digest, rows, unknown = sha256_file(path), [], {}
    for number, (record, run, place) in enumerate(zip(records, runs, places, strict=True), start=1):
        one, language = by_name.get(record["benchmark"]), known_code(record["language"]) or record["language"]
        if one is None or (language and language not in one.expected):
            unknown[record["benchmark"]] = unknown.get(record["benchmark"], 0) + 1
            continue
        if language:
            check_languages([language], f"{place}: language")
        printed = Printed(
            task=one.task(language) if language else one.benchmark.benchmark,
            measure=record.get("measure") or "acc",
            value=_number(record, "value", place),
            line=number + 1,
            stderr=_number(record, "stderr", place),
            version=record.get("version", ""),
            shots=record.get("shots", ""),
            items=_items(record, place),
        )
        rows.append(Row(run, one, language, printed, path.as_posix(), f"{digest}:{number}", record.get("harness", "")))
    return rows, unknown


def read_runs(paths: Iterable[Path]) -> list[ImportedRun]:
    """Return the run of every row of some CSVs."""
    return [run for path in paths for run in _read(path)[1]]


def _read(path: Path) -> tuple[list[dict[str, str]], list[ImportedRun], list[str]]:
    """Return the rows, the run of each, and what messages about each begin with."""
    records = [record for _, record in read_records(path)]
    if not records:
        raise InputError(f"{path}: the table has no rows")
    if lacking := [name for name in NEEDED if name not in records[0]]:
        hint = nearest(lacking[0], records[0])
        raise InputError(f"{path}: no column '{lacking[0]}'{hint}; scores have {', '.join(NEEDED)} and further ones")
    records = [{name: str(value or "").strip() for name, value in record.items()} for record in records]
    more = [name for name in records[0] if name not in (*NEEDED, *OF_RUNS, *OF_SCORES)]
    places = [f"{path}: row {number}" for number in range(1, len(records) + 1)]
    return records, describe_runs(records, more, places), places


def _number(record: dict[str, Any], column: str, place: str) -> float:
    cell = record.get(column, "")
    if not cell and column != "value":
        return math.nan
    try:
        if math.isfinite(number := float(cell)):
            return number
    except ValueError:
        pass  # said below
    raise InputError(f"{place}: {column} is '{short(cell)}', expected a number")


def _items(record: dict[str, Any], place: str) -> int:
    cell = record.get("items", "")
    items = whole_number(cell or "0")
    if items is None:
        raise InputError(f"{place}: items is '{short(cell)}', expected a whole number")
    return items
