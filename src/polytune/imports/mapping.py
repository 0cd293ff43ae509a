"""The mapping: a CSV that says which run each log is of. It is the user's, no name of a file is interpreted.

    log,base,selection,size,seed,languages,rank
    bloom-geo-1.log,bloom-1b7,GEO,14,66,"af bn et fr gu he hr id ja kk mn sw ta vi",64
    bloom.log,bloom-1b7,,,,,

`log` is a file, or a folder with all results of a run. A row without languages is the untuned base. Columns beyond
these six are kept as coordinates of the run; `method` and `variant` become its method and variant.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from polytune.errors import InputError, nearest, short
from polytune.languages.codes import split_languages
from polytune.readers.tables import read_tsv

COLUMNS = ("log", "base", "selection", "size", "seed", "languages")
UNTUNED = ("", "base", "none", "-")
"""What a row of an untuned base may have as its selection."""
IMPORTED = "imported"
"""The method of a run whose mapping has no column `method`."""


@dataclass(frozen=True)
class ImportedRun:
    """One run that was measured elsewhere."""

    base: str
    selection: str
    seed: int
    languages: tuple[str, ...]
    size: int | float | str = ""
    method: str = IMPORTED
    variant: str = ""
    more: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """Further columns."""

    @property
    def path(self) -> str:
        """Return its name, `base/method/mixture/seedN`."""
        if not self.languages:
            return f"{self.base}/base/none/seed0"
        method = f"{self.method}-{self.variant}" if self.variant else self.method
        return f"{self.base}/{method}/{self.mixture}/seed{self.seed}"

    @property
    def mixture(self) -> str:
        """Return the name of its mixture: selection and size, as a part of a path."""
        words = f"{self.selection}-{self.size}" if self.size != "" else self.selection
        return re.sub("[^a-z0-9]+", "-", words.lower()).strip("-") if self.languages else "none"


@dataclass(frozen=True)
class MappedLog:
    """One row of the mapping."""

    log: str
    run: ImportedRun


def read_mapping(path: Path | str) -> list[MappedLog]:
    """Return the rows of a mapping; raises `InputError` naming file, row, column and the value seen."""
    rows = read_tsv(path, name_column="log")
    lacking = [column for column in COLUMNS if column not in rows[0]]
    if lacking:
        hint = nearest(lacking[0], rows[0])
        raise InputError(f"{path}: no column '{lacking[0]}'{hint}; a mapping has {', '.join(COLUMNS)}, and any further")
    more = [column for column in rows[0] if column not in (*COLUMNS, "method", "variant")]
    runs = describe_runs(rows, more, [f"{path}: log '{short(row['log'])}'" for row in rows])
    return [MappedLog(row["log"], run) for row, run in zip(rows, runs, strict=True)]


def describe_runs(rows: list[Mapping[str, str]], more: Collection[str], places: Iterable[str]) -> list[ImportedRun]:
    """Return the run of each row of a mapping (or of scores that carry it); `places` begin messages of `InputError`.

    Columns in which every cell is a number become numbers. Rows of one run must agree in everything, and a selection is
    written in one way: figures would draw `GEO` and `geo` as two.
    """
    numbers = {column: _numbers(row[column] for row in rows) for column in ("size", *more) if column in rows[0]}
    found: dict[str, tuple[ImportedRun, str]] = {}
    selections: dict[str, tuple[str, str]] = {}
    runs = []
    for row, place in zip(rows, places, strict=True):
        run = _describe(row, {name: _value(row[name], whole) for name, whole in numbers.items()}, place)
        written, before = selections.setdefault(run.selection.casefold(), (run.selection, place))
        if written != run.selection:
            raise InputError(
                f"{place}: selection is '{short(run.selection)}', but '{short(written)}' in {before}: write it in one "
                "way, or give two selections two names"
            )
        known, before = found.setdefault(run.path, (run, place))
        if known != run:
            raise InputError(
                f"{place}: describes the run '{run.path}' otherwise than {before}: {_difference(known, run)}; give the "
                "two another 'selection', 'size', 'seed', or a column 'variant'"
            )
        runs.append(run)
    return runs


def _describe(row: Mapping[str, str], values: dict[str, Any], place: str) -> ImportedRun:
    base, selection = row["base"], row["selection"]
    languages = _languages(row["languages"], f"{place}: languages")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", base):
        raise InputError(f"{place}: base is '{short(base)}', expected a name of letters, digits, '.', '_' and '-'")
    untuned = selection.lower() in UNTUNED
    if untuned and languages:
        raise InputError(f"{place}: languages are given, but no selection: name it ('all', 'random', ...)")
    if not untuned and not languages:
        raise InputError(
            f"{place}: selection is '{short(selection)}', but no languages are given; list them, or leave the "
            "selection empty for the untuned base"
        )
    seed = whole_number(row["seed"] or ("0" if untuned else ""))
    if seed is None:
        raise InputError(f"{place}: seed is '{short(row['seed'])}', expected a whole number")
    size = values.pop("size", "")
    if untuned:
        return ImportedRun(base, "", 0, (), more=values)
    words = {key: row[key] for key in ("method", "variant") if row.get(key)}
    for key, word in words.items():
        if not re.fullmatch("[a-z0-9]+" if key == "variant" else "[a-z0-9-]+", word):
            raise InputError(f"{place}: {key} is '{short(word)}', expected a word of a-z and 0-9")
    return ImportedRun(base, selection, seed, languages, size, **words, more=values)


def whole_number(cell: str) -> int | None:
    """Return the whole number in a cell, None for anything else; tables in which cells lack write 66 as 66.0."""
    return int(cell.partition(".")[0]) if re.fullmatch(r"[0-9]{1,18}(\.0*)?", cell) else None


def _languages(cell: str, place: str) -> tuple[str, ...]:
    """Return our codes of the languages in a cell, by any names."""
    try:
        codes = split_languages(cell)
    except InputError as error:
        raise InputError(f"{place}: {error}") from None
    if twice := [code for code in codes if codes.count(code) > 1]:
        raise InputError(f"{place}: '{twice[0]}' stands twice")
    return tuple(codes)


def _numbers(cells: Iterable[str]) -> bool | None:
    """Return whether all cells that are filled are whole numbers, None if they are not even numbers."""
    filled = [cell for cell in cells if cell]
    if all(re.fullmatch(r"-?[0-9]{1,15}", cell) for cell in filled):
        return True if filled else None
    number = r"-?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]{1,2})?"
    return False if all(re.fullmatch(number, cell) for cell in filled) else None


def _value(cell: str, whole: bool | None) -> int | float | str | None:
    if whole is None:
        return cell
    if not cell:
        return ""
    return int(cell) if whole else float(cell)


def _difference(first: ImportedRun, other: ImportedRun) -> str:
    mine, theirs = ({**vars(run), **run.more, "more": None} for run in (first, other))
    name = next(key for key in mine if mine[key] != theirs.get(key))
    return f"{name} is {theirs.get(name)} here and {mine[name]} there"
