"""The tables of outside things (`config/*.tsv`) as typed rows, read strictly and in one place.

A table is a dataclass: its fields are the columns, their annotations say what a cell may hold. `-` and an empty cell
mean "none" or "not known in advance" and are allowed where the field may be None or a tuple.
"""

from __future__ import annotations

import math
import re
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from polytune import ROOT
from polytune.errors import InputError, nearest, short, shown
from polytune.readers.tables import read_tsv

Row = TypeVar("Row")
NONE = ("", "-")
WORDS = {"yes": True, "no": False, "true": True, "false": False}

Name = Annotated[str, "[a-z0-9][a-z0-9.-]*"]
"""Text that becomes a part of a path."""

SourceKind = Literal["bactrian-x", "alpaca"]
"""Layout of a source: rows with an id, or rows that are parallel by their position."""


@dataclass(frozen=True)
class Base:
    """A base model: a row of `bases.tsv`, or one of the generated world. Sizes are None where they are not known."""

    base: Name
    architecture: Literal["decoder", "encoder-decoder"]
    location: str
    """A hub id, a directory, or `world`."""
    tokenizer: Name
    """Bases with the same name here share their tokenised data."""
    licence: str
    revision: str | None = None
    parameters: int | None = None
    layers: int | None = None
    hidden: int | None = None
    trusts_remote_code: bool = False
    pretraining_languages: tuple[str, ...] = ()
    counted_as_seen: tuple[str, ...] = ()
    template: Name | None = None
    """The template that the base is always tuned and prompted with, whatever a study names: `chat`, its tokenizer's."""
    notes: str | None = None

    @property
    def hub_id(self) -> str:
        """Return its id on the hub, empty for a directory and for a base of a world."""
        return self.location if re.fullmatch(r"[\w-][\w.-]*/[\w.-]+", self.location) else ""

    @property
    def seen_languages(self) -> frozenset[str]:
        """Return the languages that count as seen in pre-training: the documented ones and the overrides."""
        return frozenset(self.pretraining_languages) | frozenset(self.counted_as_seen)


@dataclass(frozen=True)
class Source:
    """An instruction source, one row of `sources.tsv`."""

    source: Name
    kind: SourceKind
    location: str | None
    """A data set on the hub, or `world:{folder}` of the generated world."""
    file: Annotated[str, r"[^{}]*\{language\}[^{}]*"]
    """Path of one language inside the location."""
    revision: str | None
    languages: tuple[str, ...]
    licence: str


OWN: dict[str, dict[str, Any]] = {"bases": {}, "sources": {}, "benchmarks": {}}
"""Rows of the configuration that was read last (`config.own.declare`), by kind and name."""


def bases() -> dict[str, Base]:
    """Return the bases of the checkout's table and of the configuration by name."""
    return {**_read_table("bases"), **OWN["bases"]}


def sources() -> dict[str, Source]:
    """Return the sources of the checkout's table and of the configuration by name."""
    return {**_read_table("sources"), **OWN["sources"]}


@cache
def _read_table(kind: str) -> dict[str, Any]:
    return {"bases": read_bases, "sources": read_sources}[kind](ROOT / "config" / f"{kind}.tsv")


def find_row(rows: Mapping[str, Row], name: str, where: str, table: str) -> Row:
    """Return one row; an unknown name is an `InputError` that says `where` it was used and which `table` lacks it."""
    if name not in rows:
        raise InputError(f"{where}: '{name}' is not in {table}{nearest(name, rows)}; there are: {', '.join(rows)}")
    return rows[name]


def read_bases(path: Path | str) -> dict[str, Base]:
    """Return the bases of a table by name."""
    return read_rows(path, Base)


def read_sources(path: Path | str) -> dict[str, Source]:
    """Return the sources of a table by name."""
    return read_rows(path, Source)


def read_rows(path: Path | str, kind: type[Row]) -> dict[str, Row]:
    """Return the rows of a table by name, the first field of `kind`, the dataclass of a row.

    Raises `InputError` naming file, row, column, the value seen and those allowed.
    """
    columns = [field.name for field in fields(kind)]
    rows = read_tsv(path, columns, columns[0])
    return {row[columns[0]]: build_row(kind, row, str(path)) for row in rows}


def build_row(kind: type[Row], values: Mapping[str, Any], where: str) -> Row:
    """Return a row from cells of a table, or from values of YAML, where keys with a default may be missing.

    `where` begins the messages of `InputError`.
    """
    hints, known = _hints(kind), fields(kind)
    name = values.get(known[0].name)
    place = f"{where}: {known[0].name} '{short(name)}'"
    for key in values:
        if key not in hints:
            raise InputError(f"{place}: unknown key '{short(key)}'{nearest(key, hints)}; there are: {', '.join(hints)}")
    cells = {}
    for field in known:
        if field.name in values:
            cells[field.name] = _convert(hints[field.name], values[field.name], f"{place}: {field.name}")
        elif field.default is MISSING:
            raise InputError(f"{place}: the key '{field.name}' is missing")
    return kind(**cells)


@cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind, include_extras=True)


def _convert(hint: Any, value: Any, place: str) -> Any:
    """Return a cell or value as the annotation of its column wants it."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    none = value is None or (isinstance(value, str) and value in NONE)
    if origin is types.UnionType or origin is typing.Union:
        return None if none else _convert(arguments[0], value, place)
    if origin is tuple:
        return _list(value, none, place)
    if none:
        raise InputError(f"{place} is empty")
    if origin is Literal:
        if value not in arguments:
            raise InputError(f"{place} is {shown(value)}{nearest(value, arguments)}; allowed: {', '.join(arguments)}")
        return value
    if origin is Annotated:
        if not isinstance(value, str) or not re.fullmatch(hint.__metadata__[0], value):
            raise InputError(f"{place} is {shown(value)}, expected text of the pattern {hint.__metadata__[0]}")
        return value
    if hint is bool:
        found = WORDS.get(value) if isinstance(value, str) else value
        if not isinstance(found, bool):
            raise InputError(f"{place} is {shown(value)}; allowed: {', '.join(WORDS)}")
        return found
    return _plain(hint, value, place)


def _list(value: Any, none: bool, place: str) -> tuple[str, ...]:
    items = [] if none else value.split() if isinstance(value, str) else value
    if not isinstance(items, list | tuple) or not all(isinstance(item, str) for item in items):
        raise InputError(f"{place} is {shown(value)}, expected a list of words")
    if twice := [item for item in items if items.count(item) > 1]:
        raise InputError(f"{place}: '{short(twice[0])}' stands twice")
    return tuple(items)


def _plain(hint: type, value: Any, place: str) -> Any:
    if hint is str and isinstance(value, str):
        return value
    if hint is int and re.fullmatch("[0-9]{1,18}", str(value)) and not isinstance(value, bool):
        return int(value)
    if hint is float and not isinstance(value, bool):
        try:
            if math.isfinite(number := float(value)):
                return number
        except (TypeError, ValueError):
            pass  # said below
    words = {str: "text", int: "a whole number", float: "a number"}
    raise InputError(f"{place} is {shown(value)}, expected {words[hint]}")
