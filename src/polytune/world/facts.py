"""What happens in the world, in no language: events that lead to events, objects with properties, and what is held out.

A person's doing of an event is an (agent, event) pair. A share of the pairs is held out: no text and no instruction
tells them, and both choices of a test item are held-out pairs. So a test asks for the knowledge of the events in
a language and cannot be answered by remembering who did what.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass

from polytune.world.settings import WorldSettings

TIMES = 6  # words of time
DIMENSIONS = 4  # of adjectives, each with two opposite ends
CONTACT_VERBS = 8  # verbs between two objects


@dataclass(frozen=True)
class Event:
    """One verb with its only complement."""

    verb: str
    complement: str
    in_place: bool  # the complement is a place and takes an adposition


@dataclass(frozen=True)
class ChoicePair:
    """Two events that stand against each other in test items, each right as often as the other."""

    first: int
    second: int
    agent: int


@dataclass(frozen=True)
class Facts:
    """The truth of one world. Events, agents, objects and adjectives are numbered from 0."""

    events: tuple[Event, ...]
    events_per_storyline: int
    agents: int
    adjectives: tuple[int, ...]  # the adjective of each object; 2d and 2d + 1 are opposite
    choice_rounds: tuple[tuple[ChoicePair, ...], ...]  # of held-out pairs; each round has every event once
    example_round: tuple[ChoicePair, ...]  # the same of pairs that are not held out, for few-shot splits
    held_out: frozenset[tuple[int, int]]  # (agent, event)
    held_out_objects: frozenset[tuple[int, int]]  # (object of adjective 2d, object of adjective 2d + 1)

    def step(self, event: int, steps: int) -> int:
        """Return the event that comes `steps` later (or earlier) in the storyline, which is a circle."""
        storyline, position = divmod(event, self.events_per_storyline)
        return storyline * self.events_per_storyline + (position + steps) % self.events_per_storyline

    def following(self, event: int) -> int:
        """Return the event that `event` leads to."""
        return self.step(event, 1)

    def preceding(self, event: int) -> int:
        """Return the event that leads to `event`."""
        return self.step(event, -1)

    def answer(self, kind: str, event: int) -> int:
        """Return the event that answers "why `event`?" or "then, after `event`?"."""
        return self.preceding(event) if kind == "why" else self.following(event)

    def opposite(self, event: int) -> int:
        """Return the event of the mirrored storyline: same complement, opposite verb."""
        storyline, position = divmod(event, self.events_per_storyline)
        return (storyline ^ 1) * self.events_per_storyline + position

    def pair_of_storylines(self, event: int) -> int:
        """Return the number of the pair of mirrored storylines that `event` belongs to."""
        return event // (2 * self.events_per_storyline)

    def allowed_agents(self, events: Iterable[int]) -> list[int]:
        """Return the agents that texts and instructions may show doing all of `events`; never empty within one pair."""
        return [agent for agent in range(self.agents) if all((agent, event) not in self.held_out for event in events)]

    def allowed_events(self, agent: int) -> list[int]:
        """Return the events that texts and instructions may show `agent` doing."""
        return [event for event in range(len(self.events)) if (agent, event) not in self.held_out]

    def holds_out_objects(self, first: int, second: int) -> bool:
        """Tell whether the two objects are held out as a pair."""
        return (first, second) in self.held_out_objects or (second, first) in self.held_out_objects

    def opposite_object_pairs(self) -> list[tuple[int, int]]:
        """Return all (object, object) with opposite adjectives, the even adjective first."""
        return [
            (first, second)
            for first, adjective in enumerate(self.adjectives)
            for second, other in enumerate(self.adjectives)
            if adjective % 2 == 0 and other == adjective + 1
        ]


def build_facts(settings: WorldSettings) -> Facts:
    """Draw the facts of the world `settings.seed`."""
    rng = random.Random(f"{settings.seed}/facts")
    objects = 2 * DIMENSIONS * settings.objects_per_adjective
    length = settings.events_per_storyline
    events: list[Event] = []
    for storyline in range(settings.storylines):
        for position in range(length):
            if storyline % 2:  # mirrors the storyline before it
                mirrored = events[-length]
                events.append(Event(f"verb {len(events)}", mirrored.complement, mirrored.in_place))
                continue
            in_place = rng.random() >= settings.object_rate
            kind, count = ("place", settings.places) if in_place else ("object", objects)
            events.append(Event(f"verb {storyline * length + position}", f"{kind} {rng.randrange(count)}", in_place))
    adjectives = [number for number in range(2 * DIMENSIONS) for _ in range(settings.objects_per_adjective)]
    rng.shuffle(adjectives)
    rounds = draw_choice_rounds(settings, rng)
    held_out = {(pair.agent, event) for pairs in rounds for pair in pairs for event in (pair.first, pair.second)}
    examples = []
    for first, second in match_events(settings, rng):
        shown = [agent for agent in range(settings.agents) if not held_out & {(agent, first), (agent, second)}]
        examples.append(ChoicePair(first, second, rng.choice(shown)))
    return Facts(
        events=tuple(events),
        events_per_storyline=length,
        agents=settings.agents,
        adjectives=tuple(adjectives),
        choice_rounds=rounds,
        example_round=tuple(examples),
        held_out=frozenset(held_out),
        held_out_objects=frozenset(match_opposite_objects(adjectives, rng)),
    )


def draw_choice_rounds(settings: WorldSettings, rng: random.Random) -> tuple[tuple[ChoicePair, ...], ...]:
    """Draw the matches of every round and hold them out with an agent that has neither event held out yet.

    The agents are shared out over the pairs of storylines; in its own pair an agent is never held out, so that
    every story can be told by someone.
    """
    pairs_of_storylines = settings.storylines // 2
    events_per_pair = 2 * settings.events_per_storyline
    held_out: set[tuple[int, int]] = set()
    rounds = []
    for _ in range(settings.held_out_rounds):
        pairs = []
        for first, second in match_events(settings, rng):
            candidates = [
                agent
                for agent in range(settings.agents)
                if agent % pairs_of_storylines not in (first // events_per_pair, second // events_per_pair)
                and not held_out & {(agent, first), (agent, second)}
            ]
            agent = rng.choice(candidates)
            held_out |= {(agent, first), (agent, second)}
            pairs.append(ChoicePair(first, second, agent))
        rounds.append(tuple(pairs))
    return tuple(rounds)


def match_events(settings: WorldSettings, rng: random.Random) -> list[tuple[int, int]]:
    """Match every event with one of another pair of storylines."""
    events_per_pair = 2 * settings.events_per_storyline
    starts = range(0, settings.storylines * settings.events_per_storyline, events_per_pair)
    groups = [rng.sample(range(start, start + events_per_pair), events_per_pair) for start in starts]
    matches = []
    while any(groups):
        # Taking from the fullest group first leaves no group alone at the end.
        fullest = max(groups, key=len)
        other = rng.choice([group for group in groups if group and group is not fullest])
        matches.append((fullest.pop(), other.pop()))
    return matches


def match_opposite_objects(adjectives: list[int], rng: random.Random) -> list[tuple[int, int]]:
    """Match the objects of each adjective with those of its opposite, each object once."""
    matches = []
    for dimension in range(DIMENSIONS):
        first, second = (
            [thing for thing, adjective in enumerate(adjectives) if adjective == 2 * dimension + end] for end in (0, 1)
        )
        rng.shuffle(second)
        matches += list(zip(first, second, strict=True))
    return matches
