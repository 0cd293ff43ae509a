"""Verdicts as a table: one row per request, whether it came to a value or not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np

from polytune.judging.asking import Request, settle
from polytune.judging.journal import Journal
from polytune.judging.questions import FIRST
from polytune.judging.replies import UNANSWERED

OK = "ok"
STATUS = {"answer": "unparsable", "refusal": "refused", "wrong-model": "failed", "unanswered": "failed"}
"""What a request without a verdict is, by the outcome of its last entry."""

COLUMNS = {"language": None, "item": np.int32, "turn": np.int8, "order": None, "repeat": np.int8, "status": None}
COLUMNS |= {"reason": None, "value": np.float64, "text": None, "attempts": np.int32, "prompt_tokens": np.int64}
COLUMNS |= {"completion_tokens": np.int64, "price": np.float64, "key": None}
"""Of a table of verdicts, with the types of numbers."""

Row = dict[str, Any]


def read_verdict(request: Request, journal: Journal) -> Row:
    """Return the row of a request: what the journal says of it, read now.

    `value` is the rating, or what the run gets of the comparison, NaN without a verdict. Tokens and price are those of
    all attempts.
    """
    question, entries = request.question, journal.entries(request.key)
    verdict, entry = settle(entries, question)
    value = float("nan") if verdict.value is None else verdict.value
    if question.order and question.order != FIRST:
        value = 1.0 - value
    row: Row = {"language": question.language, "item": question.item, "turn": question.turn}
    row |= {"order": question.order, "repeat": question.repeat}
    row["status"] = OK if verdict.value is not None else STATUS[entry["outcome"] if entry else UNANSWERED]
    row |= {"reason": verdict.reason, "value": value, "text": entry["text"] if entry else ""}
    row["attempts"] = sum(entry["tries"] for entry in entries)
    for column in ("prompt_tokens", "completion_tokens", "price"):
        row[column] = sum(entry[column] for entry in entries)
    return row | {"key": request.key}


def count_outcomes(rows: Iterable[Row]) -> dict[str, Any]:
    """Return how many rows have each status, and why those without a value have none, in a few words."""
    rows = list(rows)
    missing = Counter(row["reason"].partition(":")[0] for row in rows if row["status"] != OK)
    return {"status": dict(sorted(Counter(row["status"] for row in rows).items())), "missing": dict(missing)}
