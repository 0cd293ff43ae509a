"""Sentences of one language: the facts of the world in its words and its word order.

Everything is lower case: the harness lower-cases the first letter of a choice, and a word should be one token wherever
it stands. Sentences come without their full stop.
"""

from __future__ import annotations

from polytune.world.facts import Facts
from polytune.world.lexicon import NAMES, Lexicon
from polytune.world.uriel import Profile

JOINTS = {"why": "because", "then": "therefore"}
"""The word that an answer to each kind of question begins with."""


class Grammar:
    """The sentences of one language. With `guarded` it refuses to tell what is held out for the tests."""

    def __init__(self, facts: Facts, lexicon: Lexicon, profile: Profile, guarded: bool):
        self.facts = facts
        self.words = {concept: word.form for concept, word in lexicon.items()}
        self.profile = profile
        self.guarded = guarded

    def word(self, concept: str) -> str:
        """Return the word for `concept`; the words of a paraphrase question default to those of any question."""
        defaults = {"same": "right", "same yes": "yes", "same no": "no"}
        return self.words.get(concept) or self.words[defaults[concept]]

    def clause(self, agent: int, event: int) -> str:
        """Return "agent does event"; raises ValueError when the pair is held out and the grammar is guarded."""
        if self.guarded and (agent, event) in self.facts.held_out:
            raise ValueError(f"agent {agent} and event {event} are held out for the tests")
        told = self.facts.events[event]
        complement = self.words[told.complement]
        if told.in_place:
            at = self.words["at"]
            complement = f"{at} {complement}" if self.profile.has_prepositions else f"{complement} {at}"
        return self.order(NAMES[agent], self.words[told.verb], complement)

    def question(self, kind: str, agent: int, event: int) -> str:
        """Return "why (or: then) agent does event?"."""
        return f"{self.word(kind)} {self.clause(agent, event)}?"

    def answer(self, kind: str, agent: int, event: int) -> str:
        """Return "because (or: therefore) agent does event.", the whole answer to a question of `kind`."""
        return f"{self.word(JOINTS[kind])} {self.clause(agent, event)}."

    def dated_clause(self, agent: int, event: int, time: int, time_first: bool) -> str:
        """Return the clause with a word of time before or after it: the same meaning in another order."""
        clause, time_word = self.clause(agent, event), self.words[f"time {time}"]
        return f"{time_word} {clause}" if time_first else f"{clause} {time_word}"

    def contact(self, first: int, verb: int, second: int, adjective: int | None = None) -> str:
        """Return "first touches (adjective) second"; the guard is that of `clause`, for pairs of objects."""
        if self.guarded and self.facts.holds_out_objects(first, second):
            raise ValueError(f"objects {first} and {second} are held out for the tests")
        thing = self.words[f"object {second}"]
        if adjective is not None:
            parts = [self.words[f"adjective {adjective}"], thing]
            thing = " ".join(parts if self.profile.adjective_precedes else parts[::-1])
        return self.order(self.words[f"object {first}"], self.words[f"contact {verb}"], thing)

    def property_parts(self, thing: str, adjective: int) -> tuple[str, str, str]:
        """Return what stands before `thing`, `thing` and what stands after it in "thing is adjective"."""
        copula, quality = self.words["is"], self.words[f"adjective {adjective}"]
        if self.profile.order == "VSO":
            return f"{copula} ", thing, f" {quality}"
        return "", thing, f" {quality} {copula}" if self.profile.order == "SOV" else f" {copula} {quality}"

    def property(self, thing: int, adjective: int) -> str:
        """Return "thing is adjective"."""
        return "".join(self.property_parts(self.words[f"object {thing}"], adjective))

    def order(self, subject: str, verb: str, complement: str) -> str:
        """Put the three parts into the language's order."""
        parts = {"S": subject, "V": verb, "O": complement}
        return " ".join(parts[role] for role in self.profile.order)
