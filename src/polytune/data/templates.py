"""Prompt templates: how instruction, input and output become one text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from polytune.errors import InputError, nearest, short, shown
from polytune.files import digest
from polytune.models.tokenizer import HIDDEN
from polytune.readers.yaml import read_mapping

CHAT = "chat"
"""The template that a base's own tokenizer has (`data.chat`); no entry of the file may be called so."""

PLACEHOLDERS = {
    "with_input": ("{instruction}", "{input}"),
    "without_input": ("{instruction}",),
    "response": ("{output}",),
}
"""What each pattern must hold, exactly once; none may hold another's."""


@dataclass(frozen=True)
class Template:
    """A prompt template; `{instruction}`, `{input}` and `{output}` are replaced, once, by the row's texts."""

    name: str
    with_input: str
    without_input: str
    response_pattern: str
    later: str = ""
    """Of a chat template: the prompt of a later question in a conversation, after the end of the answer before it."""
    trims: bool = False
    """Of a chat template: whether it strips white space from texts."""

    def prompt(self, instruction: str, input: str, turn: int = 0) -> str:
        """Return the prompt of a row; the pattern depends on whether the row has an input.

        `turn` counts the questions of a conversation before this one, which only a chat template tells apart.
        """
        instruction, input = self._text(instruction), self._text(input)
        if turn and self.later:
            return self.later.replace("{instruction}", instruction)
        if input.strip():
            # the input goes in last, so that a '{input}' written in an instruction stays as it is
            before, after = self.with_input.split("{input}")
            return before.replace("{instruction}", instruction) + input + after.replace("{instruction}", instruction)
        return self.without_input.replace("{instruction}", instruction)

    def response(self, output: str) -> str:
        """Return the response of a row, without end-of-sequence token."""
        return self.response_pattern.replace("{output}", self._text(output))

    def _text(self, text: str) -> str:
        """Return a text as the template takes it; of a chat template it can hold no mark of a special token."""
        text = text.replace(HIDDEN, "") if self.later else text
        return text.strip() if self.trims else text

    @staticmethod
    def from_patterns(name: str, patterns: Mapping[str, Any], where: str = "template") -> Template:
        """Return a template of the keys `with_input`, `without_input` and `response`.

        Raises `InputError` that begins with `where` for another key, a value that is no text or a wrong placeholder.
        """
        place = f"{where}: template '{short(name)}'"
        if not isinstance(patterns, Mapping) or sorted(patterns) != sorted(PLACEHOLDERS):
            keys = shown(sorted(patterns) if isinstance(patterns, Mapping) else patterns)
            raise InputError(f"{place} has keys {keys}, expected {sorted(PLACEHOLDERS)}")
        for part, pattern in patterns.items():
            if not isinstance(pattern, str):
                raise InputError(f"{place}, key '{part}': {shown(pattern)} is no text")
            for placeholder in ("{instruction}", "{input}", "{output}"):
                if pattern.count(placeholder) != (placeholder in PLACEHOLDERS[part]):
                    needed = "exactly once" if placeholder in PLACEHOLDERS[part] else "nowhere"
                    raise InputError(f"{place}, key '{part}': must hold {placeholder} {needed}")
        return Template(name, patterns["with_input"], patterns["without_input"], patterns["response"])

    @property
    def digest(self) -> str:
        """Return the SHA-256 of the patterns: a changed template makes other tokens."""
        own = [self.later, self.trims] if self.later else []
        return digest([self.with_input, self.without_input, self.response_pattern, *own])


def read_templates(file: Path | str) -> dict[str, Template]:
    """Return all templates of a YAML file by name; raises `InputError` for a broken one."""
    content = read_mapping(file)
    if CHAT in content:
        raise InputError(f"{file}: '{CHAT}' is the name of the tokenizers' own templates; choose another")
    return {name: Template.from_patterns(name, patterns, str(file)) for name, patterns in content.items()}


def load_template(file: Path | str, name: str) -> Template:
    """Return template `name` of a YAML file; raises `InputError` for an unknown name."""
    templates = read_templates(file)
    if name not in templates:
        raise InputError(f"{file}: no template '{name}'{nearest(name, templates)}; there are: {', '.join(templates)}")
    return templates[name]
