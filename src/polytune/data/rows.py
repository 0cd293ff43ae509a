"""The rows of an instruction source: what is read, what is checked, what is dropped and counted."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from polytune.config.tables import SourceKind
from polytune.data.positions import describe_positions
from polytune.errors import InputError, nearest, short, shown
from polytune.readers.records import read_records

# Field names of the sources read here. Alpaca-style files have no id: the row's position is the id, which is what makes
# the rows of two translations of the same file parallel.
FIELDS = ("instruction", "input", "output")
KINDS = get_args(SourceKind)
LONGEST_ID = 1_000  # characters
LARGEST_EXACT = 2**53  # above it a floating-point number stands for several whole ones


@dataclass
class Row:
    """One instruction and its response; `id` is shared by the translations of the row into other languages."""

    id: str
    instruction: str
    input: str
    output: str


@dataclass
class Report:
    """What happened to the rows of one file: read, kept, and dropped by reason with the first row of each."""

    file: str
    read: int = 0
    kept: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    first_dropped: dict[str, int] = field(default_factory=dict)
    positions: dict[str, Any] | None = None  # of a source without ids: data/positions.py

    def drop(self, reason: str, number: int) -> None:
        """Count row `number` (from 1) as dropped for `reason`."""
        self.dropped[reason] = self.dropped.get(reason, 0) + 1
        self.first_dropped.setdefault(reason, number)


def read_rows(path: Path, kind: str, largest_dropped_share: float = 0.01) -> tuple[list[Row], Report]:
    """Read the rows of one file of a source.

    `kind` is `bactrian-x` (has `id`) or `alpaca` (has none: the position is the id). A null input or output is empty.
    Rows with an empty output, with text that UTF-8 cannot write (half a surrogate pair, which JSON lets through), or
    with an id seen before (`1` and `"1"` are one id) are dropped and counted. Raises `InputError` for a missing field,
    a value that is no text, an id that is none, or when more than `largest_dropped_share` of the rows would be dropped.
    """
    if kind not in KINDS:
        raise InputError(f"{path}: unknown kind of source '{kind}'{nearest(kind, KINDS)}; allowed: {', '.join(KINDS)}")
    if not 0 <= largest_dropped_share <= 1:
        raise InputError(f"data.largest_dropped_share: {largest_dropped_share} is no share; expected 0 to 1")
    report = Report(file=path.name)
    rows, seen = [], set()
    empty_inputs, prompt_lengths = [], []
    for number, record in read_records(path):
        report.read += 1
        row = _checked(record, number, path, kind)
        empty_inputs.append(not row.input.strip())
        prompt_lengths.append(len(row.instruction) + len(row.input))
        if not row.output.strip():
            report.drop("empty output", number)
        elif not _is_unicode(row):
            report.drop("half a surrogate pair", number)
        elif row.id in seen:
            report.drop("duplicate id", number)
        else:
            seen.add(row.id)
            rows.append(row)
    report.kept = len(rows)
    dropped = report.read - report.kept
    if not report.read:
        raise InputError(f"{path}: holds no rows")
    if not rows:
        raise InputError(f"{path}: none of {report.read} rows can be kept: {', '.join(report.dropped)}")
    if dropped > largest_dropped_share * report.read:
        reasons = ", ".join(
            f"{count} x {reason} (first in row {report.first_dropped[reason]})"
            for reason, count in report.dropped.items()
        )
        raise InputError(
            f"{path}: {dropped} of {report.read} rows would be dropped: {reasons}; more than the allowed share "
            f"{largest_dropped_share:g} (config key data.largest_dropped_share). Repair the file or raise the share."
        )
    if kind == "alpaca":
        report.positions = describe_positions(empty_inputs, prompt_lengths)
    return rows, report


def _checked(record: dict, number: int, path: Path, kind: str) -> Row:
    texts = []
    for name in FIELDS if kind == "alpaca" else ("id", *FIELDS):
        if name not in record:
            fields = ", ".join(map(short, list(record)[:20]))
            hint = nearest(name, record)
            raise InputError(f"{path}: row {number}: field '{name}' is missing; the row has {fields}{hint}")
        value = record[name]
        if name == "id":
            value = _identifier(value, f"{path}: row {number}")
        elif value is None and name != "instruction":
            value = ""
        elif not isinstance(value, str):
            raise InputError(f"{path}: row {number}: field '{name}' is {shown(value)}, expected text")
        texts.append(value)
    return Row(f"row-{number}", *texts) if kind == "alpaca" else Row(*texts)


def _identifier(value: Any, where: str) -> str:
    """Return an id as text; a whole number that was stored with a point is the same number."""
    if isinstance(value, float) and value.is_integer() and abs(value) < LARGEST_EXACT:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, (str, int)) or value == "":
        raise InputError(f"{where}: field 'id' is {shown(value)}, expected text or a whole number")
    if len(str(value)) > LONGEST_ID:
        raise InputError(f"{where}: field 'id' has {len(str(value))} characters; at most {LONGEST_ID} are an id")
    return str(value)


def _is_unicode(row: Row) -> bool:
    try:
        f"{row.id}{row.instruction}{row.input}{row.output}".encode()
    except UnicodeEncodeError:
        return False
    return True


def row_key(identifier: str) -> int:
    """Return the 64-bit key of a row id: the first 8 bytes of its BLAKE2b hash, little-endian."""
    return int.from_bytes(hashlib.blake2b(identifier.encode("utf-8"), digest_size=8).digest(), "little")
