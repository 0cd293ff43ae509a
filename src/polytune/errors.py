"""The one exception that means "the user's input is wrong", and the words to say it with.

The command line prints an `InputError` as a single message without a traceback; every other exception is a
defect of Polytune and keeps its traceback.
"""

from __future__ import annotations

import difflib
import re
import reprlib
from collections.abc import Iterable, Mapping

LONGEST_REASON = 400  # characters


class InputError(Exception):
    """Something a user can repair: the message names the file, the key or row, the value and the remedy."""


def nearest(value: str, allowed: Iterable[str]) -> str:
    """Return `"; did you mean 'x'?"` for the allowed value nearest to `value`, or an empty string."""
    match = difflib.get_close_matches(str(value), [str(item) for item in allowed], n=1, cutoff=0.5)
    return f"; did you mean '{short(match[0])}'?" if match else ""


def nearest_owner(name: str, owners: Mapping[str, str]) -> str | None:
    """Return whose name `name` begins, or is nearest to, None if none is near; `owners` are by their names.

    Capitals do not count, and `-` and `_` stand for spaces.
    """
    plain = plain_name(name)
    by_name = {plain_name(known): owner for known, owner in reversed(owners.items())}
    begun = [known for known in map(plain_name, owners) if plain and known.startswith(f"{plain} ")]
    close = begun or difflib.get_close_matches(plain, by_name, n=1, cutoff=0.5)
    return by_name[close[0]] if close else None


def plain_name(name: str) -> str:
    """Return a name without capitals, with single spaces between its words."""
    return re.sub(r"[\s_-]+", " ", str(name)).strip().casefold()


def counted(count: int | str, noun: str) -> str:
    """Return `1 language`, `3 languages`: how many of a thing, its noun after the number."""
    return f"{int(count):,} {noun}{'' if int(count) == 1 else 's'}"


_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 80
_SHORT.maxlevel = 3


def shown(value: object) -> str:
    """Return a value as a message shows it: shortened where it is long or nested deeply."""
    return _SHORT.repr(value)


def short(text: str) -> str:
    """Return text from a file as a message shows it: without line breaks, its middle left out where it is long."""
    return _SHORT.repr(str(text))[1:-1]


def word(value: object) -> str:
    """Return what kind of value of JSON or YAML this is, for messages."""
    kinds = {list: "a list", dict: "a mapping", str: "text", bool: "true or false", type(None): "null"}
    return kinds.get(type(value), "a number")


def reason(error: Exception) -> str:
    """Return what a library said, in one line, cut where it goes on and on."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= LONGEST_REASON else f"{text[:LONGEST_REASON]}..."
