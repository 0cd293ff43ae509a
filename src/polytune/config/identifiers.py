"""Language identifiers (`config/identifiers.tsv`, a typed row each) and what they call the languages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from polytune import ROOT
from polytune.config.tables import Name, build_row, find_row, read_rows
from polytune.errors import InputError, nearest, shown
from polytune.readers.tables import read_tsv

Backend = Literal["fasttext", "py3langid", "world"]
"""What reads the identifier's model."""

CODES = ROOT / "config" / "languages" / "identifier-codes.tsv"


@dataclass(frozen=True)
class Identifier:
    """One row of the table."""

    identifier: Name
    title: str
    backend: Backend
    location: str | None
    """A model on the hub; None where nothing is fetched."""
    file: str | None
    """The model inside the location."""
    revision: str | None
    licence: str

    @classmethod
    def from_json(cls, values: Any, where: str) -> Identifier:
        """Return the identifier of a spec; raises `InputError` that begins with `where`."""
        if not isinstance(values, dict):
            raise InputError(f"{where}: is {shown(values)}; it must be a row of identifiers.tsv")
        return build_row(cls, values, where)


@cache
def identifiers() -> dict[str, Identifier]:
    """Return the identifiers of the checkout's table by name; raises `InputError` for a broken one."""
    return read_identifiers(ROOT / "config" / "identifiers.tsv")


def read_identifiers(path: Path | str) -> dict[str, Identifier]:
    """Return the identifiers of a table by name; raises `InputError` naming file, row, column and value."""
    rows = read_rows(path, Identifier)
    for row in rows.values():
        if row.backend == "fasttext" and not row.file:
            raise InputError(f"{path}: identifier '{row.identifier}': file is empty; fasttext needs a model file")
    return rows


def find_identifier(name: str, where: str) -> Identifier:
    """Return one identifier; an unknown one is an `InputError` that begins with `where`."""
    return find_row(identifiers(), name, where, "config/identifiers.tsv")


def codes_of(identifier: Identifier, path: Path | str = CODES) -> dict[str, str]:
    """Return our code of each label of an identifier; nothing for `world`, whose labels are our codes.

    Raises `InputError` for a table without the identifier's column, and for a label that stands for two languages.
    """
    if identifier.backend == "world":
        return {}
    rows = read_tsv(path, name_column="language")
    if identifier.identifier not in rows[0]:
        columns: Iterable[str] = [name for name in rows[0] if name != "language"]
        hint = nearest(identifier.identifier, columns)
        raise InputError(f"{path}: no column '{identifier.identifier}'{hint}; there are: {', '.join(columns)}")
    codes: dict[str, str] = {}
    for row in rows:
        for label in row[identifier.identifier].split():
            if label in codes:
                where = f"{path}: language '{row['language']}': {identifier.identifier}"
                raise InputError(f"{where}: label '{label}' is already {codes[label]}'s")
            codes[label] = row["language"]
    return codes
