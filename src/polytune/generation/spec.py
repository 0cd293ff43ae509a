"""What a run owes: the spec of `polytune generate`.

{"run": "world-bloom-w1/full/world-w1-en-400-rows/seed1",
 "responses": [{"name": "questions", "prompts": "world-questions-w1", "languages": ["en", "fr"], "items": 50,
                "template": "world", "max_new_tokens": 24, "backend": "transformers"}]}

Where prompts and models lie is no part of it: results may move.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from polytune.config.tables import Name, build_row
from polytune.data.model_templates import read_template
from polytune.data.templates import Template
from polytune.errors import InputError, shown
from polytune.files import read_json
from polytune.models.directory import ModelDirectory

MOST_SEED = 2**63 - 1


@dataclass(frozen=True)
class Responses:
    """The answers of a run to one prompt set, under the name that they have."""

    name: Name
    prompts: Name
    """The prompt set; of a world it carries the world's name."""
    languages: tuple[str, ...]
    template: Name
    """The prompt template (`config/templates.yaml`); a model that was tuned must have been tuned with it."""
    max_new_tokens: int
    items: int | None = None
    """The first so many questions of each language; all, if none is said."""
    temperature: float = 0.0
    """0: the most likely token is taken; else logits are divided by it and tokens are drawn."""
    top_p: float = 1.0
    """Share of the probability from which tokens are drawn."""
    seed: int = 1
    backend: Literal["transformers", "server"] = "transformers"
    template_forced: bool = False
    """Take the template although the model was tuned with another one."""
    template_digest: str | None = None
    """`Template.digest` of the template that is meant, where the planner has seen it."""


def read_spec(path: Path) -> tuple[str, list[Responses]]:
    """Return the run of a spec and what it owes; raises `InputError` that names file, entry and key."""
    content = read_json(path)
    if not isinstance(content, dict) or set(content) != {"run", "responses"} or not isinstance(content["run"], str):
        raise InputError(f"{path}: must be a mapping of the keys run and responses")
    entries = content["responses"]
    if not isinstance(entries, list) or not entries or not all(isinstance(entry, dict) for entry in entries):
        raise InputError(f"{path}: 'responses' must be a list of mappings that is not empty")
    found: dict[str, Responses] = {}
    for entry in entries:
        row = build_row(Responses, entry, str(path))
        _check(row, f"{path}: name '{row.name}'")
        if row.name in found:
            raise InputError(f"{path}: name '{row.name}': stands there twice")
        found[row.name] = row
    return content["run"], list(found.values())


def find_template(
    responses: Responses, templates: Path, tuned_with: str | None, where: str, model: ModelDirectory | None = None
) -> Template:
    """Return the template of responses; `tuned_with` is the model's, None for a base. `model` has a tokenizer's own.

    Raises `InputError` for a template that the model was not tuned with, and for one that has changed since planning.
    """
    known = None if responses.template_forced else tuned_with
    return read_template(responses.template, templates, model, known, responses.template_digest, where)


def _check(row: Responses, where: str) -> None:
    """Refuse values of the right type that mean nothing."""
    limits = {
        "max_new_tokens": (row.max_new_tokens >= 1, "1 or more"),
        "items": (row.items is None or row.items >= 1, "1 or more, or null for all"),
        "temperature": (0 <= row.temperature <= 100, "from 0 to 100"),
        "top_p": (0 < row.top_p <= 1, "above 0 and at most 1"),
        "seed": (0 <= row.seed <= MOST_SEED, "a whole number from 0 below 2^63"),
        "languages": (len(row.languages) > 0, "a list of codes that is not empty"),
    }
    for key, (right, allowed) in limits.items():
        if not right:
            raise InputError(f"{where}: {key} is {shown(getattr(row, key))}; it must be {allowed}")
