"""Tables as columns of small integers, so that a page of a few megabytes holds a million values."""

from __future__ import annotations

import base64
import gzip
import json
import math
from collections.abc import Iterable
from typing import Any

DIGITS = 6
"""Significant digits of a value in the page: a relative error of at most 5e-6."""


def named(values: Iterable[Any]) -> dict[str, list]:
    """Return a column of words as its distinct words in order of appearance (`names`) and their places (`at`)."""
    places: dict[Any, int] = {}
    at = [places.setdefault(value, len(places)) for value in values]
    return {"names": list(places), "at": at}


def numbers(values: Iterable[float]) -> list[float | int | None]:
    """Return a column of numbers with `DIGITS` significant digits; None for one that is not finite."""
    return [_short(float(value)) for value in values]


def _short(value: float) -> float | int | None:
    if not math.isfinite(value):
        return None
    short = float(f"{value:.{DIGITS}g}")
    return int(short) if short.is_integer() else short


def pack(value: Any) -> str:
    """Return a JSON-able value compressed (gzip, no time in it) and in base64: no sign of it can end a script."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return base64.b64encode(gzip.compress(text.encode("utf-8"), 9, mtime=0)).decode("ascii")


def unpack(text: str) -> Any:
    """Return the value that `pack` packed."""
    return json.loads(gzip.decompress(base64.b64decode(text)))
