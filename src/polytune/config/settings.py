"""The files a user edits: configuration, study files and the tables of outside things, checked before the first job."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from polytune import ROOT
from polytune.config.own import declare
from polytune.config.schema import check
from polytune.errors import InputError, nearest
from polytune.readers.yaml import parse_yaml, read_yaml

NOT_IN_STORAGE = " \t\n'\"{}*?[]\\$"
"""Characters that a path of results cannot have: they mean something to the shell or to Snakemake's wildcards."""


def merge_config(files: Iterable[Path | str], assignments: Iterable[str] = ()) -> dict:
    """Return the values of configuration files and of `key=value` assignments, later ones over earlier ones.

    They are read as every other YAML here: Snakemake's own reader takes `1e-2` for text and drops a repeated key.
    Raises `InputError` for what cannot be read.
    """
    values: dict = {}
    for file in files:
        _merge(values, _mapping(read_yaml(file), str(file)))
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        if not equals:
            raise InputError(f"--config {assignment}: expected KEY=VALUE (a file is given with --configfile)")
        _merge(values, {key: parse_yaml(value, f"--config {key}")})
    return values


def _mapping(content: Any, where: str) -> dict:
    if content is not None and not isinstance(content, dict):
        raise InputError(f"{where}: the top level is {content!r}, expected a mapping of keys")
    return content or {}


def _merge(below: dict, above: dict) -> None:
    for key, value in above.items():
        if isinstance(value, dict) and isinstance(below.get(key), dict):
            _merge(below[key], value)
        else:
            below[key] = value


def load_config(values: dict, where: str = "configuration") -> dict:
    """Return the configuration with defaults filled in and paths expanded; `values` is what the user's files say."""
    config = check(values, "config", where)
    storage = config["storage"]
    for name, path in storage.items():
        storage[name] = _expand(path, f"{where}: storage.{name}")
        if strange := sorted(set(storage[name]) & set(NOT_IN_STORAGE)):
            raise InputError(f"{where}: storage.{name}: '{path}' holds {strange[0]!r}; name a path without it")
    if len({os.path.abspath(path) for path in storage.values()}) < len(storage):
        raise InputError(f"{where}: storage: results, work and resources must be three different folders")
    for kind in ("bases", "sources", "prompts", "identifiers", "judges"):
        for name, path in config["locations"][kind].items():
            config["locations"][kind][name] = _expand(path, f"{where}: locations.{kind}.{name}")
    if config["locations"]["benchmarks"]:
        config["locations"]["benchmarks"] = _expand(config["locations"]["benchmarks"], f"{where}: locations.benchmarks")
    declare(config["own"], where)
    return config


def _expand(path: str, where: str) -> str:
    """Return a path with `~` and variables replaced and without `./` or a trailing slash, so that it has one name."""
    if not path.strip():
        raise InputError(f"{where}: is empty; name a path, or leave the key out for its default")
    expanded = os.path.expanduser(os.path.expandvars(path))
    if "$" in expanded or expanded.startswith("~"):
        raise InputError(f"{where}: '{path}' names a variable or a user that does not exist")
    return os.path.normpath(expanded)


def load_study(name: str) -> dict:
    """Return the checked study `config/studies/{name}.yaml`, or the study file at the path `name`."""
    path = Path(name) if name.endswith((".yaml", ".yml")) else ROOT / "config" / "studies" / f"{name}.yaml"
    if not path.is_file():
        known = sorted(file.stem for file in (ROOT / "config" / "studies").glob("*.yaml"))
        raise InputError(f"studies: no study '{name}' ({path}){nearest(name, known)}; there are: {', '.join(known)}")
    study = check(_read_study(path, ()), "study", _shown(path))
    study["file"] = _shown(path)
    return study


REPLACED = ("runs", "evaluation", "analysis", "figures", "tables")
"""Sections that a study which extends another one takes over or replaces; the others are merged key by key."""


def _read_study(path: Path, above: tuple[Path, ...]) -> dict:
    """Return the content of a study file, over that of the study which it extends."""
    content = _mapping(read_yaml(path), _shown(path))
    extended = content.pop("extends", None)
    if extended is None:
        return content
    beside = path.parent / f"{extended}.yaml"
    below = beside if beside.is_file() else ROOT / "config" / "studies" / f"{extended}.yaml"
    if not below.is_file():
        known = sorted(file.stem for file in (ROOT / "config" / "studies").glob("*.yaml"))
        raise InputError(f"{_shown(path)}: extends: no study '{extended}'{nearest(str(extended), known)}")
    if below in (path, *above):
        raise InputError(f"{_shown(path)}: extends: '{extended}' extends this study")
    values = _read_study(below, (path, *above))
    for section in REPLACED:
        if section in content:
            values.pop(section, None)
    _merge(values, content)
    return values


def _shown(path: Path) -> str:
    """Return the path as the user would type it: relative to the project where it lies inside."""
    try:
        return str(path.resolve().relative_to(ROOT))
    except ValueError:
        return str(path)
