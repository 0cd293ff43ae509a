"""Prompt templates: how instruction, input and output become one text."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from polytune.errors import InputError, nearest
from polytune.files import digest

PARTS = ("with_input", "without_input", "response")


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

    @property
    def digest(self) -> str:
        """Return the SHA-256 of the patterns: a changed template makes other tokens."""
        return digest([self.with_input, self.without_input, self.response_pattern])


def load_template(file: Path, name: str) -> Template:
    """Return template `name` of a YAML file; raises `InputError` for an unknown name or a broken pattern."""
    import yaml

    templates = yaml.safe_load(Path(file).read_text(encoding="utf-8"))
    if name not in templates:
        raise InputError(f"{file}: no template '{name}'{nearest(name, templates)}; there are: {', '.join(templates)}")
    patterns = templates[name]
    if sorted(patterns) != sorted(PARTS):
        raise InputError(f"{file}: template '{name}' has keys {sorted(patterns)}, expected {sorted(PARTS)}")
    for part, needed in zip(PARTS, (("{instruction}", "{input}"), ("{instruction}",), ("{output}",)), strict=True):
        for placeholder in needed:
            if patterns[part].count(placeholder) != 1:
                raise InputError(f"{file}: template '{name}', key '{part}': must hold {placeholder} exactly once")
    return Template(name, patterns["with_input"], patterns["without_input"], patterns["response"])
