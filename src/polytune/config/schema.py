"""Checking a user's values against a schema: quickly when all is well, in plain words when not.

The verdict comes from a few lines over the part of JSON schema that our schemas use, because planning a study must not
wait for a library to load; the message comes from the `jsonschema` library, which is imported only when something is
wrong. A test keeps the two of one opinion.
"""

from __future__ import annotations

import re
from copy import deepcopy
from functools import cache
from typing import Any

from polytune import ROOT
from polytune.errors import InputError, nearest
from polytune.readers.yaml import read_yaml

SCHEMAS = ROOT / "workflow" / "schemas"
TYPES = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "boolean": bool}


@cache
def read_schema(name: str) -> dict:
    """Return the JSON schema `workflow/schemas/{name}.schema.yaml`."""
    return read_yaml(SCHEMAS / f"{name}.schema.yaml")


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
    if "$ref" in schema and not conforms(value, root["$defs"][schema["$ref"].removeprefix("#/$defs/")], root):
        return False
    if not all(conforms(value, part, root) for part in schema.get("allOf", ())):
        return False
    if "oneOf" in schema and sum(conforms(value, choice, root) for choice in schema["oneOf"]) != 1:
        return False
    if ("const" in schema and value != schema["const"]) or ("enum" in schema and value not in schema["enum"]):
        return False
    kind = schema.get("type")
    if kind and (not isinstance(value, TYPES[kind]) or (isinstance(value, bool) and kind != "boolean")):
        return False
    if isinstance(value, dict):
        return _object_conforms(value, schema, root)
    if isinstance(value, list):
        fits = schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value))
        return fits and all(conforms(item, schema.get("items", {}), root) for item in value)
    if isinstance(value, str):
        return "pattern" not in schema or re.search(schema["pattern"], value) is not None
    if isinstance(value, (int, float)):
        inside = schema.get("minimum", value) <= value <= schema.get("maximum", value)
        return inside and ("exclusiveMinimum" not in schema or value > schema["exclusiveMinimum"])
    return True


def _object_conforms(value: dict, schema: dict, root: dict) -> bool:
    properties, others = schema.get("properties", {}), schema.get("additionalProperties", True)
    if len(value) < schema.get("minProperties", 0) or not value.keys() >= set(schema.get("required", ())):
        return False
    if "propertyNames" in schema and not all(conforms(name, schema["propertyNames"], root) for name in value):
        return False
    for name, item in value.items():
        child = properties.get(name, others)
        if child is False or (isinstance(child, dict) and not conforms(item, child, root)):
            return False
    return True


def explain(value: Any, schema: dict) -> str:
    """Return in one line why `value` does not fit `schema`: the most telling of the reasons."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    errors = list(Draft202012Validator(schema).iter_errors(value))
    # a misspelt key is both unknown and missing: say the unknown one, it has the nearest match
    unknown = [error for error in errors if error.validator == "additionalProperties"]
    error = unknown[0] if unknown else best_match(errors)
    return _explain(error)


def _explain(error) -> str:
    """Say in one line which key is wrong, what was seen, what is allowed and what was probably meant."""
    if error.context and error.validator in ("oneOf", "anyOf"):
        choices = " or ".join(_expected(child) for child in error.validator_value)
        return f"{_key(error)}: {error.instance!r} is not allowed; expected {choices}"
    schema, seen = error.schema, error.instance
    key = _key(error)
    if error.validator == "additionalProperties":
        known = schema.get("properties", {})
        unknown = next(name for name in seen if name not in known)
        prefix = f"{key}." if key else ""
        return f"unknown key '{prefix}{unknown}'{nearest(unknown, known)}; allowed here: {', '.join(known)}"
    if error.validator == "required":
        missing = next(name for name in schema["required"] if name not in seen)
        prefix = f"{key}." if key else ""
        meaning = schema["properties"][missing].get("description", "")
        return f"the key '{prefix}{missing}' is missing: {meaning}".removesuffix(": ")
    if error.validator == "enum":
        allowed = ", ".join(map(str, schema["enum"]))
        return f"{key}: {seen!r} is not allowed{nearest(seen, schema['enum'])}; allowed: {allowed}"
    if error.validator == "pattern":
        return f"{key}: {seen!r} does not fit the pattern {schema['pattern']}"
    if error.validator in ("type", "minimum", "maximum", "exclusiveMinimum", "const", "minItems", "maxItems"):
        return f"{key or 'top level'}: {seen!r} is not allowed; expected {_expected(schema)}"
    return f"{key or 'top level'}: {error.message}"


def _key(error) -> str:
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.absolute_path)
    return path.removeprefix(".")


def _expected(schema: dict) -> str:
    """Describe the values that a schema allows."""
    if "const" in schema:
        return repr(schema["const"])
    kinds = {
        "object": "a mapping of keys",
        "array": "a list",
        "string": "text",
        "integer": "a whole number",
        "number": "a number",
        "boolean": "true or false",
    }
    words = [kinds[schema["type"]]] if "type" in schema else []
    for keyword, phrase in (
        ("minimum", "at least"),
        ("exclusiveMinimum", "more than"),
        ("maximum", "at most"),
        ("minItems", "with at least this many entries:"),
        ("maxItems", "with at most this many entries:"),
    ):
        if keyword in schema:
            words.append(f"{phrase} {schema[keyword]}")
    return " ".join(words)


def _fill_defaults(value: Any, schema: dict, root: dict) -> None:
    if "$ref" in schema:
        schema = root["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    if isinstance(value, list):
        for item in value:
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
            _fill_defaults(item, child, root)
