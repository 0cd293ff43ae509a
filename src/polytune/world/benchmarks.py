"""Test items in the layouts of the real benchmarks, parallel across languages.

Choices stand against each other in both directions, so that whoever ignores the context is right half of the time:
every event (object, label) is as often right as wrong. Both choices of an item are held-out (agent, event) pairs.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from polytune.world import stock
from polytune.world.facts import CONTACT_VERBS, TIMES, ChoicePair, Facts
from polytune.world.grammar import Grammar
from polytune.world.settings import WorldSettings

Item = dict[str, str | int | bool]
Rounds = Sequence[tuple[ChoicePair, ...]]  # the choices of three rounds
Items = Callable[[Grammar], list[Item]]


@dataclass(frozen=True)
class Benchmark:
    """A benchmark as the harness's task files expect it."""

    name: str
    hub_id: str
    split: str  # the one that the harness scores
    example_splits: tuple[str, ...]  # those it takes examples for few-shot prompts from, and insists on
    languages: tuple[str, ...] | None  # those with a task file in the harness; None: ours add every other language
    write_items: Callable[[WorldSettings, Facts, Rounds], Items]
    write_task: Callable[[Grammar], dict | None] | None = None  # the task file of a language that the harness lacks

    def write_splits(self, settings: WorldSettings, facts: Facts) -> dict[str, Items]:
        """Return the items of every split; those of example splits are told of pairs that are not held out."""
        examples = [facts.example_round] * len(facts.choice_rounds)
        rounds = {self.split: facts.choice_rounds} | dict.fromkeys(self.example_splits, examples)
        return {split: self.write_items(settings, facts, chosen) for split, chosen in rounds.items()}

    def config_name(self, language: str) -> str:
        """Return what the data set calls `language`: XWinograd writes jp for Japanese."""
        return "jp" if self.name == "xwinograd" and language == "ja" else language


def write_xcopa(settings: WorldSettings, facts: Facts, rounds: Rounds) -> Items:
    """Causes are asked about the first round of choices, effects about the second: 2 x 48 items."""
    plan = []
    for number, question, premise_of in ((0, "cause", facts.following), (1, "effect", facts.preceding)):
        for right, wrong, agent, swapped in both_directions(rounds[number], settings, f"xcopa/{question}"):
            plan.append((question, agent, premise_of(right), right, wrong, swapped))

    def tell(g: Grammar) -> list[Item]:
        items = []
        for idx, (question, agent, premise, right, wrong, swapped) in enumerate(plan):
            choices = [f"{g.clause(agent, event)}." for event in (right, wrong)]
            items.append(
                {
                    "premise": f"{g.clause(agent, premise)}.",
                    "choice1": choices[swapped],
                    "choice2": choices[1 - swapped],
                    "question": question,
                    "label": int(swapped),
                    "idx": idx,
                    "changed": False,
                }
            )
        return items

    return tell


def write_xstorycloze(settings: WorldSettings, facts: Facts, rounds: Rounds) -> Items:
    """Four events and two endings, of the last two rounds of choices: 2 x 48 items."""
    plan = [item for pairs in (-2, -1) for item in both_directions(rounds[pairs], settings, f"story/{pairs}")]

    def tell(g: Grammar) -> list[Item]:
        items = []
        for number, (right, wrong, agent, swapped) in enumerate(plan):
            endings = [f"{g.clause(agent, event)}." for event in (right, wrong)]
            story = {
                f"input_sentence_{step + 1}": f"{g.clause(agent, facts.step(right, step - 4))}." for step in range(4)
            }
            items.append(
                {"story_id": f"story-{number:04d}"}
                | story
                | {
                    "sentence_quiz1": endings[swapped],
                    "sentence_quiz2": endings[1 - swapped],
                    "answer_right_ending": int(swapped) + 1,
                }
            )
        return items

    return tell


def write_xwinograd(settings: WorldSettings, facts: Facts, rounds: Rounds) -> Items:
    """Held-out pairs of objects, both adjectives, both orders, two verbs: 12 x 8 items."""
    rng = random.Random(f"{settings.seed}/xwinograd")
    plan = []
    for pair in sorted(facts.held_out_objects):
        for verb in rng.sample(range(CONTACT_VERBS), 2):
            for first, second in (pair, pair[::-1]):
                for answer in (0, 1):
                    plan.append((first, second, verb, answer, rng.random() < 0.5))

    def tell(g: Grammar) -> list[Item]:
        items = []
        for first, second, verb, answer, swapped in plan:
            options = [g.words[f"object {thing}"] for thing in (first, second)]
            before, blank, after = g.property_parts("_", facts.adjectives[(first, second)[answer]])
            items.append(
                {
                    "sentence": f"{g.contact(first, verb, second)} {g.word('because')} {before}{blank}{after}.",
                    "option1": options[swapped],
                    "option2": options[1 - swapped],
                    "answer": str((answer ^ swapped) + 1),
                }
            )
        return items

    return tell


def write_xnli(settings: WorldSettings, facts: Facts, rounds: Rounds) -> Items:
    """Every event once as a hypothesis under each label, told of a held-out agent: 3 x 48 items."""
    rng = random.Random(f"{settings.seed}/xnli")
    plan = []
    for pair in rounds[-1]:
        for hypothesis in (pair.first, pair.second):
            unrelated = [
                event
                for event in range(len(facts.events))
                if facts.pair_of_storylines(event) != facts.pair_of_storylines(hypothesis)
            ]
            premises = (facts.preceding(hypothesis), rng.choice(unrelated), facts.opposite(hypothesis))
            plan += [(pair.agent, premise, hypothesis, label) for label, premise in enumerate(premises)]
    rng.shuffle(plan)
    return lambda g: [
        {"premise": g.clause(agent, premise), "hypothesis": f"{g.clause(agent, hypothesis)}.", "label": label}
        for agent, premise, hypothesis, label in plan
    ]


def write_pawsx(settings: WorldSettings, facts: Facts, rounds: Rounds) -> Items:
    """Every event once with the same and once with another time, told of a held-out agent: 2 x 48 items."""
    rng = random.Random(f"{settings.seed}/pawsx")
    plan = []
    for number, (event, agent) in enumerate(
        (event, pair.agent) for pair in rounds[0] for event in (pair.first, pair.second)
    ):
        # Both sentences of the pair of items end the same way: the second time says nothing about the label.
        time = number % TIMES
        other = (time + 1 + number // TIMES % (TIMES - 1)) % TIMES  # every other time in turn
        plan += [(agent, event, other, time, 0), (agent, event, time, time, 1)]
    rng.shuffle(plan)
    return lambda g: [
        {
            "id": number + 1,
            "sentence1": g.dated_clause(agent, event, first, time_first=False),
            "sentence2": f"{g.dated_clause(agent, event, second, time_first=True)}.",
            "label": label,
        }
        for number, (agent, event, first, second, label) in enumerate(plan)
    ]


def write_xcopa_task(g: Grammar) -> dict | None:
    """Return the task file of a language without one in the harness, with the same prompts as the harness's own."""
    language = g.profile.language
    if language in stock.XCOPA_CONNECTORS:
        return None
    connector = f"{{% if question == 'cause' %}}{g.word('because')}{{% else %}}{g.word('therefore')}{{% endif %}}"
    return {
        "task": f"xcopa_{language}",
        "dataset_path": "cambridgeltl/xcopa",
        "dataset_name": language,
        "output_type": "multiple_choice",
        "validation_split": "validation",
        "test_split": "test",
        "doc_to_text": "{{premise.strip()[:-1]}} " + connector,
        "doc_to_target": "label",
        # The harness's own files lower the first letter. Here all are low, and a simple template renders faster.
        "doc_to_choice": "{{[choice1, choice2]}}",
        "metric_list": [{"metric": "acc"}],
        "metadata": {"version": 1.0},
    }


def both_directions(pairs: tuple[ChoicePair, ...], settings: WorldSettings, name: str) -> Iterator[tuple]:
    """Yield (right event, wrong event, agent, whether the right one comes second), each pair both ways."""
    rng = random.Random(f"{settings.seed}/{name}")
    for pair in pairs:
        # The two choices keep their places when the right one changes, so that both places are right equally often.
        swapped = rng.random() < 0.5
        yield pair.first, pair.second, pair.agent, swapped
        yield pair.second, pair.first, pair.agent, not swapped


BENCHMARKS = (
    Benchmark("xcopa", "cambridgeltl/xcopa", "test", ("validation",), None, write_xcopa, write_xcopa_task),
    Benchmark(
        "xstorycloze",
        "juletxara/xstory_cloze",
        "eval",
        ("train",),
        ("ar", "en", "es", "eu", "hi", "id", "my", "ru", "sw", "te", "zh"),
        write_xstorycloze,
    ),
    Benchmark("xwinograd", "Muennighoff/xwinograd", "test", (), ("en", "fr", "ja", "pt", "ru", "zh"), write_xwinograd),
    Benchmark("xnli", "facebook/xnli", "validation", ("train",), tuple(stock.XNLI_WORDS), write_xnli),
    Benchmark(
        "pawsx",
        "google-research-datasets/paws-x",
        "test",
        ("train", "validation"),
        tuple(stock.PAWSX_WORDS),
        write_pawsx,
    ),
)
