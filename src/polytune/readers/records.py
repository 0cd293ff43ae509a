"""Records: the rows of a data set as mappings, whatever kind of file holds them.

JSON (a list of objects, objects one after the other, or a list under one key), parquet, CSV and TSV with a header; each
may be compressed with gzip. What is unusual and clear is read and said, what is unclear is refused.
"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from polytune.errors import InputError, short, shown, word
from polytune.readers.json import line_of, scan, skip_space
from polytune.readers.parquet import MARK, read_table, refuse_broken
from polytune.readers.text import first_bytes, read_text, say

LINES = (".jsonl", ".ndjson")
FORMATS = (".json", *LINES, ".parquet", ".csv", ".tsv")
"""Endings of the files that are read, each also with `.gz` after it."""

WRAPPERS = ("data", "rows", "records", "examples", "instances", "items", "train", "validation", "test")
"""Keys under which the rows of a file may lie beside other keys."""

DEEPEST = 64  # levels of a record


def read_records(path: Path | str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (row number from 1, record) of a file of one of `FORMATS`; files with another ending are read as JSON.

    Values of CSV and TSV are text. Raises `InputError` naming file and row for everything that is no record, before the
    first one is yielded.
    """
    path = Path(path)
    ending = path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix
    if ending == ".parquet" or first_bytes(path, len(MARK)) == MARK:
        if ending != ".parquet":
            say(f"{path}: is a parquet file although its name does not end in .parquet; read as such")
        table = read_table(path)
        records = refuse_broken(path, table.to_pylist)
    elif ending in (".csv", ".tsv"):
        records = _read_separated(path, "," if ending == ".csv" else "\t")
    else:
        records = _read_json(path, ending)
    for number, record in enumerate(records, start=1):
        if not isinstance(record, dict):
            raise InputError(
                f"{path}: row {number} is {word(record)} ({shown(record)}), expected an object with named fields"
            )
    yield from enumerate(records, start=1)


def _read_json(path: Path, ending: str) -> list[Any]:
    text = read_text(path)
    start = skip_space(text)
    if text.startswith("<", start):
        raise InputError(f"{path}: is a page of HTML or XML, expected JSON; fetch the file itself")
    listed = text.startswith("[", start)
    values = list(_list_values(text, start, path) if listed else _stream_values(text, start, path))
    if len(values) == 1 and not listed and ending not in LINES and isinstance(values[0], dict):
        return _unwrapped(values[0], path)
    return values


def _stream_values(text: str, position: int, path: Path) -> Iterator[Any]:
    """Yield JSON values that follow each other with any space between: lines that end with LF, CR or both."""
    number = 0
    while position < len(text):
        number += 1
        value, position = _scan_record(text, position, f"{path}: row {number}")
        yield value
        position = skip_space(text, position)


def _list_values(text: str, position: int, path: Path) -> Iterator[Any]:
    """Yield the values of the JSON list that begins at `position`, one by one so that faults have a row number."""
    number, position = 0, skip_space(text, position + 1)
    while not (number == 0 and text.startswith("]", position)):
        number += 1
        value, position = _scan_record(text, position, f"{path}: row {number}")
        yield value
        position = skip_space(text, position)
        if text.startswith("]", position):
            break
        if not text.startswith(",", position):
            early = "the file ends early: is it cut?" if position == len(text) else "a comma or ']' is missing"
            raise InputError(f"{path}: not valid JSON: after row {number} in line {line_of(text, position)}: {early}")
        position = skip_space(text, position + 1)
    if skip_space(text, position + 1) < len(text):
        raise InputError(f"{path}: line {line_of(text, position)}: something follows the list of {number} rows")


def _scan_record(text: str, start: int, place: str) -> tuple[Any, int]:
    value, end = scan(text, start, place)
    if text.count("[", start, end) + text.count("{", start, end) > DEEPEST and not _is_shallow(value, DEEPEST):
        raise InputError(f"{place}: nested deeper than {DEEPEST} levels")
    return value, end


def _is_shallow(value: Any, levels: int) -> bool:
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return not parts or (levels > 0 and all(_is_shallow(part, levels - 1) for part in parts))


def _unwrapped(value: dict[str, Any], path: Path) -> list[Any]:
    """Return the rows of a JSON file that holds one object: those under its one key with rows, else the object."""
    lists = [
        key for key, item in value.items() if isinstance(item, list) and all(isinstance(row, dict) for row in item)
    ]
    if len(lists) == 1 and (len(value) == 1 or lists[0] in WRAPPERS):
        say(f"{path}: recognised a list of {len(value[lists[0]])} rows under the key '{short(lists[0])}'")
        return value[lists[0]]
    items = list(value.values())
    if len(lists) > 1 and any(key in WRAPPERS for key in lists):
        what = f"lists of rows under the keys {', '.join(map(short, lists[:4]))}"
    elif len(items) > 1 and all(isinstance(item, dict) for item in items):
        what = f"one object that holds {len(items)} others ({', '.join(map(short, list(value)[:4]))}, ...)"
    elif len(items) > 1 and all(isinstance(item, list) for item in items) and len(set(map(len, items))) == 1:
        what = f"{len(items)} columns ({', '.join(map(short, list(value)[:4]))}, ...)"
    else:
        return [value]
    raise InputError(f"{path}: recognised {what}; expected a list of rows: write [row, row, ...] or one row a line")


def _read_separated(path: Path, delimiter: str) -> list[dict[str, Any]]:
    csv.field_size_limit(sys.maxsize)  # the library's limit, 131,072 characters, is shorter than long answers
    lines = io.StringIO(read_text(path), newline="")
    above = 0  # lines of comments above the header
    while (here := lines.tell()) >= 0 and lines.readline().startswith("# "):
        above += 1
    lines.seek(here)
    rows = csv.reader(lines, delimiter=delimiter, strict=True)
    records, header = [], None
    try:
        for cells in rows:
            if not cells:
                continue
            if header is None:
                header = _header(cells, path)
            elif len(cells) != len(header):
                raise InputError(
                    f"{path}: row {len(records) + 1} (line {above + rows.line_num}) has {len(cells)} columns, "
                    f"the header has {len(header)}"
                )
            else:
                records.append(dict(zip(header, cells, strict=True)))
    except csv.Error as error:
        raise InputError(
            f"{path}: row {len(records) + 1} (line {above + rows.line_num}): {error}; put a field with quotes into "
            "quotes and double those inside"
        ) from None
    return records


def _header(cells: list[str], path: Path) -> list[str]:
    names = [cell.strip() for cell in cells]
    if twice := [name for name in names if names.count(name) > 1]:
        raise InputError(f"{path}: the column '{short(twice[0])}' stands twice in the header")
    return names
