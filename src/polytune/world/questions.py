"""Open questions about what no text and no instruction tells: "why agent does event?", "then agent does event?".

They have the form of instruction rows, so a tuned model understands them. The answers are held-out pairs of agent and
event. A question of two turns asks on: why the event that was the true answer, or what follows after it.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass

from polytune.world.facts import Facts
from polytune.world.grammar import JOINTS, Grammar
from polytune.world.settings import WorldSettings

KINDS = tuple(JOINTS)
BLOCK = 8  # questions, of which the last two (one of each kind) have two turns


@dataclass(frozen=True)
class Question:
    """A question in no language: each turn asks about one event of the chain, and the next one is the answer."""

    kind: str
    agent: int
    chain: tuple[int, ...]

    @property
    def turns(self) -> list[tuple[int, int]]:
        """Return (event, its answer) of each turn."""
        return list(zip(self.chain, self.chain[1:], strict=False))

    def tell_turns(self, grammar: Grammar) -> list[str]:
        """Return the turns in the language of an unguarded grammar."""
        return [grammar.question(self.kind, self.agent, event) for event, _ in self.turns]

    def tell_answers(self, grammar: Grammar) -> list[str]:
        """Return the true answers, word for word."""
        return [grammar.answer(self.kind, self.agent, answer) for _, answer in self.turns]


def draw_questions(settings: WorldSettings, facts: Facts) -> list[Question]:
    """Draw the world's questions, such that the first N of them are a balanced sample, whatever N.

    The kinds take turns, and each question is one whose answers, then whose agent, were asked for least so far. Nothing
    is asked twice, neither as a first nor as a second turn.
    """
    rng = random.Random(f"{settings.seed}/questions")
    answers, agents = Counter(), Counter()
    asked: set[tuple[str, int, int]] = set()
    questions = []
    for number in range(settings.questions):
        kind, turns = KINDS[number % len(KINDS)], 2 if number % BLOCK >= BLOCK - 2 else 1
        candidates = [
            question
            for question in list_questions(facts, kind, turns)
            if not any((kind, question.agent, event) in asked for event, _ in question.turns)
        ]
        rng.shuffle(candidates)
        question = min(candidates, key=lambda q: (sum(answers[answer] for _, answer in q.turns), agents[q.agent]))
        questions.append(question)
        agents[question.agent] += 1
        answers.update(answer for _, answer in question.turns)
        asked |= {(kind, question.agent, event) for event, _ in question.turns}
    return questions


def list_questions(facts: Facts, kind: str, turns: int) -> list[Question]:
    """Return every question of a kind whose answers are held out."""
    questions = []
    for agent in range(facts.agents):
        for event in range(len(facts.events)):
            chain = [event]
            while len(chain) <= turns:
                chain.append(facts.answer(kind, chain[-1]))
            if all((agent, answer) in facts.held_out for answer in chain[1:]):
                questions.append(Question(kind, agent, tuple(chain)))
    return questions
