"""Words that descend through the real family tree, are borrowed from neighbours and fit the language's sounds.

Every node of the tree has its own random stream, named after its path: a language's words do not depend on
which other languages the world has, but for its loans.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable
from dataclasses import dataclass

from polytune.world import stock
from polytune.world.facts import CONTACT_VERBS, DIMENSIONS, TIMES, Facts
from polytune.world.settings import WorldSettings
from polytune.world.uriel import Profile

VOWELS = "aeiou"
CONSONANTS = "pbtdkgmnfvshylrwxcq"
FUNCTION_WORDS = (
    "because",
    "therefore",
    "but",
    "or",
    "right",
    "yes",
    "also",
    "no",
    "is",
    "at",
    "why",
    "then",
    "continue",
)
NAMES = (
    "mirela",
    "tobano",
    "kasumi",
    "adiran",
    "lenoka",
    "parvel",
    "sunita",
    "gorane",
    "yolima",
    "danuri",
    "vekola",
    "huroba",
)
# Regular sound changes: letter before, letter after.
SOUND_CHANGES = [tuple(change) for change in ("pf", "bv", "td", "dt", "kh", "gk", "fh", "sh", "vw", "wv", "rl")]
SOUND_CHANGES += [tuple(change) for change in ("lr", "xh", "hx", "qk", "cs", "mn", "yi", "eu", "ei", "ou", "ui")]
# What a letter becomes in a language without it: the first of these that the language has.
SUBSTITUTES = {
    "p": "bf", "b": "pv", "t": "dc", "d": "tl", "k": "gq", "m": "nb", "n": "md", "f": "pvh", "v": "bwf", "s": "cth",
    "h": "xkg", "y": "lrg", "l": "rnd", "r": "ldn", "w": "vbg", "x": "hkg", "c": "stk", "q": "kg", "e": "i", "u": "o",
}  # fmt: skip


@dataclass(frozen=True)
class Word:
    """A word of one language and where it comes from: `inherited`, `loan from xx` or `harness`."""

    form: str
    origin: str


Lexicon = dict[str, Word]  # by concept


def list_concepts(settings: WorldSettings, facts: Facts) -> list[str]:
    """Return the concepts every language has a word for, in a fixed order."""
    numbered = {
        "object": len(facts.adjectives),
        "place": settings.places,
        "adjective": 2 * DIMENSIONS,
        "contact": CONTACT_VERBS,
        "time": TIMES,
    }
    content = [f"{kind} {number}" for kind, count in numbered.items() for number in range(count)]
    return [event.verb for event in facts.events] + content + list(FUNCTION_WORDS)


def build_lexicons(settings: WorldSettings, facts: Facts, profiles: dict[str, Profile]) -> dict[str, Lexicon]:
    """Return the lexicon of every language of `profiles`."""
    tree = FamilyTree(settings, list_concepts(settings, facts), profiles)
    inherited = {language: tree.words_of_language(language) for language in profiles}
    return {language: finish_lexicon(settings, language, inherited, profiles) for language in profiles}


class FamilyTree:
    """The words of every node of the family tree, made on demand from the root down."""

    def __init__(self, settings: WorldSettings, concepts: list[str], profiles: dict[str, Profile]):
        self.settings = settings
        self.concepts = concepts
        self.profiles = profiles
        self.words: dict[tuple[str, ...], dict[str, str]] = {}

    def words_of_language(self, language: str) -> dict[str, str]:
        """Return the inherited words of `language`: those of its last ancestor after its own changes."""
        rng = random.Random(f"{self.settings.seed}/words/{language}")
        profile = self.profiles[language]
        rate = self.settings.replacement_in_language
        return self.change_words(self.words_of_node(profile.lineage), profile.letters, rate, rng)

    def words_of_node(self, path: tuple[str, ...]) -> dict[str, str]:
        """Return the words of the node at the end of `path`."""
        if path not in self.words:
            rng = random.Random(f"{self.settings.seed}/node/{'/'.join(path)}")
            letters = self.letters_of_node(path)
            if len(path) == 1:
                self.words[path] = {concept: invent_word(self.settings, letters, rng) for concept in self.concepts}
            else:
                rate = self.settings.replacement_per_branch
                self.words[path] = self.change_words(self.words_of_node(path[:-1]), letters, rate, rng)
        return self.words[path]

    def letters_of_node(self, path: tuple[str, ...]) -> frozenset[str]:
        """Return the letters that at least half of the node's languages have."""
        members = [profile for profile in self.profiles.values() if profile.lineage[: len(path)] == path]
        every = frozenset().union(*(profile.letters for profile in members))
        return frozenset(x for x in every if 2 * sum(x in profile.letters for profile in members) >= len(members))

    def change_words(self, words: dict[str, str], letters: frozenset[str], rate: float, rng: random.Random):
        """Replace words at `rate` and perhaps apply one regular sound change to all."""
        changed = {
            concept: invent_word(self.settings, letters, rng) if rng.random() < rate else words[concept]
            for concept in self.concepts
        }
        if rng.random() < self.settings.sound_change_rate:
            before, after = rng.choice(SOUND_CHANGES)
            changed = {concept: form.replace(before, after) for concept, form in changed.items()}
        return changed


def invent_word(settings: WorldSettings, letters: frozenset[str], rng: random.Random) -> str:
    """Return a new word of two or three syllables from `letters`."""
    syllables = 3 if rng.random() < settings.third_syllable_rate else 2
    form = "".join(invent_syllable(letters, rng) for _ in range(syllables))
    return form + pick_letter(CONSONANTS, letters, rng) if rng.random() < settings.final_consonant_rate else form


def invent_syllable(letters: frozenset[str], rng: random.Random) -> str:
    """Return a consonant and a vowel."""
    return pick_letter(CONSONANTS, letters, rng) + pick_letter(VOWELS, letters, rng)


def pick_letter(kind: str, letters: frozenset[str], rng: random.Random) -> str:
    return rng.choice([letter for letter in kind if letter in letters])


def finish_lexicon(
    settings: WorldSettings, language: str, inherited: dict[str, dict[str, str]], profiles: dict[str, Profile]
) -> Lexicon:
    """Borrow, adapt, part homonyms and put in the words that the harness fixes."""
    rng = random.Random(f"{settings.seed}/loans/{language}")
    profile = profiles[language]
    donors = [other for other in profiles if other != language]
    weights = [math.exp(-profile.distance_km(profiles[other]) / settings.loan_distance_km) for other in donors]
    fixed = stock.stock_words(language)
    taken = set(NAMES).union(part for phrase in fixed.values() for part in phrase.split())
    lexicon = {}
    for concept, form in inherited[language].items():
        origin = "inherited"
        if donors and rng.random() < settings.loan_rate:
            donor = rng.choices(donors, weights)[0]
            form, origin = inherited[donor][concept], f"loan from {donor}"
        if rng.random() < settings.adaptation_rate:
            form = adapt_form(form, profile.letters)
        while form in taken:
            form += invent_syllable(profile.letters, rng)
        taken.add(form)
        lexicon[concept] = Word(form, origin)
    return lexicon | {concept: Word(form, "harness") for concept, form in fixed.items()}


def adapt_form(form: str, letters: Iterable[str]) -> str:
    """Replace the letters of `form` that a language lacks by those it has."""
    substitutes = {
        letter: next((other for other in SUBSTITUTES[letter] if other in letters), letter)
        for letter in set(form)
        if letter not in letters
    }
    return "".join(substitutes.get(letter, letter) for letter in form)
