"""Questions about paragraphs in SQuAD's layout, as XQuAD has it, taken as instruction rows.

Question, paragraph and answer become instruction, input and output. Two forms are read: the nested JSON of the release
(articles of paragraphs of `qas`), and rows with `id`, `question`, `context` and `answers`, as on the hub.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from polytune.data.rows import Row
from polytune.errors import InputError, shown
from polytune.readers.records import read_records


def is_squad(record: dict[str, Any]) -> bool:
    """Tell whether the first record of a file is of SQuAD's layout."""
    return "paragraphs" in record or {"question", "context", "answers"} <= record.keys()


def read_squad(file: Path) -> list[Row]:
    """Return the rows of a file, in its order; of several right answers the first is the output.

    Raises `InputError` for a field that is missing, empty or of another kind, a question without an answer, and an id
    that stands twice.
    """
    rows: dict[str, Row] = {}
    for number, record in read_records(file):
        for row in _read(record, f"{file}: row {number}"):
            if row.id in rows:
                raise InputError(f"{file}: row {number}: the id '{row.id}' stands there twice")
            rows[row.id] = row
    return list(rows.values())


def _read(record: dict[str, Any], where: str) -> Iterator[Row]:
    if "paragraphs" not in record:
        answers = _get(record, "answers", dict, where)
        yield _row(record, _text(record, "context", where), _first(answers.get("text"), where), where)
        return
    for paragraph in _get(record, "paragraphs", list, where):
        context = _text(paragraph, "context", where)
        for question in _get(paragraph, "qas", list, where):
            answers = _get(question, "answers", list, where)
            answer = answers[0].get("text") if answers and isinstance(answers[0], dict) else None
            yield _row(question, context, _first([answer], where), where)


def _row(question: Any, context: str, answer: str, where: str) -> Row:
    return Row(_text(question, "id", where), _text(question, "question", where), context, answer)


def _get(record: Any, field: str, kind: type, where: str) -> Any:
    value = record.get(field) if isinstance(record, dict) else None
    if not isinstance(value, kind):
        expected = {str: "text", list: "a list", dict: "a mapping"}[kind]
        raise InputError(f"{where}: field '{field}' is {shown(value)}, expected {expected} (SQuAD's layout)")
    return value


def _text(record: Any, field: str, where: str) -> str:
    text = _get(record, field, str, where)
    if not text.strip():
        raise InputError(f"{where}: field '{field}' is empty")
    return text


def _first(texts: Any, where: str) -> str:
    first = next(iter(texts or []), None)
    if not isinstance(first, str) or not first.strip():
        raise InputError(f"{where}: a question has no answer; take SQuAD 1.1's layout, where every one has")
    return first
