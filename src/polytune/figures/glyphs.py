"""No label is drawn with a sign that no font has: boxes look like text and say nothing."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from polytune.analysis.context import Context
from polytune.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BOXES = "Last Resort"
"""Fonts of this name have a box for every character of Unicode."""


def use_fonts(context: Context) -> tuple[Context, list[str]]:
    """Set the fonts that the names of languages and benchmarks need beside the figures' own.

    Returns the context with the code in the place of every language name that no installed font can write, and a line
    that says which.
    """
    import matplotlib

    words = [*context.languages.values(), *(one.title for one in context.evaluations)]
    family = [*matplotlib.rcParams["font.family"], *find_fonts("".join(words))]
    matplotlib.rcParams["font.family"] = family
    lost = {code for code, name in context.languages.items() if missing_characters(name)}
    names = {code: code if code in lost else name for code, name in context.languages.items()}
    said = f"no font has all characters of the names of {', '.join(sorted(lost))}; their codes are written instead"
    return replace(context, languages=names), [said] * bool(lost)


def check_glyphs(figure: Figure, where: str) -> None:
    """Raise `InputError` if a text of a figure has a character that none of the fonts in use has."""
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        label = text.get_text()
        if missing := missing_characters(label, text.get_fontstyle()):
            raise InputError(f"{where}: no font has {missing!r} of the label '{label}'; write it otherwise")


def style_of(text: str, style: str) -> str:
    """Return `style`, or `normal` if `text` has characters that the fonts in use have in upright letters only."""
    return style if not missing_characters(text, style) else "normal"


def missing_characters(text: str, style: str = "normal") -> str:
    """Return the characters of `text` that none of the fonts in use (`font.family`) has in a style."""
    import matplotlib
    from matplotlib.font_manager import FontProperties, findfont

    family = matplotlib.rcParams["font.family"]
    fonts = [findfont(FontProperties(family=[name], style=style)) for name in family]
    known = frozenset().union(*map(_characters, fonts))
    return "".join(sorted({character for character in text if _is_drawn(character) and ord(character) not in known}))


def find_fonts(text: str) -> list[str]:
    """Return installed fonts, besides the figures' own, that together have as many characters of `text` as any."""
    from matplotlib.font_manager import FontProperties, findfont, fontManager

    left = {ord(character) for character in text if _is_drawn(character)} - _characters(findfont(FontProperties()))
    chosen = []
    for font in fontManager.ttflist if left else ():
        upright = font.style == "normal" and font.weight in (400, "normal", "regular")
        if upright and not font.name.startswith(BOXES) and left & _characters(font.fname):
            chosen.append(font.name)
            left -= _characters(font.fname)
    return chosen


def _is_drawn(character: str) -> bool:
    return character.isprintable() and not character.isspace()


@cache
def _characters(path: str) -> frozenset[int]:
    """Return the code points that a font file has a glyph for."""
    from matplotlib.ft2font import FT2Font

    return frozenset(FT2Font(path).get_charmap())
