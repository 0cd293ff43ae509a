"""The base models that a study may tune: one row each of `config/bases.tsv`."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from polytune.errors import InputError, nearest
from polytune.files import read_tsv

ARCHITECTURES = ("decoder", "encoder-decoder")
NONE = "-"


@dataclass(frozen=True)
class Base:
    """A base model. Sizes are None where they are not known in advance (the generated world's bases)."""

    base: str
    title: str
    architecture: str
    location: str
    revision: str | None
    tokenizer: str
    template: str
    parameters: int | None
    layers: int | None
    hidden: int | None
    vocabulary: int | None
    trusts_remote_code: bool
    pretraining_languages: tuple[str, ...]
    counted_as_seen: tuple[str, ...]
    licence: str
    notes: str | None

    @property
    def seen_languages(self) -> frozenset[str]:
        """Return the languages that count as seen in pre-training: the documented ones and the overrides."""
        return frozenset(self.pretraining_languages) | frozenset(self.counted_as_seen)


COLUMNS = tuple(field.name for field in fields(Base))
COUNTS = ("parameters", "layers", "hidden", "vocabulary")
LISTS = ("pretraining_languages", "counted_as_seen")


def read_bases(path: Path | str) -> dict[str, Base]:
    """Read `bases.tsv`, by name; raises `InputError` naming file, row, column, the value seen and those allowed."""
    bases: dict[str, Base] = {}
    for row in read_tsv(path):
        if tuple(row) != COLUMNS:
            raise InputError(f"{path}: the columns are {' '.join(row)}; expected {' '.join(COLUMNS)}")
        name = row["base"]
        if name in bases:
            raise InputError(f"{path}: base '{name}' stands in two rows")
        if row["architecture"] not in ARCHITECTURES:
            allowed = nearest(row["architecture"], ARCHITECTURES)
            raise InputError(
                f"{path}: base '{name}': architecture '{row['architecture']}' is none of "
                f"{', '.join(ARCHITECTURES)}{allowed}"
            )
        if row["trusts_remote_code"] not in ("true", "false"):
            raise InputError(
                f"{path}: base '{name}': trusts_remote_code is '{row['trusts_remote_code']}', expected true or false"
            )
        values: dict = {column: None if value == NONE else value for column, value in row.items()}
        values["trusts_remote_code"] = row["trusts_remote_code"] == "true"
        for column in COUNTS:
            if values[column] is not None:
                if not values[column].isdecimal():
                    raise InputError(f"{path}: base '{name}': {column} is '{values[column]}', expected a whole number")
                values[column] = int(values[column])
        for column in LISTS:
            values[column] = tuple((values[column] or "").split())
        bases[name] = Base(**values)
    return bases
