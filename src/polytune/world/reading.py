"""Which language of the world a text is in, and what a sentence of it says, by the lexicons and grammars of all.

Relatives share words, and words are borrowed, so a text may be possible in several languages. The rule
(`Reader.identify`): the languages that have the most of its words; of these the ones whose word order most of its
sentences follow; of these the one that was asked for; else the one with the fewest loans among these words; else the
first of the world's languages. Names of persons are the same everywhere and say nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from polytune.world.lexicon import NAMES
from polytune.world.world import World

WORD = re.compile(r"[^\s.,?!:;=()\"]+")
SENTENCE = re.compile(r"([^.?!\n]*)([.?!\n]|$)")
LETTERS = {"verb": "V", "object": "O", "place": "P", "time": "T", "at": "A"}
"""The part of speech of a concept, by the first word of its name."""
JOINTS = ("because", "therefore", "but", "or", "yes", "also", "no", "same yes", "same no")
NAME, JOINT, OTHER = "NJ-"
CLAUSES = {"SVO": "NV{0}", "SOV": "N{0}V", "VSO": "VN{0}"}


@dataclass(frozen=True)
class Identified:
    """The language of a text."""

    language: str
    """Empty if no language has any of its words."""
    candidates: int
    """How many languages the words and their order allow."""
    rule: str
    """What decided: `words`, `order`, `asked`, `loans`, `first` of the world's languages, `no word`."""


@dataclass(frozen=True)
class Sentence:
    """What a well-formed sentence about a person says."""

    agent: int
    verb: str
    complement: str
    joint: tuple[str, ...]
    """The words before the clause: because, therefore, ..."""


class Reader:
    """Reads texts in the languages of one world."""

    def __init__(self, world: World) -> None:
        self.languages = world.settings.languages
        self.names = {name: number for number, name in enumerate(NAMES[: world.facts.agents])}
        self.concepts = [_concepts_of_words(world, language) for language in self.languages]
        self.patterns = [_pattern_of_clauses(world, language) for language in self.languages]
        forms = sorted(set().union(*self.concepts))
        self.rows = {form: row for row, form in enumerate(forms)}
        self.known = np.array([[form in words for words in self.concepts] for form in forms])  # [forms, languages]
        loans = [_loans_of(world, language) for language in self.languages]
        self.native = self.known & np.array([[form not in words for words in loans] for form in forms])

    def words(self, text: str) -> list[str]:
        """Return the words of a text."""
        return WORD.findall(text)

    def says_something(self, text: str) -> bool:
        """Tell whether a text has words other than names."""
        return any(word not in self.names for word in self.words(text))

    def has_words(self, text: str, language: str) -> bool:
        """Tell whether `language`, one of the world's, has every word of a text but the names."""
        words = self.concepts[self.languages.index(language)]
        return all(word in words or word in self.names for word in self.words(text))

    def languages_of_words(self, words: list[str]) -> list[int]:
        """Return the numbers of the languages that have all of `words` but the names; none if there are only names."""
        words = [word for word in words if word not in self.names]
        if not words or any(word not in self.rows for word in words):
            return []
        return self.known[[self.rows[word] for word in words]].all(axis=0).nonzero()[0].tolist()

    def read(self, words: list[str], language: int) -> Sentence | None:
        """Return what `words` say in a language (by number) if they are a sentence about a person, else None."""
        concepts = self.concepts[language]
        named = [NAME if word in self.names else concepts.get(word, ("", OTHER))[1] for word in words]
        match = self.patterns[language].fullmatch("".join(named))
        if match is None:
            return None
        parts = {letter: word for letter, word in zip(named, words, strict=True)}
        complement = concepts[parts.get("O") or parts["P"]][0]
        joint = tuple(words[: match.end("joint")])
        return Sentence(self.names[parts[NAME]], concepts[parts["V"]][0], complement, joint)

    def identify(self, text: str, asked: str) -> Identified:
        """Return the language of a text that answers a question in the language `asked` (rule: see the module)."""
        rows = [self.rows[word] for word in self.words(text) if word in self.rows]
        if not rows:
            return Identified("", 0, "no word")
        tied = _largest(self.known[rows].sum(axis=0))
        if len(tied) == 1:
            return Identified(self.languages[tied[0]], 1, "words")
        sentences = [words for match in SENTENCE.finditer(text) if (words := self.words(match[1]))]
        formed = [sum(self.read(words, language) is not None for words in sentences) for language in tied]
        tied = [tied[place] for place in _largest(np.array(formed))]
        candidates = [self.languages[language] for language in tied]
        if len(tied) == 1:
            return Identified(candidates[0], 1, "order")
        if asked in candidates:
            return Identified(asked, len(tied), "asked")
        native = _largest(self.native[rows][:, tied].sum(axis=0))
        return Identified(candidates[native[0]], len(tied), "loans" if len(native) == 1 else "first")


def _largest(counts: np.ndarray) -> list[int]:
    """Return where the largest of some counts stand."""
    return (counts == counts.max()).nonzero()[0].tolist()


def _concepts_of_words(world: World, language: str) -> dict[str, tuple[str, str]]:
    """Return (concept, part of speech) of each word; a concept of two words ("kwa sababu") has each of them."""
    return {
        part: (concept, JOINT if concept in JOINTS else LETTERS.get(concept.partition(" ")[0], OTHER))
        for concept, word in world.lexicons[language].items()
        for part in word.form.split()
    }


def _loans_of(world: World, language: str) -> set[str]:
    return {word.form for word in world.lexicons[language].values() if word.origin.startswith("loan")}


def _pattern_of_clauses(world: World, language: str) -> re.Pattern[str]:
    """Return what the parts of speech of a sentence about a person look like, a time before or after it."""
    profile = world.profiles[language]
    complement = "(?:O|AP)" if profile.has_prepositions else "(?:O|PA)"
    return re.compile(f"(?P<joint>J{{0,2}})T?{CLAUSES[profile.order].format(complement)}T?")
