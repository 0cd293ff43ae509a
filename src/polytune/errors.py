"""The one exception that means "the user's input is wrong", and the words to say it with.

The command line prints an `InputError` as a single message without a traceback; every other exception is a
defect of Polytune and keeps its traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class InputError(Exception):
    """Something a user can repair: the message names the file, the key or row, the value and the remedy."""


def nearest(value: str, allowed: Iterable[str]) -> str:
    """Return `"; did you mean 'x'?"` for the allowed value nearest to `value`, or an empty string."""
    match = difflib.get_close_matches(str(value), [str(item) for item in allowed], n=1, cutoff=0.5)
    return f"; did you mean '{match[0]}'?" if match else ""
