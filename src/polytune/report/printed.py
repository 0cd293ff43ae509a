"""What a paper printed, beside what was measured: a table for every exhibit that names published values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from polytune.analysis.published import published_source
from polytune.report.exhibits import Exhibit
from polytune.report.rows import Row, read_rows
from polytune.report.studies import Reported

VALUES = ("value", "agreement", "judge", "human")
"""Columns of published files that hold what was printed."""


@dataclass(frozen=True)
class Printed:
    """Published values and their source; the last column is what was measured."""

    source: str
    header: list[str]
    rows: list[list[str]]
    remark: str


def find_printed(one: Reported, exhibit: Exhibit, folder: Path) -> Printed | None:
    """Return the published values of an exhibit, None where its study file names none or the file is not there."""
    name = exhibit.options.get("published")
    path = folder / str(name)
    if not name or not path.is_file() or not exhibit.is_there:
        return None
    table, measured = read_rows(path), read_rows(exhibit.file("csv"))
    column = exhibit.options.get("value", "r") if table and "predictor" in table[0] else "value"
    long = list(_long(table))
    keys = [key for key in long[0] if key not in VALUES] if long else []
    told = [key for key in (long[0] if long else ()) if key in VALUES]
    stand_ins = _stand_ins(one)
    index = {_key(row, keys, {}): row for row in measured if all(key in row for key in keys)}
    rows = []
    for row in long:
        found = index.get(_key(row, keys, {})) or index.get(_key(row, keys, stand_ins))
        own = found.get(column, "") if found and keys else ""
        rows.append([*(row[key] for key in keys), *(row[key] for key in told), _shown(own)])
    remark = (
        "Measured on the generated world: no measure of the published values, which are of real models and languages."
        if one.is_world
        else ""
    )
    if all(row[-1] == "" for row in rows):
        rows, here = [row[:-1] for row in rows], []
    else:
        here = ["this run"]
    heads = ["published" if key == "value" else f"published {key}" for key in told]
    return Printed(published_source(path), [*keys, *heads, *here], rows, remark)


def _long(table: Sequence[Row]) -> Iterable[dict[str, str]]:
    """Yield a row for each value: correlations are printed with a column for each language."""
    for row in table:
        if "predictor" not in row:
            yield dict(row)
            continue
        for language, value in row.items():
            if language != "predictor" and value:
                yield {"predictor": row["predictor"], "language": language, "value": value}


def _key(row: Row, keys: Iterable[str], stand_ins: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(stand_ins.get(row[key], row[key]) for key in keys)


def _stand_ins(one: Reported) -> dict[str, str]:
    """Return what stands for the paper's bases and languages in a generated world, by the names in csv files."""
    if not one.is_world or len(one.worlds) != 1:
        return {}
    bases = {name: f"{other}-{one.worlds[0]}" for name, other in one.overlay.get("bases", {}).items() if other}
    return bases | {name: other for name, other in one.overlay.get("languages", {}).items() if other}


def _shown(value: str) -> str:
    try:
        return f"{float(value):.4g}"
    except ValueError:
        return value
