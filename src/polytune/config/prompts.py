"""Prompt sets (`config/prompts.tsv`): open-ended questions per language, a typed row each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from polytune import ROOT
from polytune.config.tables import Name, read_rows
from polytune.errors import InputError

Layout = Literal["lines", "alpaca-farm", "fastchat", "instructions"]
"""How a file of prompts is written (`polytune.prompts.layouts`)."""

WITHOUT_REFERENCES: tuple[Layout, ...] = ("lines", "alpaca-farm")
"""Layouts that have no reference answers; questions of the others may."""

MOST_TURNS = 2
"""No protocol judges a longer conversation."""


@dataclass(frozen=True)
class PromptSet:
    """One row of the table."""

    prompts: Name
    title: str
    """The name as papers write it."""
    layout: Layout
    location: str | None
    """A data set on the hub, `world:{folder}` of the generated world, or None: the user names a copy."""
    revision: str | None
    file: Annotated[str, r"[^{}]*\{(language|LANGUAGE)\}[^{}]*"]
    """Path of one language inside the location; capitals stand for the code in capitals (`mt_bench_DE`)."""
    questions: int
    """How many a language has."""
    turns: int
    """The most turns that a question has."""
    parallel: bool
    """Whether the same item is the same question in every language."""
    languages: tuple[str, ...]
    """Our codes; empty for a set of the generated world, which has all of its languages."""
    licence: str

    def file_of(self, language: str) -> str:
        """Return the path of `language` inside the location."""
        return self.file.format(language=language, LANGUAGE=language.upper())


@cache
def prompt_sets() -> dict[str, PromptSet]:
    """Return the prompt sets of the checkout's table by name."""
    return read_prompt_sets(ROOT / "config" / "prompts.tsv")


def read_prompt_sets(path: Path | str) -> dict[str, PromptSet]:
    """Return the prompt sets of a table by name; raises `InputError` naming file, row, column and value."""
    rows = read_rows(path, PromptSet)
    for row in rows.values():
        where = f"{path}: prompts '{row.prompts}'"
        if not 1 <= row.turns <= MOST_TURNS:
            raise InputError(f"{where}: turns is {row.turns}; allowed: 1 to {MOST_TURNS}")
        if not row.questions:
            raise InputError(f"{where}: questions is 0; say how many a language has")
        if not row.languages and not (row.location or "").startswith("world:"):
            raise InputError(f"{where}: languages is empty; only sets of the generated world have all of its languages")
    return rows
