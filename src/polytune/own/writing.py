"""Write an entry into a configuration file and leave everything else in it as it is, comments included."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from polytune.config.settings import load_config, merge_config
from polytune.errors import InputError, shown
from polytune.files import write_text
from polytune.readers.text import read_text
from polytune.readers.yaml import parse_yaml

Entry = tuple[Sequence[str], Any]
"""Where a value stands (keys from the top level down), and the value: text, number, list of text or mapping."""


def write_entries(file: Path, entries: Sequence[Entry]) -> None:
    """Write entries into a configuration file, which is made if it is not there; the whole is checked before.

    Raises `InputError` for an entry that is there with another value, a file that is no configuration, or one whose
    lines cannot be extended: it says then what to write.
    """
    text = read_text(file) if file.is_file() else ""
    wanted = merge_config([file]) if file.is_file() else {}
    for keys, value in entries:
        there = _find(wanted, keys)
        if there == value:
            continue
        if there is not None:
            raise InputError(f"{file}: {'.'.join(keys)} is there already, with other values; remove it, or give a name")
        _put(wanted, keys, value, file)
        text = insert(text, keys, value)
    if not _says(text, wanted):
        lines = "\n".join(_lines(keys, value, 0) for keys, value in entries)
        raise InputError(f"{file}: cannot be extended line by line; write this into it yourself:\n{lines}")
    load_config(wanted, str(file))
    write_text(file, text)


def _says(text: str, wanted: Any) -> bool:
    try:
        return (parse_yaml(text, "") or {}) == wanted
    except InputError:  # a section in braces, which lines cannot extend
        return False


def insert(text: str, keys: Sequence[str], value: Any) -> str:
    """Return a YAML text with a value below the deepest of `keys` that has lines of its own, else at its end."""
    lines, place, indent, known = text.splitlines(), len(text.splitlines()), 0, 0
    start, end = 0, len(lines)
    for depth, key in enumerate(keys[:-1]):
        found = next(
            (n for n in range(start, end) if re.fullmatch(rf" {{{indent}}}{re.escape(key)}:\s*(#.*)?", lines[n])), None
        )
        if found is None:
            break
        inner = [n for n in range(found + 1, end) if lines[n].strip() and not lines[n].lstrip().startswith("#")]
        stop = next((n for n in inner if _indent(lines[n]) <= indent), end)
        first = next((n for n in inner if n < stop), None)
        known, start, end = depth + 1, found + 1, stop
        indent = indent + 2 if first is None else _indent(lines[first])
        place = stop
    while place and known and not lines[place - 1].strip():
        place -= 1  # before the empty lines that follow a section
    return "\n".join([*lines[:place], _lines(keys[known:], value, indent), *lines[place:]]) + "\n"


def _lines(keys: Sequence[str], value: Any, indent: int) -> str:
    """Return YAML's lines for a value below keys."""
    space = " " * indent
    if len(keys) > 1:
        return f"{space}{keys[0]}:\n{_lines(keys[1:], value, indent + 2)}"
    if isinstance(value, Mapping):
        return "\n".join([f"{space}{keys[0]}:", *(_lines([key], item, indent + 2) for key, item in value.items())])
    return f"{space}{keys[0]}: {_scalar(value)}"


def _scalar(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_scalar, value))}]"
    if isinstance(value, str) and re.fullmatch(r"[\w./~-][\w./ ~-]*(?<! )", value) and parse_yaml(value, "") == value:
        return value
    return json.dumps(value, ensure_ascii=False)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _find(values: Any, keys: Sequence[str]) -> Any:
    for key in keys:
        values = values.get(key) if isinstance(values, Mapping) else None
    return values


def _put(values: dict, keys: Sequence[str], value: Any, file: Path) -> None:
    for depth, key in enumerate(keys[:-1], 1):
        if values.get(key) is None:  # a section with nothing below it is one without entries
            values[key] = {}
        values = values[key]
        if not isinstance(values, dict):
            raise InputError(f"{file}: {'.'.join(keys[:depth])} is {shown(values)}, expected a mapping of keys")
    values[keys[-1]] = value
