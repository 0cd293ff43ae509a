"""Checking a user's values against a schema: quickly when all is well, in plain words when not.

A few lines over the part of JSON schema that our schemas use, because planning a study must not wait for a library to
load. A test keeps their verdict the library's, but for two things: numbers are finite, and no name ends with a line.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from typing import Any

from polytune import ROOT
from polytune.errors import InputError, nearest, shown
from polytune.readers.yaml import read_yaml

SCHEMAS = ROOT / "workflow" / "schemas"
KINDS = {
    "object": "a mapping of keys",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
}
BOUNDS = {
    "minimum": "at least",
    "exclusiveMinimum": "more than",
    "maximum": "at most",
    "exclusiveMaximum": "less than",
    "minItems": "with at least this many entries:",
    "maxItems": "with at most this many entries:",
    "minProperties": "with at least this many entries:",
}
TYPES = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "boolean": bool}


@cache
def read_schema(name: str) -> dict:
    """Return the JSON schema `workflow/schemas/{name}.schema.yaml`; `file#part` is one of a file's definitions."""
    file, _, part = name.partition("#")
    schema = read_yaml(SCHEMAS / f"{file}.schema.yaml")
    return {**schema["$defs"][part], "$defs": schema["$defs"]} if part else schema


def check(value: Any, schema_name: str, where: str) -> Any:
    """Return a copy of `value` with the schema's defaults filled in.

    Raises `InputError` for the most telling violation; `where` is the file that the message names.
    """
    schema = read_schema(schema_name)
    value = deepcopy({} if value is None else value)
    if not conforms(value, schema, schema):
        raise InputError(f"{where}: {explain(value, schema)}")
    _fill_defaults(value, schema, schema)
    return value


def conforms(value: Any, schema: dict, root: dict) -> bool:
    """Return whether `value` fits `schema`; `root` holds the definitions that `$ref` names."""
    return next(_violations(value, schema, root, ""), None) is None


def explain(value: Any, schema: dict) -> str:
    """Return in one line why `value` does not fit `schema`: the most telling of the reasons."""
    found = list(_violations(value, schema, schema, ""))
    # a misspelt key is both unknown and missing: say the unknown one, it has the nearest match
    unknown = [violation for violation in found if violation.keyword == "additionalProperties"]
    return (unknown or sorted(found, key=lambda violation: len(re.findall(r"[.\[]", violation.key))))[0].message


@dataclass(frozen=True)
class Violation:
    """One way in which a value does not fit: the key it stands under, what of the schema it violates, and in words."""

    key: str
    keyword: str
    message: str


def _violations(value: Any, schema: dict, root: dict, key: str) -> Iterator[Violation]:
    for part in schema.get("allOf", ()):
        yield from _violations(value, part, root, key)
    if "$ref" in schema:
        yield from _violations(value, _resolve(schema, root), root, key)
    kind, spot = schema.get("type"), key or "top level"
    fits = sum(conforms(value, choice, root) for choice in schema.get("oneOf", ()))
    if "oneOf" in schema and fits != 1:
        if inner := _inner_violations(value, schema["oneOf"], root, key):
            yield from inner
        else:
            choices = " or ".join(_expected(choice) for choice in schema["oneOf"])
            yield Violation(key, "oneOf", f"{spot}: {shown(value)} is not allowed; expected {choices}")
    if "enum" in schema and not any(_equal(value, allowed) for allowed in schema["enum"]):
        choices = f"{nearest(value, schema['enum'])}; allowed: {', '.join(map(str, schema['enum']))}"
        yield Violation(key, "enum", f"{spot}: {shown(value)} is not allowed{choices}")
    elif not _is_of_type(value, kind) or not _is_inside(value, schema):
        yield Violation(key, "type", f"{spot}: {shown(value)} is not allowed; expected {_expected(schema)}")
    elif isinstance(value, dict):
        yield from _object_violations(value, schema, root, key)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _violations(item, schema.get("items", {}), root, f"{key}[{number}]")
    elif isinstance(value, str) and "pattern" in schema and not _matches(value, schema["pattern"]):
        yield Violation(key, "pattern", f"{spot}: {shown(value)} does not fit the pattern {schema['pattern']}")


def _inner_violations(value: Any, choices: list[dict], root: dict, key: str) -> list[Violation]:
    """Return what is wrong inside of a list or mapping of which one choice is: a key or an entry, not the whole."""
    alike = [choice for choice in choices if "type" in choice and _is_of_type(value, choice["type"])]
    if len(alike) != 1 or not isinstance(value, (list, dict)):
        return []
    found = _violations(value, alike[0], root, key)
    return [one for one in found if one.key != key or one.keyword in ("additionalProperties", "required")]


def _object_violations(value: dict, schema: dict, root: dict, key: str) -> Iterator[Violation]:
    properties, others = schema.get("properties", {}), schema.get("additionalProperties", True)
    prefix = f"{key}." if key else ""
    for name in schema.get("required", ()):
        if name not in value:
            meaning = properties.get(name, {}).get("description", "")
            yield Violation(key, "required", f"the key '{prefix}{name}' is missing: {meaning}".removesuffix(": "))
    for name, item in value.items():
        child = properties.get(name, others)
        if not isinstance(name, str):
            yield Violation(key, "propertyNames", f"{key or 'top level'}: the key {shown(name)} must be text; quote it")
        elif "propertyNames" in schema:
            yield from _violations(name, schema["propertyNames"], root, f"{prefix}{name}")
        if child is False:
            known = f"{nearest(name, properties)}; allowed here: {', '.join(properties)}"
            yield Violation(key, "additionalProperties", f"unknown key '{prefix}{name}'{known}")
        elif isinstance(child, dict):
            yield from _violations(item, child, root, f"{prefix}{name}")


def _resolve(schema: dict, root: dict) -> dict:
    return root["$defs"][schema["$ref"].removeprefix("#/$defs/")] if "$ref" in schema else schema


def _equal(one: Any, other: Any) -> bool:
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _is_of_type(value: Any, kind: str | None) -> bool:
    """Return whether a value is of a JSON type; `8.0` is a whole number, as in JSON schema."""
    if isinstance(value, float) and (kind == "integer" or not math.isfinite(value)):
        return value.is_integer()
    return kind is None or (isinstance(value, TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool)))


def _is_inside(value: Any, schema: dict) -> bool:
    """Return whether a value of the right type keeps to the bounds of its schema."""
    if "const" in schema and not _equal(value, schema["const"]):
        return False
    if isinstance(value, list):
        return schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value))
    if isinstance(value, dict):
        return schema.get("minProperties", 0) <= len(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return True
    inside = schema.get("minimum", value) <= value <= schema.get("maximum", value)
    above = "exclusiveMinimum" not in schema or value > schema["exclusiveMinimum"]
    return inside and above and ("exclusiveMaximum" not in schema or value < schema["exclusiveMaximum"])


def _matches(value: str, pattern: str) -> bool:
    return re.search(pattern, value) is not None and not value.endswith("\n")  # which `$` would let through


def _expected(schema: dict) -> str:
    """Describe the values that a schema allows."""
    if "const" in schema:
        return repr(schema["const"])
    words = [KINDS[schema["type"]]] if "type" in schema else []
    words += [f"{phrase} {schema[keyword]}" for keyword, phrase in BOUNDS.items() if keyword in schema]
    return " ".join(words)


def _fill_defaults(value: Any, schema: dict, root: dict) -> None:
    schema = _resolve(schema, root)
    if isinstance(value, list):
        for number, item in enumerate(value):
            value[number] = _whole(item, schema.get("items", {}))
            _fill_defaults(item, schema.get("items", {}), root)
    if not isinstance(value, dict):
        return
    properties, others = schema.get("properties", {}), schema.get("additionalProperties")
    for name, child in properties.items():
        if "default" in child:
            value.setdefault(name, deepcopy(child["default"]))
    for name, item in value.items():
        child = properties.get(name, others)
        if isinstance(child, dict):
            value[name] = _whole(item, child)
            _fill_defaults(item, child, root)


def _whole(value: Any, schema: dict) -> Any:
    """Return `8.0` as 8 where the schema asks for a whole number."""
    return int(value) if isinstance(value, float) and schema.get("type") == "integer" else value
