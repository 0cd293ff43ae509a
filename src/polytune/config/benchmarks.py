"""Benchmarks (`config/benchmarks.tsv`, a typed row each), and evaluations: a benchmark on data of one origin."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from polytune import ROOT
from polytune.config.fields import Field
from polytune.config.tables import OWN, build_row, read_rows
from polytune.errors import InputError, nearest, shown

Origin = Literal["world", "directory", "hub"]
"""Where a benchmark's data comes from: generated, given by the user, or fetched once."""

EVERY_TASK = "all"
"""As languages of an evaluation: every task with the benchmark's prefix, the data's own task files included."""

NAME = "[a-z0-9-]+"
SHOWN = ("title", "chance", "parallel", "revision")
"""Columns that decide no result of a benchmark."""


@dataclass(frozen=True)
class Benchmark:
    """One row of the table: a family of multiple-choice tasks of the harness, one per language."""

    benchmark: Annotated[str, NAME]
    harness_folder: str
    """Folder of the harness's task files, below `lm_eval/tasks`."""
    task_prefix: str
    """A task is this prefix followed by the harness's language code."""
    code_scheme: Literal["language", "iso639_3", "xwinograd", "flores"]
    """Column of `config/languages.tsv` that has the harness's codes; `language` where they are ours."""
    hub_id: Annotated[str, r"[\w-][\w.-]*(/[\w-][\w.-]*)?"]
    """Data set on the Hugging Face hub, as the harness's task files name it; also the folder below the data root."""
    split: str
    """The split that is evaluated."""
    languages: tuple[str, ...]
    """The harness's language codes."""
    columns: tuple[str, ...]
    """The columns of the data and what they may hold (`config.fields`)."""

    # what decides no result, only how it is shown or where its data was fetched: no part of a run's spec
    title: str = ""
    """The name as papers write it."""
    chance: float = 0.5
    """Accuracy of guessing."""
    parallel: bool = False
    """Whether the languages' items are translations of one another, item by item."""
    revision: str | None = None
    """What is fetched of it."""

    @cached_property
    def fields(self) -> tuple[Field, ...]:
        """Return the declared columns."""
        return tuple(map(Field.parse, self.columns))

    @classmethod
    def from_json(cls, values: Any, where: str) -> Benchmark:
        """Return the benchmark of a spec; raises `InputError` that begins with `where`."""
        if not isinstance(values, dict):
            raise InputError(f"{where}: is {shown(values)}; it must be a row of benchmarks.tsv")
        return _checked(build_row(cls, values, where), where)


@dataclass(frozen=True)
class Evaluation:
    """A benchmark on data of one origin, under the name that its results have."""

    name: str
    benchmark: Benchmark
    origin: Origin
    directory: str
    """Data root: a directory with data sets in folders named like their hub ids."""
    languages: tuple[str, ...] | str | None
    """Only these languages, `all` (`EVERY_TASK`), or None: those of the benchmark."""
    items: int | None = None
    """Items of each language at most, a sample (`evaluation.documents.sample`); None: all."""

    def to_json(self) -> dict[str, Any]:
        """Return what decides its results, as plain values: not where its data lies, and not how it is shown."""
        values = asdict(self)
        del values["directory"]
        if self.items is None:
            del values["items"]  # which no spec had before there were samples
        values["benchmark"] = {key: value for key, value in values["benchmark"].items() if key not in SHOWN}
        return values

    @classmethod
    def from_json(cls, values: Any, where: str, data: Mapping[str, str]) -> Evaluation:
        """Return the evaluation of a spec (`to_json`); its key `fingerprint` is the workflow's.

        `data` are the data roots by origin and name (`world/xcopa`), where the spec names no directory. Raises
        `InputError` that begins with `where`.
        """
        keys = [field.name for field in fields(cls)]
        if isinstance(values, dict) and values:
            directory = data.get(f"{values.get('origin')}/{values.get('name')}", "")
            values = {"directory": directory, "items": None, **values}
        if not isinstance(values, dict) or set(values) - {"fingerprint"} != set(keys):
            raise InputError(f"{where}: is {shown(values)}; it must have the keys {', '.join(keys)} and no others")
        name, benchmark, origin, directory, languages, items = (values[key] for key in keys)
        if not isinstance(name, str) or not re.fullmatch(NAME, name):
            raise InputError(f"{where}: name is {shown(name)}; it must be of a-z, 0-9 and -")
        if origin not in get_args(Origin):
            allowed = get_args(Origin)
            raise InputError(
                f"{where}: origin is {shown(origin)}{nearest(origin, allowed)}; allowed: {', '.join(allowed)}"
            )
        if not isinstance(directory, str) or not directory:
            raise InputError(
                f"{where}: directory is {shown(directory)}; name the data root: --data {origin}/{name}=DIR"
            )
        if isinstance(languages, list) and languages and all(isinstance(code, str) for code in languages):
            languages = tuple(languages)
        elif languages not in (None, EVERY_TASK):
            raise InputError(
                f"{where}: languages is {shown(languages)}; allowed: null, '{EVERY_TASK}', a list of codes"
            )
        if items is not None and (type(items) is not int or items < 1):
            raise InputError(f"{where}: items is {shown(items)}; allowed: null, a whole number of 1 or more")
        return cls(name, Benchmark.from_json(benchmark, f"{where}: benchmark"), origin, directory, languages, items)


def benchmarks(path: Path | str | None = None) -> dict[str, Benchmark]:
    """Return every benchmark of a table by name, in its order; default: the checkout's and the configuration's own.

    Raises `InputError` naming file, row, column and the value seen.
    """
    return _read(path) if path else {**_listed(ROOT / "config" / "benchmarks.tsv"), **OWN["benchmarks"]}


def _read(path: Path | str) -> dict[str, Benchmark]:
    return {name: _checked(row, f"{path}: benchmark '{name}'") for name, row in read_rows(path, Benchmark).items()}


_listed = cache(_read)  # a plan asks for a benchmark hundreds of times


def find_benchmark(name: str, option: str = "--benchmark") -> Benchmark:
    """Return one benchmark; an unknown one is an `InputError` that names the nearest."""
    table = benchmarks()
    if name not in table:
        raise InputError(f"{option}: no benchmark '{name}'{nearest(name, table)}; there are: {', '.join(table)}")
    return table[name]


def _checked(row: Benchmark, where: str) -> Benchmark:
    """Refuse values of the right type that mean nothing."""
    if not 0 < row.chance < 1:
        raise InputError(f"{where}: chance is {row.chance}; it must lie between 0 and 1 (two choices: 0.5)")
    for column in ("languages", "columns"):
        if not getattr(row, column):
            raise InputError(f"{where}: {column} is empty")
    try:
        row.fields  # noqa: B018 (parsed here, so that a wrong declaration is found when the table is read)
    except ValueError as error:
        raise InputError(f"{where}: columns: {error}") from None
    return row
