"""Rows of a benchmark from a local directory in the layout of a Hugging Face data set, read without any cache.

`datasets.load_dataset` would do the same through a cache on disk: slower by an order of magnitude for such small
files, and a race when many processes share a file system.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache
from glob import escape
from pathlib import Path
from typing import Any

from polytune.config.fields import Field
from polytune.errors import InputError, nearest, shown
from polytune.readers.records import read_records
from polytune.readers.yaml import read_front_matter

FORMATS = (".parquet", ".jsonl", ".json", ".csv", ".tsv", ".jsonl.gz", ".json.gz")
"""Suffixes that are read; `.json` is a list of rows or one row per line."""

LONGEST = sorted(FORMATS, key=len, reverse=True)

CARD = "README.md"
"""The data card, whose front matter may name the files."""

PATTERNS = (
    "{config}/{split}/*",
    "{config}/{split}-*",
    "{config}/{split}.*",
    "{split}/{config}.*",
    "{split}.{config}.*",
)
"""Where a split lies in a directory whose card names no files. The first is the hub's conversion to parquet."""

SHARD = re.compile(r"-(\d{5})-of-(\d{5})\.")
"""How the hub names the parts of one split: number of the part, number of parts."""


SAMPLE_SEED = 1


class Documents(list):
    """Rows of one split as dictionaries, with the one attribute that the harness asks a data set for.

    `numbers` are the rows' places in the split, from 0: all of them unless they are a sample.
    """

    def __init__(
        self, rows: list[dict[str, Any]], columns: Iterable[str], numbers: Sequence[int] | None = None
    ) -> None:
        super().__init__(rows)
        self.features = dict.fromkeys(columns)
        self.numbers = range(len(rows)) if numbers is None else numbers


def sample(documents: Documents, items: int | None) -> Documents:
    """Return `items` of the rows in their order, drawn by their numbers in the split; all where there are no more.

    The smallest of pseudo-random values that belong to the numbers are taken. So a smaller sample is part of a larger
    one, and languages whose rows are translations of one another keep the same ones.
    """
    import numpy as np

    from polytune.mixtures.manifest import Take, select_rows

    if items is None or items >= len(documents):
        return documents
    numbers = select_rows(np.asarray(documents.numbers, np.uint64), Take(SAMPLE_SEED, items)).tolist()
    return Documents([documents[number] for number in numbers], documents.features, numbers)


def find_files(directory: Path, config: str, split: str) -> list[Path]:
    """Return the files that hold a split of a configuration, sorted, each once.

    The front matter of the directory's README.md decides, as on the hub; without it the usual patterns do.
    Raises `InputError` if the directory, the configuration, the split or a file is missing, and if the split lies
    there twice: under two patterns or in two formats.
    """
    if not directory.is_dir():
        raise InputError(f"{directory}: no such directory of benchmark data")
    card = directory / CARD
    named = _patterns_of_card(card, config, split) if card.is_file() else None
    place = {"config": escape(config), "split": escape(split)}
    patterns = named or [prefix + pattern.format(**place) for prefix in ("", "data/") for pattern in PATTERNS]
    groups = {pattern: _matches(directory, pattern, exact=named is None) for pattern in patterns}
    files = [path for group in groups.values() for path in group]
    if not files:
        looked = f"looked for {', '.join(patterns)} with one of {', '.join(FORMATS)}"
        raise InputError(f"{directory}: no file for split '{split}' of '{config}' ({looked})")
    if named and (empty := [pattern for pattern in named if not groups[pattern]]):
        raise InputError(f"{card}: configs: no file fits '{empty[0]}', part of split '{split}' of '{config}'")
    layouts = [] if named else [group[0] for group in groups.values() if group]
    _check_once(directory, f"split '{split}' of '{config}'", files, layouts)
    return files


def read_documents(directory: Path, config: str, split: str, fields: Sequence[Field]) -> Documents:
    """Return the rows of a split, with the values of the declared columns checked and in their types.

    Raises `InputError` naming file, row and column for an empty file, a missing column, a value that is not allowed
    and an id that stands twice.
    """
    rows: list[dict[str, Any]] = []
    seen: dict[tuple[str, Any], tuple[Path, int]] = {}
    for path in find_files(directory, config, split):
        before = len(rows)
        for number, row in read_records(path):
            for field in fields:
                if field.name in row:
                    row[field.name] = value = _checked(field, row[field.name], path, number)
                    if field.kind == "id" and value is not None:
                        first, line = seen.setdefault((field.name, value), (path, number))
                        if (first, line) != (path, number):
                            other = f"row {line}" if first == path else f"{first.name}, row {line},"
                            raise InputError(f"{path}: row {number}: {field.name} {shown(value)} stands in {other} too")
                elif field.kind != "id":
                    raise InputError(
                        f"{path}: row {number}: no column '{field.name}'{nearest(field.name, row)}; "
                        f"it has: {', '.join(row)}; needed: {', '.join(field.name for field in fields)}"
                    )
            rows.append(row)
        if len(rows) == before:
            raise InputError(f"{path}: no rows")
    return Documents(rows, rows[0])


def _checked(field: Field, value: Any, path: Path, number: int) -> Any:
    try:
        return field.read(value)
    except ValueError as error:
        seen = "null" if value is None else shown(value)
        raise InputError(f"{path}: row {number}: {field.name} is {seen}; it {error}") from None


def _matches(directory: Path, pattern: str, exact: bool) -> list[Path]:
    """Return the data files that fit a pattern; `exact`: what `.*` stands for is a format and nothing more."""
    try:
        found = sorted(path for path in directory.glob(pattern) if path.is_file() and not path.name.startswith("."))
    except (ValueError, NotImplementedError) as error:
        raise InputError(f"{directory / CARD}: configs: path '{pattern}': {error}") from None
    if exact and pattern.endswith(".*"):
        return [path for path in found if path.name.removeprefix(Path(pattern).name[:-2]) in FORMATS]
    return [path for path in found if path.name.endswith(FORMATS)]


def _check_once(directory: Path, what: str, files: list[Path], layouts: list[Path]) -> None:
    """Refuse rows that would be read twice, and a series of parts that is not whole.

    `layouts` are the first files of each usual pattern that fits.
    """
    real = [path.resolve() for path in files]
    same = [path for path in files if real.count(path.resolve()) > 1]  # two patterns fit, or a link leads there
    shards = [SHARD.search(path.name) for path in files]
    kinds = {}
    for path, shard in zip(files, shards, strict=True):
        kinds.setdefault((next(end for end in LONGEST if path.name.endswith(end)), shard and shard[2]), path)
    for pair in (same, list(kinds.values()), layouts):
        if len(pair) > 1:
            first, second = (path.relative_to(directory).as_posix() for path in pair[:2])
            raise InputError(f"{directory}: {what} lies in {first} and again in {second}; keep one of them")
    if shards[0] and (missing := set(range(int(shards[0][2]))) - {int(shard[1]) for shard in shards}):
        raise InputError(f"{files[0]}: is one of {int(shards[0][2])} parts; part {min(missing):05} is not there")


def _patterns_of_card(card: Path, config: str, split: str) -> list[str] | None:
    """Return the file patterns that a data card gives a split, None if it leaves the files to the usual patterns."""
    configurations = _read_configurations(card, card.stat().st_mtime_ns)
    if not configurations:
        return None
    if config not in configurations:
        raise InputError(
            f"{card}: configs: no config_name '{config}'{nearest(config, configurations)}; "
            f"there are: {', '.join(configurations)} (an entry without config_name is called 'default')"
        )
    splits = configurations[config]
    if splits is not None and split not in splits:
        raise InputError(
            f"{card}: config_name '{config}' has no split '{split}'{nearest(split, splits)}; "
            f"it has: {', '.join(splits)}"
        )
    return splits and splits[split]


@cache
def _read_configurations(card: Path, _modified: int) -> dict[str, dict[str, list[str]] | None]:
    """Return `{config_name: {split: [file patterns]}}` of a data card's front matter; empty if it has no `configs`.

    As on the hub, an entry without a name is called `default`, and files without a split are of `train`. A value is
    None if the entry names no files.
    """
    entries = read_front_matter(card).get("configs") or []
    configurations: dict[str, dict[str, list[str]] | None] = {}
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise InputError(f"{card}: configs: must be a list of entries with config_name and data_files")
    for entry in entries:
        name = str(entry.get("config_name", "default"))
        if name in configurations:
            raise InputError(f"{card}: configs: two entries are called '{name}' (one without config_name is 'default')")
        parts, splits = entry.get("data_files"), {}
        for part in parts if isinstance(parts, list) else [] if parts is None else [parts]:
            part = part if isinstance(part, dict) else {"split": "train", "path": part}
            paths = part.get("path")
            paths = paths if isinstance(paths, list) else [paths]
            if "split" not in part or not all(isinstance(path, str) and path for path in paths):
                raise InputError(f"{card}: configs: data_files of '{name}' must list split and path, not {shown(part)}")
            splits.setdefault(str(part["split"]), []).extend(paths)
        configurations[name] = splits or None
    return configurations
