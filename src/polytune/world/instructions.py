"""Instruction data: the same items in every language, in the forms that the benchmarks ask for."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from polytune.world.facts import CONTACT_VERBS, TIMES, Facts
from polytune.world.grammar import JOINTS, Grammar
from polytune.world.settings import WorldSettings

Row = tuple[str, str, str]  # instruction, input, output
Task = Callable[[Grammar], Row]  # one item, to be told in any language


@dataclass
class TaskWriter:
    """Draws items that are not yet in any language."""

    facts: Facts
    rng: random.Random

    def write_reason_question(self) -> Task:
        """Why event? Because of the one before. Or: what then? Therefore the one after."""
        event, kind = self.draw_event(), self.draw_kind()
        (agent, event, answer) = self.draw_actor(event, self.facts.answer(kind, event))
        return lambda g: (g.question(kind, agent, event), "", g.answer(kind, agent, answer))

    def write_reason(self) -> Task:
        """XCOPA's form: event because ... the one before; event therefore ... the one after."""
        event, kind = self.draw_event(), self.draw_kind()
        (agent, event, answer) = self.draw_actor(event, self.facts.answer(kind, event))
        return lambda g: (f"{g.clause(agent, event)} {g.word(JOINTS[kind])}", "", f"{g.clause(agent, answer)}.")

    def write_continuation(self) -> Task:
        """XStoryCloze's form: four events, then the fifth."""
        start = self.draw_event()
        agent, *events = self.draw_actor(*(self.facts.step(start, step) for step in range(5)))

        def tell(g: Grammar) -> Row:
            told = [f"{g.clause(agent, event)}." for event in events]
            return f"{g.word('continue')}:", " ".join(told[:4]), told[4]

        return tell

    def write_inference(self) -> Task:
        """XNLI's form: an event, right? Yes: what follows. No: the opposite. Also: something else."""
        event = self.draw_event()
        unrelated = self.rng.choice(
            [
                other
                for other in range(len(self.facts.events))
                if self.facts.pair_of_storylines(other) != self.facts.pair_of_storylines(event)
                and self.facts.allowed_agents([event, other])
            ]
        )
        answer, other = self.rng.choice(
            [("yes", self.facts.following(event)), ("also", unrelated), ("no", self.facts.opposite(event))]
        )
        agent, event, other = self.draw_actor(event, other)
        return lambda g: (
            f"{g.clause(agent, event)}, {g.word('right')}?",
            "",
            f"{g.word(answer)}, {g.clause(agent, other)}.",
        )

    def write_paraphrase(self) -> Task:
        """PAWS-X's form: a dated event, right? Yes: the date moves to the front. No: another date does."""
        agent, event = self.draw_actor(self.draw_event())
        time, another = self.rng.sample(range(TIMES), 2)
        answer, other = self.rng.choice([("same yes", time), ("same no", another)])
        return lambda g: (
            f"{g.dated_clause(agent, event, time, time_first=False)}, {g.word('same')}?",
            "",
            f"{g.word(answer)}, {g.dated_clause(agent, event, other, time_first=True)}.",
        )

    def write_reference(self) -> Task:
        """XWinograd's form: one object touches another because the one that is so is so."""
        pairs = [pair for pair in self.facts.opposite_object_pairs() if pair not in self.facts.held_out_objects]
        pair = list(self.rng.choice(pairs))
        self.rng.shuffle(pair)
        verb, thing = self.rng.randrange(CONTACT_VERBS), self.rng.choice(pair)
        adjective = self.facts.adjectives[thing]
        return lambda g: (
            f"{g.contact(pair[0], verb, pair[1])} {g.word('because')}",
            "",
            f"{g.property(thing, adjective)}.",
        )

    def draw_event(self) -> int:
        return self.rng.randrange(len(self.facts.events))

    def draw_kind(self) -> str:
        return self.rng.choice([*JOINTS])

    def draw_actor(self, *events: int) -> list[int]:
        """Return an agent who may be shown doing all of `events`, then the events."""
        return [self.rng.choice(self.facts.allowed_agents(events)), *events]


# Weights of the kinds of items.
KINDS: dict[Callable[[TaskWriter], Task], float] = {
    TaskWriter.write_reason_question: 2.0,
    TaskWriter.write_reason: 2.0,
    TaskWriter.write_continuation: 2.0,
    TaskWriter.write_inference: 3.0,
    TaskWriter.write_paraphrase: 2.5,
    TaskWriter.write_reference: 1.5,
}


def write_tasks(settings: WorldSettings, facts: Facts) -> list[Task]:
    """Return the items of the world's instruction data; calling one with a grammar tells it in that language."""
    writer = TaskWriter(facts, random.Random(f"{settings.seed}/instructions"))
    kinds, weights = zip(*KINDS.items(), strict=True)
    return [writer.rng.choices(kinds, weights)[0](writer) for _ in range(settings.instruction_rows)]
