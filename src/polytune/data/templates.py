"""Prompt templates: how instruction, input and output become one text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from polytune.errors import InputError, nearest, short, shown
from polytune.files import digest
from polytune.readers.yaml import read_mapping

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

    def prompt(self, instruction: str, input: str) -> str:
        """Return the prompt of a row; the pattern depends on whether the row has an input."""
        if input.strip():
            # the input goes in last, so that a '{input}' written in an instruction stays as it is
            before, after = self.with_input.split("{input}")
            return before.replace("{instruction}", instruction) + input + after.replace("{instruction}", instruction)
        return self.without_input.replace("{instruction}", instruction)

    def response(self, output: str) -> str:
        """Return the response of a row, without end-of-sequence token."""
        return self.response_pattern.replace("{output}", output)

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
        return digest([self.with_input, self.without_input, self.response_pattern])


def read_templates(file: Path | str) -> dict[str, Template]:
    """Return all templates of a YAML file by name; raises `InputError` for a broken one."""
    return {name: Template.from_patterns(name, patterns, str(file)) for name, patterns in read_mapping(file).items()}


def load_template(file: Path | str, name: str) -> Template:
    """Return template `name` of a YAML file; raises `InputError` for an unknown name."""
    templates = read_templates(file)
    if name not in templates:
        raise InputError(f"{file}: no template '{name}'{nearest(name, templates)}; there are: {', '.join(templates)}")
    return templates[name]
