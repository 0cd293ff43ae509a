"""The files a user edits: configuration, study files and the tables of outside things, checked before the first job."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from polytune import ROOT
from polytune.config.schema import check
from polytune.errors import InputError, nearest
from polytune.files import read_tsv
from polytune.readers.yaml import read_yaml


@cache
def read_table(name: str) -> dict[str, dict[str, str]]:
    """Return `config/{name}.tsv` as a mapping from its first column to the row."""
    rows = read_tsv(ROOT / "config" / f"{name}.tsv")
    return {next(iter(row.values())): row for row in rows}


def table_row(name: str, key: str, where: str) -> dict[str, str]:
    """Return one row of `config/{name}.tsv`; an unknown key is an `InputError` that names `where` it was used."""
    table = read_table(name)
    if key not in table:
        raise InputError(
            f"{where}: '{key}' is not in config/{name}.tsv{nearest(key, table)}; there are: {', '.join(table)}"
        )
    return table[key]


def load_config(values: dict, where: str = "configuration") -> dict:
    """Return the configuration with defaults filled in; `values` is what the user's files and options say."""
    return check(values, "config", where)


def load_study(name: str) -> dict:
    """Return the checked study `config/studies/{name}.yaml`, or the study file at the path `name`."""
    path = Path(name) if name.endswith((".yaml", ".yml")) else ROOT / "config" / "studies" / f"{name}.yaml"
    if not path.is_file():
        known = sorted(file.stem for file in (ROOT / "config" / "studies").glob("*.yaml"))
        raise InputError(f"studies: no study '{name}' ({path}){nearest(name, known)}; there are: {', '.join(known)}")
    study = check(read_yaml(path), "study", _shown(path))
    study["file"] = _shown(path)
    return study


def _shown(path: Path) -> str:
    """Return the path as the user would type it: relative to the project where it lies inside."""
    try:
        return str(path.resolve().relative_to(ROOT))
    except ValueError:
        return str(path)
