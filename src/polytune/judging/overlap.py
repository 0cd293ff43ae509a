"""How far an answer is the reference answer: exact match and F1 of tokens, after SQuAD's normalisation.

Rajpurkar et al. 2016 (arXiv 1606.05250, section 6.1 and the official script): lower case, no punctuation, no articles,
single spaces; F1 of the two bags of tokens. For other languages as Lewis et al. 2020 (MLQA, arXiv 1910.07475, section
5.1) do: punctuation is what Unicode calls so, and a script that is written without spaces is cut into characters, marks
staying with the character that they belong to. Articles are removed in English alone: what other languages' articles
are is a decision that XQuAD's authors (arXiv 1910.11856) do not take either.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from functools import cache

ARTICLES = {"en": re.compile(r"\b(?:a|an|the)\b")}
"""By language."""

UNSPACED = ("CJK ", "HIRAGANA ", "KATAKANA ", "THAI ", "LAO ", "KHMER ", "MYANMAR ", "TIBETAN ")
"""How Unicode's names of characters begin that are written without spaces between words."""


def normalise(text: str, language: str) -> list[str]:
    """Return the tokens of an answer that are compared; none for an answer of punctuation and articles alone."""
    text = unicodedata.normalize("NFC", text).lower()
    text = "".join(character for character in text if not _is_punctuation(character))
    if articles := ARTICLES.get(language):
        text = articles.sub(" ", text)
    return [token for word in text.split() for token in _cut(word)]


def exact_match(answer: str, reference: str, language: str) -> float:
    """Return 1 if the two are the same tokens in the same order, else 0."""
    return float(normalise(answer, language) == normalise(reference, language))


def token_f1(answer: str, reference: str, language: str) -> float:
    """Return 2 c / (a + r) for a and r tokens of which c are common, each as often as both have it.

    Where one of the two has no tokens, 1 if the other has none either, else 0.
    """
    said, right = normalise(answer, language), normalise(reference, language)
    if not said or not right:
        return float(said == right)
    common = sum((Counter(said) & Counter(right)).values())
    return 2 * common / (len(said) + len(right))


def _cut(word: str) -> list[str]:
    """Return a word, with every character of an unspaced script as a token of its own."""
    tokens, open_word = [], False
    for character in word:
        if tokens and unicodedata.category(character).startswith("M"):
            tokens[-1] += character
        elif _is_unspaced(character):
            tokens.append(character)
            open_word = False
        elif open_word:
            tokens[-1] += character
        else:
            tokens.append(character)
            open_word = True
    return tokens


@cache
def _is_punctuation(character: str) -> bool:
    """Tell what is removed: Unicode's punctuation, and the signs that ASCII counts as such (`$`, `+`, `~`, ...)."""
    return unicodedata.category(character).startswith("P") or character in "$+<=>^`|~"


@cache
def _is_unspaced(character: str) -> bool:
    return unicodedata.name(character, "").startswith(UNSPACED)
