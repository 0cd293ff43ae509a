"""The tables in `config/`: tab-separated, one row per thing, the first column its name."""

from __future__ import annotations

import csv
import re
from collections.abc import Collection
from pathlib import Path

from polytune.errors import InputError, nearest, short
from polytune.readers.text import read_text

LINE_END = re.compile(r"\r\n|\n|\r")


def read_tsv(
    path: Path | str, columns: Collection[str] | None = None, name_column: str | None = None
) -> list[dict[str, str]]:
    """Return the rows of a table with a header line; lines that begin with `#` are comments.

    Cells are separated by tabs, or by commas if the file's name ends in `.csv`. Spaces around a cell, empty cells
    beyond the last column and quotes around a whole cell do not count. With `columns` the table must have just these,
    in any order; `name_column`, by default the first, names the rows. Raises `InputError` that names file, row and what
    is wrong: a missing or repeated column, a cell too many or too few, a name twice, an open quote, no rows.
    """
    delimiter = "," if Path(path).suffix == ".csv" else "\t"
    header: list[str] = []
    rows: dict[str, dict[str, str]] = {}
    for number, line in enumerate(LINE_END.split(read_text(path)), start=1):
        if line.startswith("#") or not line.strip():
            continue
        cells = _cells(line, delimiter, f"{path}: line {number}")
        if not header:
            header = _header(cells, columns, path)
            column = header.index(name_column) if name_column in header else 0
            continue
        while len(cells) > len(header) and not cells[-1]:
            cells.pop()
        name = cells[column] if column < len(cells) else ""
        place = f"{path}: row {len(rows) + 1} ({short(name)})"
        if len(cells) != len(header):
            raise InputError(f"{place} has a wrong number of columns: {len(cells)}, the header has {len(header)}")
        if cells == header:
            raise InputError(f"{place} repeats the header; is the table joined from two?")
        if not name:
            raise InputError(f"{place}: {header[column]} is empty")
        if name in rows:
            raise InputError(f"{path}: {header[column]} '{short(name)}' stands in two rows; keep one")
        rows[name] = dict(zip(header, cells, strict=True))
    if not rows:
        raise InputError(f"{path}: the table has no rows" + ("" if header else ", not even a header"))
    return list(rows.values())


def _cells(line: str, delimiter: str, place: str) -> list[str]:
    try:
        (cells,) = csv.reader([line], delimiter=delimiter, strict=True)
    except csv.Error as error:
        raise InputError(f"{place}: a quote that begins a cell must end it: {error}") from None
    return [cell.strip() for cell in cells]


def _header(cells: list[str], columns: Collection[str] | None, path: Path | str) -> list[str]:
    while cells and not cells[-1]:
        cells.pop()
    if twice := [name for name in cells if cells.count(name) > 1]:
        raise InputError(f"{path}: the column '{short(twice[0])}' stands twice in the header")
    if columns is not None and set(cells) != set(columns):
        odd = [name for name in cells if name not in columns]
        hint = nearest(odd[0], [name for name in columns if name not in cells]) if odd else ""
        names = ", ".join(map(short, cells))
        raise InputError(f"{path}: the columns are {names}; they must be {', '.join(columns)}{hint}")
    return cells
