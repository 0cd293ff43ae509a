"""The layouts of prompt sets, and what is checked in them.

A prompt set is small and made by hand: nothing is dropped, a fault is an error in one line with file, row and field.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

from polytune.config.fields import Field
from polytune.config.prompts import MOST_TURNS, Layout
from polytune.errors import InputError, nearest, short, shown, word
from polytune.prompts.prompt import Prompt
from polytune.readers.records import read_records

LAYOUTS = get_args(Layout)
LONGEST_ID = 1_000  # characters
NUMBERED = re.compile(r"([0-9]{1,9})(?:_([A-Za-z]{2,3}))?")
"""FastChat's ids: `81`, or with the language `81_DE`."""


def read_prompt_file(path: Path, layout: str, language: str) -> list[Prompt]:
    """Return the prompts of one language, in the file's order.

    Raises `InputError` for a field that is missing or no text, an id that stands twice, an empty file.
    """
    if layout not in LAYOUTS:
        raise InputError(f"{path}: unknown layout '{layout}'{nearest(layout, LAYOUTS)}; allowed: {', '.join(LAYOUTS)}")
    read = READERS[layout]
    prompts: dict[int, Prompt] = {}
    rows: dict[str, int] = {}
    for number, record in read_records(path):
        prompt = read(_Row(record, f"{path}: row {number}"), number, language)
        if prompt.item in prompts or prompt.id in rows:
            first = rows[prompts[prompt.item].id] if prompt.item in prompts else rows[prompt.id]
            raise InputError(f"{path}: row {number}: the id '{short(prompt.id)}' stands already in row {first}")
        prompts[prompt.item], rows[prompt.id] = prompt, number
    if not prompts:
        raise InputError(f"{path}: holds no prompts")
    return list(prompts.values())


class _Row:
    """The fields of one row, each checked when it is asked for."""

    def __init__(self, record: dict[str, Any], where: str) -> None:
        self.record, self.where = record, where

    def get(self, field: str) -> Any:
        """Return a field that must be there."""
        if field not in self.record:
            fields = ", ".join(map(short, list(self.record)[:20]))
            hint = nearest(field, self.record)
            raise InputError(f"{self.where}: field '{field}' is missing; the row has {fields}{hint}")
        return self.record[field]

    def text(self, field: str) -> str:
        """Return a text that is not empty."""
        return self._read(Field(field, "text"), self.get(field), field)

    def text_or_nothing(self, field: str) -> str:
        """Return a text that may be empty, null or missing."""
        return self._read(Field(field, "text?"), self.record.get(field), field) or ""

    def texts(self, field: str, kind: str = "text") -> tuple[str, ...]:
        """Return a list of texts."""
        values = self.record.get(field) or [] if kind == "text?" else self.get(field)
        if not isinstance(values, list):
            raise InputError(f"{self.where}: field '{field}' is {word(values)}, expected a list of texts")
        return tuple(
            self._read(Field(field, kind), value, f"{field}[{place}]") or "" for place, value in enumerate(values)
        )

    def identifier(self, field: str) -> str:
        """Return an id as text."""
        value = self.get(field)
        if isinstance(value, bool) or not isinstance(value, str | int) or not str(value).strip():
            raise InputError(f"{self.where}: field '{field}' is {shown(value)}, expected text or a whole number")
        if len(text := self._read(Field(field, "text"), str(value), field)) > LONGEST_ID:
            raise InputError(
                f"{self.where}: field '{field}' has {len(text)} characters; at most {LONGEST_ID} are an id"
            )
        return text

    def _read(self, field: Field, value: Any, name: str) -> Any:
        try:
            return field.read(value)
        except ValueError as error:
            raise InputError(f"{self.where}: field '{name}' is {shown(value)}; it {error}") from None


def _read_line(row: _Row, number: int, language: str) -> Prompt:
    """OpenAssistant-50: the item is the line. (Ids of translations differ: row 13 of the Chinese file has its own.)"""
    return Prompt(number - 1, row.identifier("id"), "", (row.text("prompt"),), ())


def _read_alpaca(row: _Row, number: int, language: str) -> Prompt:
    """AlpacaFarm: the item is the position. An input follows the instruction after an empty line.

    `output`, if there is one, is another model's answer and no reference.
    """
    instruction, given = row.text("instruction"), row.text_or_nothing("input")
    turn = f"{instruction}\n\n{given}" if given.strip() else instruction
    return Prompt(number - 1, f"row-{number}", row.text_or_nothing("dataset"), (turn,), ())


def _read_fastchat(row: _Row, number: int, language: str) -> Prompt:
    """FastChat, MT-Bench-X and the generated world: the item is the number in the id."""
    identifier = row.identifier("question_id")
    match = NUMBERED.fullmatch(identifier)
    if match is None:
        raise InputError(
            f"{row.where}: field 'question_id' is {shown(identifier)}, expected a number, or with the language "
            f"'81_{language.upper()}'"
        )
    if match[2] and match[2].lower() != language:
        raise InputError(
            f"{row.where}: field 'question_id' is {shown(identifier)}: a question in '{match[2].lower()}', "
            f"the file is read as '{language}'"
        )
    turns, references = row.texts("turns"), row.texts("reference", "text?")
    if not 1 <= len(turns) <= MOST_TURNS:
        raise InputError(f"{row.where}: field 'turns' has {len(turns)} texts; allowed: 1 to {MOST_TURNS}")
    if references and len(references) != len(turns):
        raise InputError(
            f"{row.where}: field 'reference' has {len(references)} texts for {len(turns)} turns; give one for each "
            "turn ('' where there is none) or none at all"
        )
    references = references if any(text.strip() for text in references) else ()
    return Prompt(int(match[1]), identifier, row.text_or_nothing("category"), turns, references)


def _read_instruction(row: _Row, number: int, language: str) -> Prompt:
    """Instruction rows, as a source has them: the item is the position, the output is the right answer."""
    instruction, given = row.text("instruction"), row.text_or_nothing("input")
    turn = f"{instruction}\n\n{given}" if given.strip() else instruction
    return Prompt(number - 1, row.identifier("id"), "", (turn,), (row.text("output"),))


READERS: dict[str, Callable[[_Row, int, str], Prompt]] = {
    "lines": _read_line,
    "alpaca-farm": _read_alpaca,
    "fastchat": _read_fastchat,
    "instructions": _read_instruction,
}
"""What each layout makes of one row, its number from 1 and the language."""
