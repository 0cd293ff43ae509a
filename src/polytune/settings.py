"""Reading the files a user edits: configuration, study files and the tables of outside things.

Everything is checked here, before the first job: unknown keys, wrong types, values out of range. Messages name file,
key, value, what is allowed and the nearest match.
"""

from __future__ import annotations

import re
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import yaml

from polytune.errors import InputError, nearest
from polytune.files import read_tsv

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = ROOT / "workflow" / "schemas"


def read_yaml(path: Path | str) -> Any:
    """Read a YAML file; a missing or broken one, or one with a repeated key, is an `InputError` that names the line."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: invalid UTF-8 at byte {error.start}; save the file as UTF-8") from None
    try:
        return yaml.load(text, Loader=_UniqueKeyLoader)
    except yaml.YAMLError as error:
        raise InputError(f"{path}: not valid YAML: {error}") from None


class _UniqueKeyLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """YAML without silently overwritten keys, in which `3e-5` is a number and `no` is Norwegian (as in YAML 1.2)."""

    yaml_implicit_resolvers: ClassVar = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=deep) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"the key '{key}' stands twice", node.start_mark)
        return super().construct_mapping(node, deep=deep)


_UniqueKeyLoader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(true|false)$"), list("tf"))
_UniqueKeyLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
)


@cache
def read_schema(name: str) -> dict:
    """Return the JSON schema `workflow/schemas/{name}.schema.yaml`."""
    return read_yaml(SCHEMAS / f"{name}.schema.yaml")


def check(value: Any, schema_name: str, where: str) -> Any:
    """Return a copy of `value` with the schema's defaults filled in.

    Raises `InputError` for the most telling violation; `where` is the file that the message names.
    """
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    schema = read_schema(schema_name)
    value = deepcopy({} if value is None else value)
    errors = list(Draft202012Validator(schema).iter_errors(value))
    # a misspelt key is both unknown and missing: say the unknown one, it has the nearest match
    unknown = [error for error in errors if error.validator == "additionalProperties"]
    error = unknown[0] if unknown else best_match(errors)
    if error is not None:
        raise InputError(f"{where}: {_explain(error)}")
    _fill_defaults(value, schema, schema)
    return value


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
