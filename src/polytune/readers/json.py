"""JSON, strictly: no key twice in one object, no NaN, and every fault in one line."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

from polytune.errors import InputError, short
from polytune.readers.text import read_text

SPACE = re.compile(r"[ \t\n\r\ufeff]*")


class _Refused(ValueError):
    """What the JSON library lets through and a user cannot have meant."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _Refused(f"the key '{short(twice)}' stands twice in one object; keep one of them")
    return found


def _no_constant(name: str) -> Any:
    raise _Refused(f"{name} is no value of JSON; write a number or null")


def _finite(text: str) -> float:
    if math.isinf(value := float(text)):
        raise _Refused(f"the number {text[:20]} is too large")
    return value


DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite)


def read_json(path: Path | str) -> Any:
    """Return the value of a JSON file (also compressed); raises `InputError` naming file and line."""
    text = read_text(path)
    value, end = scan(text, skip_space(text), str(path))
    if skip_space(text, end) < len(text):
        raise InputError(f"{path}: line {line_of(text, end)}: something follows the end of the JSON value")
    return value


def scan(text: str, start: int, place: str) -> tuple[Any, int]:
    """Return the JSON value that begins at character `start`, and where it ends; `place` begins messages."""
    try:
        return DECODER.raw_decode(text, start)
    except json.JSONDecodeError as error:
        early = "; the file ends early: is it cut?" if not text[error.pos :].strip() else ""
        raise InputError(
            f"{place}: not valid JSON: {error.msg}: line {error.lineno}, column {error.colno}{early}"
        ) from None
    except RecursionError:
        raise InputError(f"{place}: line {line_of(text, start)}: not readable JSON: nested too deeply") from None
    except _Refused as error:
        raise InputError(f"{place}: line {line_of(text, start)}: not valid JSON: {error}") from None
    except ValueError:  # Python reads no integer of more than 4,300 digits
        raise InputError(f"{place}: line {line_of(text, start)}: a number of thousands of digits") from None


def skip_space(text: str, start: int = 0) -> int:
    """Return where the next value begins; byte order marks of joined files count as space."""
    return SPACE.match(text, start).end()


def line_of(text: str, position: int) -> int:
    """Return the number of the line, from 1, of a character; lines may end with CR, LF or both."""
    before = text[:position]
    return before.count("\n") + before.count("\r") - before.count("\r\n") + 1
