"""The references in the documentation, generated from schemas and kinds so that they cannot go stale."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from polytune import ROOT
from polytune.config.schema import read_schema
from polytune.errors import InputError
from polytune.files import write_text

DOCUMENTS = {"configuration.md": "polytune.config.reference:render", "figures.md": "polytune.tables.reference:render"}
DOCUMENTS |= {
    "reference/cli.md": "polytune.commands.reference:render",
    "licences.md": "polytune.config.licences:render",
    "mixtures.md": "polytune.mixtures.reference:render",
}
"""Files of `docs/` and what returns their text."""
TITLES = {"config": "`config/config.yaml`", "study": "Study files (`config/studies/*.yaml`)"}
TITLES |= {"judges#judge": "Judges (`config/judges.yaml`)"}
HEADER = """# Configuration reference

Generated from `workflow/schemas/` by `polytune write-reference`; do not edit.
Every unknown key is an error that names the nearest known one.
"""


def describe(schema: dict, root: dict, prefix: str = "") -> Iterator[tuple[str, str, str, str]]:
    """Yield (key, allowed values, default, description) of every property below a schema, in its order."""
    for name, child in schema.get("properties", {}).items():
        key = f"{prefix}{name}"
        target = resolve(child, root)
        if target.get("properties"):
            yield key, "", "", child.get("description", target.get("description", ""))
            yield from describe(target, root, f"{key}.")
            continue
        yield key, allowed(child), default(child), child.get("description", "")
        for nested, path in ((child.get("additionalProperties"), f"{key}.*"), (child.get("items"), f"{key}[]")):
            if isinstance(nested, dict):
                yield from describe(resolve(nested, root), root, f"{path}.")


def resolve(schema: dict, root: dict) -> dict:
    """Return what a schema refers to, or the schema itself."""
    if "$ref" in schema:
        return root["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    return schema


def allowed(schema: dict) -> str:
    """Describe the values a property may have in a few words."""
    if "oneOf" in schema:
        return " or ".join(allowed(choice) for choice in schema["oneOf"])
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    words = {"object": "mapping", "array": "list", "string": "text", "integer": "whole number"}
    text = words.get(schema.get("type", ""), schema.get("type", "any"))
    if schema.get("type") == "array" and "type" in schema.get("items", {}):
        text += f" of {allowed(schema['items'])}"
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f"{text}, {low} to {high}"
    if low is not None:
        return f"{text} >= {low}"
    if "exclusiveMinimum" in schema:
        return f"{text} > {schema['exclusiveMinimum']}"
    return text


def default(schema: dict) -> str:
    """Return the default of a property as it would be written in YAML."""
    if "default" not in schema:
        return ""
    value = schema["default"]
    return f"`{str(value).lower() if isinstance(value, bool) else value}`" if value not in ("", {}, []) else "empty"


def render() -> str:
    """Return the reference as Markdown."""
    parts = [HEADER]
    for name, title in TITLES.items():
        schema = read_schema(name)
        parts.append(
            f"\n## {title}\n\n{schema['description']}\n\n| key | values | default | meaning |\n|---|---|---|---|\n"
        )
        for key, values, value, meaning in describe(schema, schema):
            parts.append(f"| `{key}` | {values} | {value} | {meaning} |\n")
    return "".join(parts)


def command(
    docs: Annotated[Path, typer.Option(help="Folder to write to.")] = ROOT / "docs",
    check: Annotated[bool, typer.Option(help="Write nothing; fail if a file is not up to date.")] = False,
) -> None:
    """Write the references of the documentation from schemas, kinds, commands and tables."""
    for name, place in DOCUMENTS.items():
        module, _, function = place.partition(":")
        text = getattr(importlib.import_module(module), function)()
        if not check:
            write_text(docs / name, text)
        elif not (docs / name).is_file() or (docs / name).read_text(encoding="utf-8") != text:
            raise InputError(f"{docs / name}: not up to date; run 'polytune write-reference' and commit the file")
