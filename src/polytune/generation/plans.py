"""What the answers to one language of a prompt set depend on, and where they are kept. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from polytune.data.model_templates import tuned_template
from polytune.data.templates import Template
from polytune.errors import InputError
from polytune.files import digest
from polytune.generation.journal import Answer, Journal, Place
from polytune.generation.spec import Responses, find_template
from polytune.models.directory import ModelDirectory
from polytune.prompts.prompt import Prompt, read_prompts

RESULTS_VERSION = 1
"""Part of every key. Raise it with a change of our code that changes answers or what a file of responses holds: all
are then generated again. A change that leaves them as they are must leave it, too: the code itself is in no key."""

LIBRARIES = ("torch", "transformers", "tokenizers")
"""Distributions whose version can change an answer."""


def key_parts(
    responses: Responses, template: Template, model_digest: str, prompts_digest: str, language: str, device: str
) -> dict[str, Any]:
    """Return everything that the answers to one language depend on, as plain values.

    `model_digest` is `ModelDirectory.digest`, `prompts_digest` that of `digest_prompts`. The number of items is no part
    of it: the first 50 answers of 100 are the answers to the first 50.
    """
    drawn = {"top_p": responses.top_p, "seed": responses.seed, "language": language} if responses.temperature else None
    return {
        "results_version": RESULTS_VERSION,
        "model": model_digest,
        "prompts": prompts_digest,
        "template": template.digest,
        "max_new_tokens": responses.max_new_tokens,
        "temperature": responses.temperature,
        "drawn": drawn,
        "backend": responses.backend,
        "device": device.split(":")[0],
        "versions": {name: version(name) for name in LIBRARIES},
    }


def digest_prompts(prompts: Sequence[Prompt]) -> str:
    """Return a SHA-256 of what a model is asked: neither categories nor references."""
    return digest([[prompt.item, prompt.turns] for prompt in prompts])


@dataclass(frozen=True)
class Part:
    """One language of responses: what is asked, and what is answered already."""

    language: str
    prompts: list[Prompt]
    journal: Journal

    def missing(self, turn: int) -> list[Prompt]:
        """Return the prompts whose turn (from 1) has no answer yet."""
        answers = self.journal.answers
        return [one for one in self.prompts if len(one.turns) >= turn and (one.item, turn) not in answers]

    @property
    def complete(self) -> bool:
        """Return whether every turn is answered."""
        return not any(self.missing(turn) for turn in range(1, 1 + max(len(one.turns) for one in self.prompts)))

    def answers(self) -> list[tuple[Place, Answer]]:
        """Return the answers in the order of the prompts; each turn must be there."""
        places = [(one.item, turn) for one in self.prompts for turn in range(1, 1 + len(one.turns))]
        return [(place, self.journal.answers[place]) for place in places]


@dataclass(frozen=True)
class Plan:
    """One set of responses of one run, resolved."""

    responses: Responses
    template: Template
    parts: list[Part]
    device: str
    """Type of the device that computes."""

    def reread(self) -> None:
        """Read again what is answered already."""
        for part in self.parts:
            part.journal.reread()

    @property
    def complete(self) -> bool:
        """Return whether nothing has to be generated."""
        return all(part.complete for part in self.parts)


@dataclass(frozen=True)
class Options:
    """Where things lie, and what computes."""

    prompts: Path
    templates: Path
    cache: Path
    device: str
    base: Path | None = None


def plan_responses(responses: Responses, where: str, model: ModelDirectory, options: Options) -> Plan:
    """Return the plan of responses; raises `InputError`, mostly with `where`, for what is missing or does not fit."""
    template = find_template(responses, options.templates, tuned_template(model.manifest), where, model)
    parts = []
    for language in responses.languages:
        file = options.prompts / responses.prompts / f"{language}.parquet"
        asked = read_prompts(file)
        if responses.items is not None and len(asked) < responses.items:
            raise InputError(f"{where}: items is {responses.items}; {file} has {len(asked)} prompts")
        key = digest(key_parts(responses, template, model.digest, digest_prompts(asked), language, options.device))
        journal = Journal(options.cache / f"{language}-{key[:32]}.jsonl")
        parts.append(Part(language, asked[: responses.items], journal))
    return Plan(responses, template, parts, options.device.split(":")[0])
