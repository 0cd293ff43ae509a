"""Rows of a benchmark from a local directory in the layout of a Hugging Face data set, read without any cache.

`datasets.load_dataset` would do the same through a cache on disk: slower by an order of magnitude for such small
files, and a race when many processes share a file system.
"""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any

from polytune.errors import InputError, nearest

FORMATS = (".parquet", ".jsonl", ".json", ".csv", ".tsv", ".jsonl.gz", ".json.gz")
"""Suffixes that are read; `.json` is a list of rows or one row per line."""

PATTERNS = (
    "{config}/{split}/*",
    "{config}/{split}-*",
    "{config}/{split}.*",
    "{split}/{config}.*",
    "{split}.{config}.*",
)
"""Where a split lies in a directory whose README.md names no files. The first is the hub's conversion to parquet."""


class Documents(list):
    """The rows of one split as dictionaries, with the one attribute that the harness asks a data set for."""

    def __init__(self, rows: list[dict[str, Any]], columns: list[str]) -> None:
        super().__init__(rows)
        self.features = dict.fromkeys(columns)


def find_files(directory: Path, config: str, split: str) -> list[Path]:
    """Return the files that hold a split of a configuration, sorted.

    The front matter of the directory's README.md decides, as on the hub; without it the usual patterns do.
    Raises `InputError` if the directory, the configuration or the split is missing.
    """
    if not directory.is_dir():
        raise InputError(f"{directory}: no such directory of benchmark data")
    readme = directory / "README.md"
    configurations = _read_configurations(readme, readme.stat().st_mtime_ns) if readme.is_file() else {}
    if configurations:
        if config not in configurations:
            raise InputError(
                f"{directory / 'README.md'}: configs: no config_name '{config}'{nearest(config, configurations)}; "
                f"there are: {', '.join(configurations)}"
            )
        splits = configurations[config]
        if split not in splits:
            raise InputError(
                f"{directory / 'README.md'}: config_name '{config}' has no split '{split}'{nearest(split, splits)}; "
                f"it has: {', '.join(splits)}"
            )
        patterns = splits[split]
    else:
        patterns = [
            prefix + pattern.format(config=config, split=split) for prefix in ("", "data/") for pattern in PATTERNS
        ]
    groups = [sorted(directory.glob(pattern)) for pattern in patterns]
    groups = [[path for path in group if path.name.endswith(FORMATS)] for group in groups]
    files = [path for group in groups for path in group] if configurations else next(filter(None, groups), [])
    if not files:
        raise InputError(
            f"{directory}: no file for split '{split}' of '{config}' (looked for {', '.join(patterns)} "
            f"with one of {', '.join(FORMATS)})"
        )
    return files


def read_documents(directory: Path, config: str, split: str, columns: tuple[str, ...]) -> Documents:
    """Return the rows of a split; raises `InputError` for an empty file and for a missing column or field."""
    rows: list[dict[str, Any]] = []
    for path in find_files(directory, config, split):
        found = _read_rows(path)
        if not found:
            raise InputError(f"{path}: no rows")
        for column in columns:
            if column not in found[0]:
                raise InputError(
                    f"{path}: no column '{column}'{nearest(column, found[0])}; it has: {', '.join(found[0])}; "
                    f"needed: {', '.join(columns)}"
                )
        for number, row in enumerate(found, start=1):
            if missing := [column for column in columns if column not in row]:
                raise InputError(f"{path}: row {number}: no '{missing[0]}'; it has: {', '.join(row)}")
        rows += found
    return Documents(rows, list(rows[0]))


@cache
def _read_configurations(readme: Path, _modified: int) -> dict[str, dict[str, list[str]]]:
    """Return `{config_name: {split: [file patterns]}}` of a data card's front matter; empty without one."""
    import yaml

    text = readme.read_text(encoding="utf-8")
    if not text.startswith("---"):
        return {}
    try:
        header = yaml.load(text.split("---", 2)[1], Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)) or {}
    except yaml.YAMLError as error:
        raise InputError(f"{readme}: the front matter is not valid YAML: {error}") from None
    configurations: dict[str, dict[str, list[str]]] = {}
    for entry in header.get("configs") or []:
        splits = configurations.setdefault(str(entry["config_name"]), {})
        for part in entry.get("data_files") or []:
            if not isinstance(part, dict):
                raise InputError(f"{readme}: configs: data_files of '{entry['config_name']}' must list split and path")
            path = part["path"]
            splits.setdefault(str(part["split"]), []).extend([path] if isinstance(path, str) else path)
    return configurations


def _read_rows(path: Path) -> list[dict[str, Any]]:
    """Read one file into dictionaries, by its suffix."""
    name = path.name
    try:
        if name.endswith(".parquet"):
            import pyarrow.parquet

            return pyarrow.parquet.read_table(path).to_pylist()
        if name.endswith((".csv", ".tsv")):
            import pyarrow.csv

            delimiter = "\t" if name.endswith(".tsv") else ","
            options = pyarrow.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
            return pyarrow.csv.read_csv(path, parse_options=options).to_pylist()
        opened = gzip.open if name.endswith(".gz") else open
        with opened(path, "rt", encoding="utf-8") as stream:
            text = stream.read()
        if text.lstrip().startswith("["):
            return json.loads(text)
        return [json.loads(line) for line in text.split("\n") if line.strip()]  # splitlines would cut at U+2028
    except (ValueError, OSError) as error:  # pyarrow's and json's errors and UnicodeDecodeError are ValueErrors
        raise InputError(f"{path}: cannot be read as {name.split('.', 1)[-1]}: {error}") from None
