"""The reference of commands in the documentation, from the commands themselves (`polytune write-reference`)."""

from __future__ import annotations

import enum
import importlib
import inspect
import typing
from pathlib import Path
from typing import Any

from polytune import ROOT
from polytune.cli import COMMANDS

HEADER = """# Commands

Generated from `polytune.cli.COMMANDS` by `polytune write-reference`; do not edit.
The rules of the workflow call these programs, and each can be called alone. With `--help` each says the same.

"""


def render() -> str:
    """Return docs/reference/cli.md: every command with its arguments and options, as `--help` has them."""
    import typer

    parts = [HEADER, *(f"- [`{name}`](#{name}): {line}\n" for name, (_, line) in COMMANDS.items())]
    for name, (module, line) in COMMANDS.items():
        command = importlib.import_module(module).command
        app = typer.Typer(add_completion=False)
        app.command()(command)
        annotations = typing.get_type_hints(command)
        rows = [_row_of(parameter, annotations[parameter.name]) for parameter in typer.main.get_command(app).params]
        parts.append(f"\n## {name}\n\n{inspect.cleandoc(command.__doc__ or line)}\n")
        if rows:
            parts += ["\n| option | values | default | meaning |\n|---|---|---|---|\n", *rows]
    return "".join(parts)


def _row_of(parameter: Any, annotation: Any) -> str:
    """Return a row of the reference: how an argument or option is written, what it may be, and its help."""
    names = [name for name in (*parameter.opts, *parameter.secondary_opts) if name.startswith("-")]
    written = " ".join(f"`{name}`" for name in names) or f"`{parameter.name.upper()}`"
    given, values = parameter.default, _values_of(annotation)
    if isinstance(given, Path):
        given = given.relative_to(ROOT) if given.is_relative_to(ROOT) else given
    elif isinstance(given, bool):
        given, values = ("yes" if given else "no"), "yes or no" if len(names) > 1 else "flag"
    default = "needed" if parameter.required else "" if given in (None, "", [], ()) or callable(given) else f"`{given}`"
    return f"| {written} | {values} | {default} | {(parameter.help or '').replace('|', chr(92) + '|')} |\n"


def _values_of(annotation: Any) -> str:
    """Return in a word or two what a value of an annotated parameter is."""
    words = {str: "text", int: "whole number", float: "number", Path: "path", bool: "flag"}
    if annotation in words:
        return words[annotation]
    inner = [part for part in typing.get_args(annotation) if part not in (type(None), Ellipsis)]
    if typing.get_origin(annotation) is typing.Literal:
        return ", ".join(f"`{value}`" for value in inner)
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return ", ".join(f"`{member.value}`" for member in annotation)
    named = " or ".join(dict.fromkeys(map(_values_of, inner))) or getattr(annotation, "__name__", str(annotation))
    return f"{named}, repeated" if typing.get_origin(annotation) in (list, tuple) else named
