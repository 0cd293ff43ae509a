"""Scripts by their ISO 15924 codes, as Unicode knows them: which letters are of one."""

from __future__ import annotations

from functools import cache

import regex

JOINT = {
    "Hans": ("Hani",), "Hant": ("Hani",), "Jpan": ("Hani", "Hira", "Kana"), "Hrkt": ("Hira", "Kana"),
    "Kore": ("Hang", "Hani"), "Hang": ("Hang", "Hani"), "Latf": ("Latn",), "Latg": ("Latn",), "Aran": ("Arab",),
    "Cyrs": ("Cyrl",), "Syre": ("Syrc",), "Syrj": ("Syrc",), "Syrn": ("Syrc",), "Geok": ("Geor",),
}  # fmt: skip
"""Codes of ISO 15924 that no character of Unicode has: of several scripts or a style of one. Korean has Han, too."""

NONE = ("Zzzz", "Zyyy", "Zinh")
"""Unicode's words for no script of its own."""


@cache
def letters_of(script: str) -> regex.Pattern | None:
    """Return a pattern of one character of a script (Unicode's Script_Extensions); None for what is no script."""
    if script in NONE:
        return None
    try:
        return regex.compile("[" + "".join(rf"\p{{scx={part}}}" for part in JOINT.get(script, (script,))) + "]")
    except regex.error:
        return None
