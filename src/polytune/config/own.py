"""What a user's configuration has beside the tables of the checkout: bases, sources and benchmarks of their own.

The section `own` has a mapping from a name to the columns of each table. `polytune add-base`, `add-source` and
`add-benchmark` write such entries; planning takes them as rows of the tables.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from polytune.config import benchmarks, tables
from polytune.errors import InputError

KINDS: dict[str, tuple[Callable[[], Mapping[str, Any]], Callable[[Any, str], Any]]] = {
    "bases": (tables.bases, lambda values, where: tables.build_row(tables.Base, values, where)),
    "sources": (tables.sources, lambda values, where: tables.build_row(tables.Source, values, where)),
    "benchmarks": (benchmarks.benchmarks, benchmarks.Benchmark.from_json),
}
"""The rows that there are, and what makes a row of values, by the kind of a thing."""


def declare(own: Mapping[str, Mapping[str, Any]], where: str) -> None:
    """Take the entries of a configuration as rows of the tables, in place of those of one that was read before.

    Raises `InputError` that begins with `where` for a wrong entry, and for a name that a table has.
    """
    for kind, (listed, read) in KINDS.items():
        tables.OWN[kind], rows = {}, {}
        for name, values in own[kind].items():
            if name in listed():
                raise InputError(f"{where}: own.{kind}.{name}: config/{kind}.tsv has this name; choose another")
            rows[name] = read({kind.removesuffix("s"): name, **values}, f"{where}: own.{kind}")
        tables.OWN[kind] = rows
