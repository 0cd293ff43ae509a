"""Sound correspondence: how far the consonants of eighteen basic words agree between two languages.

After Beaufils and Tomin (2020, "Stochastic approach to worldwide language classification") and elinguistics.net, whose
scores Lucky 52 (arXiv 2404.04850, section 4.3) used. What is described there: the eighteen meanings; points from
consonant to consonant by known sound changes, averaged to the word and then to the language, grammatical endings left
aside; their distance is 100 minus that result in percent. The points themselves were not found: `RELATED` and
`COGNATE_POINTS` are ours, chosen so that Lucky 52's published correlations are possible (docs/languages.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

from polytune.errors import InputError, nearest
from polytune.languages.codes import table_path
from polytune.readers.tables import read_tsv

if TYPE_CHECKING:
    import numpy as np

WORDS = ("eye", "ear", "nose", "hand", "tongue", "tooth", "death", "water", "sun")
WORDS += ("wind", "night", "two", "three", "four", "I", "you", "who", "name")

VOWELS = frozenset("aeiouäöüõıə")
CONSONANTS = frozenset("pbtdkgq'fvθðszšžxɣhħʕcčǰmnñŋlrwy")

RELATED_GROUPS = ("pbfvw", "tdθð", "szšžcčǰ", "kgqxɣ", "xɣhħʕ'", "mnñŋ", "lr")
"""Consonants that turn into each other by change of voice, manner or a neighbouring place; every two of a group."""
RELATED_PAIRS = "tc tč ts θs dz dǰ ðz kc kč ks kš gǰ gž gz gy kh sh fh ph sr zr yǰ yž yl gw dl"
"""Pairs across groups: affricates and spirants from stops, palatalised velars, debuccalised spirants, rhotacism."""
RELATED = frozenset(
    frozenset(pair)
    for pair in (*RELATED_PAIRS.split(), *(c for group in RELATED_GROUPS for c in combinations(group, 2)))
)
IDENTICAL_POINTS = 1.0
RELATED_POINTS = 0.5
COGNATE_POINTS = 0.5
"""What a word must reach to count: less is taken for chance."""


def default_words_path() -> Path:
    """Return the table of basic words of the checkout, beside the table of languages."""
    return table_path().parent / "languages" / "basic-words.tsv"


def read_words(path: Path | str) -> dict[str, dict[str, str]]:
    """Return the words of each language of a table: `words["en"]["eye"]` is `ai`.

    The table is tab-separated, or comma-separated if its name ends in `.csv`, with the columns `language` and `WORDS`
    and comment lines that start with `#`; `-` or nothing says that a word is not known. Raises `InputError` for a
    missing column, a language listed twice and a letter outside the transcription.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no table of basic words")
    rows = read_tsv(path, name_column="language")
    for column in ("language", *WORDS):
        if column not in rows[0]:
            raise InputError(f"{path}: no column '{column}'{nearest(column, rows[0])}")
    return {
        row["language"]: {word: _check_form(row[word], f"{path}: {row['language']}: {word}") for word in WORDS}
        for row in rows
    }


def build_sound_similarity(words: dict[str, dict[str, str]], codes: Sequence[str]) -> np.ndarray:
    """Return the similarity of every two of `codes`, in [0, 1] and symmetric, shape (codes, codes).

    A language is 1 to itself. NaN where a language is not in `words` or no word can be compared.
    """
    import numpy as np

    similarity = np.full((len(codes), len(codes)), np.nan)
    for row, language in enumerate(codes):
        similarity[row, row] = 1.0
        for column, other in enumerate(codes[:row]):
            if language in words and other in words:
                similarity[row, column] = similarity[column, row] = compare_languages(words[language], words[other])
    return similarity


def compare_languages(ours: dict[str, str], theirs: dict[str, str]) -> float:
    """Return the mean score of the words that can be compared, in [0, 1]; NaN if there is none."""
    scores = [compare_words(ours[word], theirs[word]) for word in WORDS if ours[word] and theirs[word]]
    scores = [score for score in scores if score is not None]
    return sum(scores) / len(scores) if scores else float("nan")


@cache
def compare_words(ours: str, theirs: str) -> float | None:
    """Return the points of the best alignment of two words' consonants, in order, per consonant of the longer.

    Less than `COGNATE_POINTS` is 0. Two words without consonants say nothing: None.
    """
    first = [letter for letter in ours if letter in CONSONANTS]
    second = [letter for letter in theirs if letter in CONSONANTS]
    if not first and not second:
        return None
    # best[j]: points of the consonants of `first` so far against the first j of `second`; what stays alone gets nothing
    best = [0.0] * (len(second) + 1)
    for consonant in first:
        previous, best = best, [0.0]
        for j, other in enumerate(second):
            best.append(max(previous[j] + _points(consonant, other), previous[j + 1], best[j]))
    score = best[-1] / max(len(first), len(second))
    return score if score >= COGNATE_POINTS else 0.0


def _points(consonant: str, other: str) -> float:
    if consonant == other:
        return IDENTICAL_POINTS
    return RELATED_POINTS if frozenset((consonant, other)) in RELATED else 0.0


def _check_form(form: str, where: str) -> str:
    """Return a transcribed word, empty if it is not known; a letter outside the transcription is an `InputError`."""
    if form == "-":
        return ""
    for letter in form:
        if letter not in VOWELS | CONSONANTS:
            letters = " ".join(sorted(VOWELS | CONSONANTS))
            raise InputError(f"{where}: '{form}' has the letter '{letter}'; the letters are {letters}")
    return form
