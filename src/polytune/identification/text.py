"""What of an answer tells its language: its prose, without code, addresses, numbers and signs."""

from __future__ import annotations

import re
import unicodedata

from polytune.languages.scripts import letters_of

FEWEST_LETTERS = 20
"""Of a text or line that is identified; below, identifiers guess too often (docs/identification.md has the numbers)."""

LETTERS_OF_AN_IDEOGRAPH = 5
"""A sign for a word or syllable (Han, Kana, Hangul) counts as so many letters: four of them are identified."""

CODE = re.compile(r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)|`[^`\n]*`", re.DOTALL)
ADDRESS = re.compile(r"(?:https?://|www\.)\S+|(?<![\w.+-])[\w.+-]+@[\w-]+\.[\w.]+")
IDEOGRAPH = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]")
FOREIGN_WORD = re.compile(r"(?<![^\W\d_])[a-z]{4,}(?![^\W\d_])")
"""A word of lower-case Latin letters: no name and no acronym. Shorter ones are units and fragments."""


def prose_of(text: str) -> str:
    """Return a text without code (fenced or in backticks) and addresses; its line breaks stay."""
    return ADDRESS.sub(" ", CODE.sub(" ", text))


def lines_of(prose: str) -> list[str]:
    """Return the lines of a prose that are long enough to be identified, reduced to their words."""
    lines = (words_of(line) for line in prose.splitlines())
    return [line for line in lines if count_letters(line) >= FEWEST_LETTERS]


def words_of(prose: str) -> str:
    """Return the letters and marks of a prose, anything else as single spaces."""
    kept = (char if unicodedata.category(char)[0] in "LM" or char in "'’\u200c\u200d" else " " for char in prose)
    return " ".join("".join(kept).split())


def count_letters(text: str) -> int:
    """Return how many letters and marks a text has, an ideograph counting as `LETTERS_OF_AN_IDEOGRAPH`."""
    letters = sum(unicodedata.category(char)[0] in "LM" for char in text)
    return letters + (LETTERS_OF_AN_IDEOGRAPH - 1) * len(IDEOGRAPH.findall(text))


def is_in_script(text: str, script: str) -> bool:
    """Tell whether more than half of the letters of a text are of a script (ISO 15924)."""
    letters, own = [char for char in text if char.isalpha()], letters_of(script)
    return 2 * sum(own.match(char) is not None for char in letters) > len(letters)
