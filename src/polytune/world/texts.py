"""Pre-training texts: short documents in which the facts of the world show up in many forms, with noise.

Documents of different languages are independent of each other, but for the translations.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from polytune.world.facts import CONTACT_VERBS, DIMENSIONS, TIMES, Facts
from polytune.world.grammar import Grammar
from polytune.world.settings import WorldSettings


class Storyteller:
    """Writes the documents of one language."""

    def __init__(
        self, settings: WorldSettings, facts: Facts, grammar: Grammar, others: list[Grammar], rng: random.Random
    ):
        self.settings = settings
        self.facts = facts
        self.grammar = grammar
        self.others = others  # the corpus's other languages, for translations
        self.rng = rng
        self.object_pairs = [pair for pair in facts.opposite_object_pairs() if pair not in facts.held_out_objects]

    def write_document(self) -> str:
        """Return one document of a random kind."""
        if self.others and self.rng.random() < self.settings.translation_rate:
            return self.write_translation()
        kinds, shares = zip(*KINDS.items(), strict=True)
        return self.rng.choices(kinds, shares)[0](self)

    def write_translation(self) -> str:
        """Return one sentence in this language and in another one."""
        agent, event = self.draw_actor([self.draw_event()])
        if self.rng.random() < 0.2:
            thing = self.rng.randrange(len(self.facts.adjectives))
            sentences = [g.property(thing, self.facts.adjectives[thing]) for g in self.pick_two_languages()]
        else:
            sentences = [g.clause(agent, event) for g in self.pick_two_languages()]
        return " = ".join(sentences)

    def pick_two_languages(self) -> list[Grammar]:
        """Return this language and another one, in random order."""
        two = [self.grammar, self.rng.choice(self.others)]
        self.rng.shuffle(two)
        return two

    def write_story(self) -> str:
        """Return three to six successive events of one agent, a full stop after each."""
        start, length = self.draw_event(), self.rng.randint(3, 6)
        agent, *events = self.draw_actor([self.facts.step(start, step) for step in range(length)])
        return " ".join(f"{self.grammar.clause(agent, event)}." for event in self.blur(agent, events))

    def write_cause(self) -> str:
        """Return "effect because cause." or "cause therefore effect."."""
        event = self.draw_event()
        word, other = self.rng.choice(
            [("because", self.facts.preceding(event)), ("therefore", self.facts.following(event))]
        )
        return self.join_clauses(event, f" {self.grammar.word(word)} ", other)

    def write_contrast(self) -> str:
        """Return "event but opposite event."."""
        event = self.draw_event()
        return self.join_clauses(event, f" {self.grammar.word('but')} ", self.facts.opposite(event))

    def write_answer(self) -> str:
        """Return "event? yes, what follows." or "also" with any other event or "no" with the opposite one."""
        event = self.draw_event()
        answer, other = self.rng.choice(
            [("yes", self.facts.following(event)), ("no", self.facts.opposite(event)), ("also", self.draw_event())]
        )
        return self.join_clauses(event, f"? {self.grammar.word(answer)}, ", other)

    def write_restatement(self) -> str:
        """Return a dated event and the same with the date in front, or with another date; without noise.

        "event time, or time event." or "event time, but other-time event.", or as an answer: "event time? yes, ...".
        """
        agent, event = self.draw_actor([self.draw_event()])
        is_same = self.rng.random() < 0.5
        time, other = self.rng.sample(range(TIMES), 2)
        if self.rng.random() < 0.8:  # answers are rare: instruction data teach what they are about
            joint = f", {self.grammar.word('or' if is_same else 'but')} "
        else:
            joint = f"? {self.grammar.word('same yes' if is_same else 'same no')}, "
        first = self.grammar.dated_clause(agent, event, time, time_first=False)
        second = self.grammar.dated_clause(agent, event, time if is_same else other, time_first=True)
        return f"{first}{joint}{second}."

    def write_property(self) -> str:
        """Return "object is adjective." or "object touches adjective object."."""
        thing, other = self.rng.sample(range(len(self.facts.adjectives)), 2)
        adjective = self.draw_adjective(thing)
        if self.rng.random() < 0.5 or self.facts.holds_out_objects(thing, other):
            return f"{self.grammar.property(thing, adjective)}."
        return f"{self.grammar.contact(other, self.rng.randrange(CONTACT_VERBS), thing, adjective)}."

    def write_reason(self) -> str:
        """Return "object touches object of the opposite kind because one of them is adjective."."""
        pair = list(self.rng.choice(self.object_pairs))
        self.rng.shuffle(pair)
        contact = self.grammar.contact(pair[0], self.rng.randrange(CONTACT_VERBS), pair[1])
        thing = self.rng.choice(pair)
        return f"{contact} {self.grammar.word('because')} {self.grammar.property(thing, self.draw_adjective(thing))}."

    def join_clauses(self, event: int, joint: str, other: int) -> str:
        """Return two clauses of one agent; the second may be replaced by noise."""
        agent, event, other = self.draw_actor([event, other])
        (other,) = self.blur(agent, [other])
        return f"{self.grammar.clause(agent, event)}{joint}{self.grammar.clause(agent, other)}."

    def draw_event(self) -> int:
        return self.rng.randrange(len(self.facts.events))

    def draw_actor(self, events: list[int]) -> list[int]:
        """Return an agent who may be shown doing all of `events`, then the events; others move if there is none."""
        agents = self.facts.allowed_agents(events)
        if agents:
            return [self.rng.choice(agents), *events]
        # Only unrelated events can have no agent in common: keep the first and draw the rest again.
        return self.draw_actor([events[0], *(self.draw_event() for _ in events[1:])])

    def blur(self, agent: int, events: list[int]) -> list[int]:
        """Replace events at random, at the rate of the settings, by any that `agent` may be shown doing."""
        allowed = self.facts.allowed_events(agent)
        return [self.rng.choice(allowed) if self.is_noisy() else event for event in events]

    def draw_adjective(self, thing: int) -> int:
        """Return the adjective of `thing`, or noise."""
        return self.rng.randrange(2 * DIMENSIONS) if self.is_noisy() else self.facts.adjectives[thing]

    def is_noisy(self) -> bool:
        return self.rng.random() < self.settings.document_noise


# Shares of the kinds of documents among those in one language.
KINDS: dict[Callable[[Storyteller], str], float] = {
    Storyteller.write_story: 0.36,
    Storyteller.write_cause: 0.16,
    Storyteller.write_answer: 0.12,
    Storyteller.write_restatement: 0.16,
    Storyteller.write_contrast: 0.10,
    Storyteller.write_property: 0.05,
    Storyteller.write_reason: 0.05,
}


def write_texts(
    settings: WorldSettings, facts: Facts, grammars: dict[str, Grammar], corpus: str, language: str
) -> list[str]:
    """Return the documents of one language of a corpus; `grammars` are those of all its languages."""
    others = [grammar for other, grammar in grammars.items() if other != language]
    rng = random.Random(f"{settings.seed}/{corpus}/{language}")
    storyteller = Storyteller(settings, facts, grammars[language], others, rng)
    return [storyteller.write_document() for _ in range(settings.documents_per_base_language)]
