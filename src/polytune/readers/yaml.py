"""YAML as users mean it: `no` is Norwegian, `3e-5` is a number, `1:04` and dates are text, no key stands twice.

Scalars have the meaning of YAML 1.2's core schema, where two readers of one file would differ silently they are
refused. Values are built from the parser's events, so that depth, aliases and keys are bounded and checked here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

from polytune.errors import InputError, short, word
from polytune.readers.text import read_text

CONSTANTS = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
CONSTANTS |= {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
INTEGER = re.compile(r"[-+]?[0-9]+")
FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
OTHER_BASE = re.compile(r"0(o[0-7]+|x[0-9a-fA-F]+)")
NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
STANDARD = "tag:yaml.org,2002:"
DEEPEST = 64  # levels
LARGEST = 200_000  # values, each alias counted as what it stands for
MERGE = "<<"


def read_yaml(path: Path | str, text_tags: Collection[str] = ()) -> Any:
    """Return the value of a YAML file, None if it is empty. Keys of mappings are text as it is written.

    Values with one of `text_tags` (`!function`) are read as text; every other tag but YAML's own is refused.
    Raises `InputError` that names file, line and remedy.
    """
    return parse_yaml(read_text(path), str(path), text_tags)


def read_mapping(path: Path | str, text_tags: Collection[str] = ()) -> dict[str, Any]:
    """Return the mapping that a YAML file holds, empty if the file is; anything else is an `InputError`."""
    value = read_yaml(path, text_tags)
    if not isinstance(value, dict | None):
        raise InputError(f"{path}: the top level must be a mapping of keys, it is {word(value)}")
    return value or {}


def read_front_matter(path: Path | str) -> dict[str, Any]:
    """Return what stands between the first two lines `---` of a Markdown file, empty if it begins otherwise."""
    lines = re.split(r"\r\n|\r|\n", read_text(path))
    if lines[0].rstrip() != "---":
        return {}
    marks = [number for number, line in enumerate(lines) if line.rstrip() == "---"]
    if len(marks) < 2:
        raise InputError(f"{path}: the front matter begins in line 1 and does not end; close it with a line '---'")
    value = parse_yaml("\n".join(["", *lines[1 : marks[1]]]), f"{path}: front matter")
    if not isinstance(value, dict | None):
        raise InputError(f"{path}: the front matter must be a mapping of keys, it is {word(value)}")
    return value or {}


def parse_yaml(text: str, place: str, text_tags: Collection[str] = ()) -> Any:
    """Return the value of a YAML text; `place` begins the messages of `InputError`."""
    reader = _Reader(place, text_tags)
    try:
        return reader.document(yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    except yaml.MarkedYAMLError as error:
        hint = "; indent with spaces, not tabs" if "start any token" in (error.problem or "") else ""
        raise InputError(f"{_place(place, error.problem_mark)}: not valid YAML: {error.problem}{hint}") from None
    except yaml.YAMLError as error:
        raise InputError(f"{place}: not valid YAML: {' '.join(str(error).split())}") from None


class _Reader:
    """Builds values from events; `anchors` holds value and size of what an alias may stand for."""

    def __init__(self, place: str, text_tags: Collection[str]) -> None:
        self.place, self.text_tags = place, text_tags
        self.anchors: dict[str, tuple[Any, int]] = {}
        self.size = 0

    def document(self, events: Iterator) -> Any:
        value, seen = None, 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                seen += 1
                if seen > 1:
                    self.refuse(event, "a second document begins; keep one and its '---'")
            elif isinstance(event, yaml.NodeEvent):
                value = self.value(event, events, 0)
        return value

    def value(self, event, events: Iterator, depth: int) -> Any:
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self.anchors:
                self.refuse(event, f"no value before it has the anchor '&{short(event.anchor)}'")
            value, size = self.anchors[event.anchor]
            self.grow(event, size)
            return deepcopy(value)  # a change of one place must not reach the other
        before = self.size
        self.grow(event, 1)
        if depth > DEEPEST:
            self.refuse(event, f"nested deeper than {DEEPEST} levels")
        if isinstance(event, yaml.ScalarEvent):
            value = self.scalar(event)
        else:
            self.check_tag(event, "seq" if isinstance(event, yaml.SequenceStartEvent) else "map")
            build = self.sequence if isinstance(event, yaml.SequenceStartEvent) else self.mapping
            value = build(events, depth + 1)
        if event.anchor:
            self.anchors[event.anchor] = value, self.size - before
        return value

    def sequence(self, events: Iterator, depth: int) -> list[Any]:
        values = []
        for event in events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            values.append(self.value(event, events, depth))
        return values

    def mapping(self, events: Iterator, depth: int) -> dict[str, Any]:
        values: dict[str, Any] = {}
        merged: list[dict[str, Any]] | None = None
        for event in events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            key = self.key(event)
            is_merge = key == MERGE and event.implicit[0]
            if key in values or (is_merge and merged is not None):
                self.refuse(event, f"the key '{short(key)}' stands twice; keep one of them")
            value = self.value(following := next(events), events, depth)
            if is_merge:
                merged = value if isinstance(value, list) else [value]
                if not all(isinstance(part, dict) for part in merged):
                    self.refuse(following, "'<<' needs a mapping, or a list of mappings, to take keys from")
            else:
                values[key] = value
        return {key: item for part in [*reversed(merged), values] for key, item in part.items()} if merged else values

    def key(self, event) -> str:
        if not isinstance(event, yaml.ScalarEvent):
            self.refuse(event, "a key must be text")
        self.check_tag(event, "str")
        if event.anchor:
            self.anchors[event.anchor] = event.value, 1
        return event.value

    def scalar(self, event) -> Any:
        text = event.value
        if event.tag in self.text_tags or event.tag in ("!", f"{STANDARD}str"):
            return text
        if not event.implicit[0] and event.tag is None:  # in quotes, or a block of text
            return text
        value = self.plain(event, text)
        kinds = {"null": type(None), "bool": bool, "int": int, "float": (int, float)}
        if event.tag is not None:
            self.check_tag(event, *kinds)
            kind = event.tag.removeprefix(STANDARD)
            if not isinstance(value, kinds[kind]) or (isinstance(value, bool) and kind != "bool"):
                self.refuse(event, f"'{short(text)}' is not of the type !!{kind}")
        return value

    def plain(self, event, text: str) -> Any:
        if text in CONSTANTS:
            return CONSTANTS[text]
        if INTEGER.fullmatch(text):
            digits = text.lstrip("+-")
            if len(digits) > 1 and digits[0] == "0":
                self.refuse(event, f"{short(text)} is octal to some readers; write {_decimal(text)}, or quote it")
            if len(digits) > 400:
                self.refuse(event, f"a number of {len(digits)} digits")
            return int(text)
        if OTHER_BASE.fullmatch(text):
            return int(text[2:], {"o": 8, "x": 16}[text[1]])
        if NOT_FINITE.fullmatch(text) or (FLOAT.fullmatch(text) and math.isinf(float(text))):
            self.refuse(event, f"{short(text)} is no finite number; write text in quotes")
        return float(text) if FLOAT.fullmatch(text) else text

    def check_tag(self, event, *allowed: str) -> None:
        if event.tag not in (None, "!", *(STANDARD + name for name in allowed)):
            shown = event.tag.replace(STANDARD, "!!")
            self.refuse(event, f"the tag '{short(shown)}' is not allowed here; write plain values")

    def grow(self, event, size: int) -> None:
        self.size += size
        if self.size > LARGEST:
            self.refuse(event, f"more than {LARGEST:,} values, aliases counted as what they stand for")

    def refuse(self, event, message: str) -> None:
        raise InputError(f"{_place(self.place, event.start_mark)}: {message}")


def _place(place: str, mark) -> str:
    return f"{place}: line {mark.line + 1}, column {mark.column + 1}" if mark else place


def _decimal(text: str) -> str:
    return re.sub(r"^([-+]?)0+(?=[0-9])", r"\1", text)[:40]
