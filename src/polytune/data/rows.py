"""The rows of an instruction source: what is read, what is checked, what is dropped and counted."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from polytune.errors import InputError, nearest

# Field names of the sources read here. Alpaca-style files have no id: the row's position is the id, which is what makes
# the rows of two translations of the same file parallel.
FIELDS = ("instruction", "input", "output")


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

    def drop(self, reason: str, number: int) -> None:
        """Count row `number` (from 1) as dropped for `reason`."""
        self.dropped[reason] = self.dropped.get(reason, 0) + 1
        self.first_dropped.setdefault(reason, number)


def read_records(path: Path) -> Iterator[tuple[int, dict]]:
    """Yield (row number from 1, record) of a `.json`, `.jsonl` (each also `.gz`) or `.parquet` file.

    Raises `InputError` naming file and row for invalid UTF-8, invalid JSON or a record that is no object.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    if path.suffix == ".parquet":
        yield from _read_parquet(path)
        return
    try:
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError) as error:
        raise InputError(f"{path}: not a readable gzip file: {error}") from None
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise InputError(f"{path}: invalid UTF-8 in line {line} (byte {error.start}); save the file as UTF-8") from None
    try:
        if text.lstrip()[:1] == "[":
            records = json.loads(text)
        else:
            # not splitlines(): U+2028 and its like are legal inside a JSON string
            records = [json.loads(line) for line in text.split("\n") if line.strip()]
    except json.JSONDecodeError as error:
        raise InputError(f"{path}: not valid JSON: {error}") from None
    for number, record in enumerate(records, start=1):
        if not isinstance(record, dict):
            raise InputError(f"{path}: row {number} is a {type(record).__name__}, expected an object with {FIELDS}")
        yield number, record


def _read_parquet(path: Path) -> Iterator[tuple[int, dict]]:
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(path)
    except pyarrow.ArrowException as error:
        raise InputError(f"{path}: not a readable parquet file: {error}") from None
    yield from enumerate(table.to_pylist(), start=1)


def read_rows(path: Path, kind: str, largest_dropped_share: float = 0.01) -> tuple[list[Row], Report]:
    """Read the rows of one file of a source.

    `kind` is `bactrian-x` (has `id`) or `alpaca` (has none: the position is the id). Rows with an empty instruction and
    input and output, with an empty output, with text that UTF-8 cannot write (half a surrogate pair, which JSON lets
    through), or with an id seen before are dropped and counted. Raises `InputError` for a
    missing field, a value that is no text, or when more than `largest_dropped_share` of the rows would be dropped.
    """
    if kind not in ("bactrian-x", "alpaca"):
        raise InputError(f"{path}: unknown kind of source '{kind}'; allowed: alpaca, bactrian-x")
    report = Report(file=path.name)
    rows, seen = [], set()
    for number, record in read_records(path):
        report.read += 1
        row = _checked(record, number, path, kind)
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
    if dropped > largest_dropped_share * report.read:
        reasons = ", ".join(
            f"{count} x {reason} (first in row {report.first_dropped[reason]})"
            for reason, count in report.dropped.items()
        )
        raise InputError(
            f"{path}: {dropped} of {report.read} rows would be dropped: {reasons}; more than the allowed share "
            f"{largest_dropped_share:g} (config key data.largest_dropped_share). Repair the file or raise the share."
        )
    return rows, report


def _checked(record: dict, number: int, path: Path, kind: str) -> Row:
    required = ("id", *FIELDS) if kind == "bactrian-x" else FIELDS
    for name in required:
        if name not in record:
            hint = nearest(name, record)
            raise InputError(f"{path}: row {number}: field '{name}' is missing; the row has {sorted(record)}{hint}")
        value = record[name]
        if value is None and name == "input":
            record[name] = ""
        elif not isinstance(value, str) and not (name == "id" and isinstance(value, int)):
            raise InputError(f"{path}: row {number}: field '{name}' is {value!r}, expected text")
    identifier = str(record["id"]) if kind == "bactrian-x" else f"row-{number}"
    return Row(identifier, record["instruction"], record["input"], record["output"])


def _is_unicode(row: Row) -> bool:
    try:
        f"{row.id}{row.instruction}{row.input}{row.output}".encode()
    except UnicodeEncodeError:
        return False
    return True


def row_key(identifier: str) -> int:
    """Return the 64-bit key of a row id: the first 8 bytes of its BLAKE2b hash, little-endian."""
    return int.from_bytes(hashlib.blake2b(identifier.encode("utf-8"), digest_size=8).digest(), "little")
