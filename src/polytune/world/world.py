"""A world as a whole: drawn from its settings, or read back from its folder."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from polytune.errors import InputError
from polytune.readers.json import read_json
from polytune.readers.parquet import read_table
from polytune.world.facts import Facts, build_facts
from polytune.world.grammar import Grammar
from polytune.world.lexicon import NAMES, Lexicon, build_lexicons
from polytune.world.questions import Question, draw_questions
from polytune.world.settings import WorldSettings
from polytune.world.uriel import Profile, read_profiles


@dataclass(frozen=True)
class World:
    """Everything that is true in one world, and the words to tell it in."""

    settings: WorldSettings
    facts: Facts
    profiles: dict[str, Profile]
    lexicons: dict[str, Lexicon]

    @classmethod
    def draw(cls, settings: WorldSettings) -> World:
        """Draw the world of `settings`."""
        profiles, facts = read_profiles(settings.languages), build_facts(settings)
        return cls(settings, facts, profiles, build_lexicons(settings, facts, profiles))

    @classmethod
    def read(cls, folder: Path | str) -> World:
        """Return the world of a folder that `build-world` wrote.

        It is drawn again, and compared with what the folder says is true: raises `InputError` if another version of the
        generator wrote the folder, whose words would be judged by another truth.
        """
        folder = Path(folder)
        written = read_json(folder / "world.json")
        again = InputError(f"{folder}: was written by another version of the generator; remove it and build it again")
        try:
            settings = {name: tuple(v) if isinstance(v, list) else v for name, v in written["settings"].items()}
            world = cls.draw(WorldSettings(**settings))
        except (TypeError, KeyError, AttributeError):
            raise again from None
        table = read_table(folder / "lexicon.parquet", ("language", "concept", "form")).to_pydict()
        words = zip(table["language"], table["concept"], table["form"], strict=True)
        truth = json.loads(json.dumps(world.describe_truth()))  # tuples are lists in the file
        if read_json(folder / "truth.json") != truth or [*words] != world.list_words():
            raise again
        return world

    @cached_property
    def questions(self) -> list[Question]:
        """The open questions, in the order of their numbers, which begin with 1."""
        return draw_questions(self.settings, self.facts)

    def grammar(self, language: str, guarded: bool) -> Grammar:
        """Return the sentences of `language`; a guarded grammar tells nothing that is held out."""
        return Grammar(self.facts, self.lexicons[language], self.profiles[language], guarded)

    def list_words(self) -> list[tuple[str, str, str]]:
        """Return (language, concept, form) of every word."""
        return [
            (language, concept, word.form)
            for language, lexicon in self.lexicons.items()
            for concept, word in lexicon.items()
        ]

    def describe_truth(self) -> dict[str, Any]:
        """Return what is true in the world and what was held out of its texts and instructions."""
        facts = self.facts
        return {
            "agents": NAMES[: facts.agents],
            "events": [
                asdict(event) | {"following": facts.following(number), "opposite": facts.opposite(number)}
                for number, event in enumerate(facts.events)
            ],
            "adjectives_of_objects": facts.adjectives,
            "held_out": {
                "agent_and_event": sorted(facts.held_out),
                "objects": sorted(facts.held_out_objects),
            },
            "questions": [asdict(question) for question in self.questions],
            "languages": {
                language: {
                    "in_base": language in self.settings.base_languages,
                    "lineage": profile.lineage,
                    "order": profile.order,
                    "has_prepositions": profile.has_prepositions,
                    "adjective_precedes": profile.adjective_precedes,
                }
                for language, profile in self.profiles.items()
            },
        }
