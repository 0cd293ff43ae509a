"""The file of responses and its marker, made of finished answers."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np

from polytune.columns import number_column, text_column, write_columns
from polytune.files import digest, write_json
from polytune.generation.plans import Plan

COLUMNS = {"language": None, "item": np.int32, "turn": np.int8, "text": None, "tokens": np.int32}
COLUMNS |= {"prompt_tokens": np.int32, "stop": None}
"""What a response is, and the types of numbers."""


def write_responses(run: str, plan: Plan, folder: Path) -> None:
    """Write `{name}.parquet` and, last, its marker `{name}.json` into the folder of a run's responses.

    Both follow from the answers and the spec alone: delivered again, they have the same content.
    """
    answers = [(part.language, *place, answer) for part in plan.parts for place, answer in part.answers()]
    rows = [
        (language, item, turn, answer.text, answer.tokens, answer.prompt_tokens, answer.stop)
        for language, item, turn, answer in answers
    ]
    columns = {
        name: text_column(values) if dtype is None else number_column(values, dtype)
        for (name, dtype), values in zip(COLUMNS.items(), map(list, zip(*rows, strict=True)), strict=True)
    }
    write_columns(columns, folder / f"{plan.responses.name}.parquet")
    made = [record for part in plan.parts for record in part.journal.provenance]
    marker = {
        "run": run,
        "spec": asdict(plan.responses),
        "digest": digest(rows),
        "rows": len(rows),
        "truncated": {part.language: sum(answer.stop != "end" for _, answer in part.answers()) for part in plan.parts},
        "tokens": sum(answer.tokens for *_, answer in answers),
        "prompt_tokens": sum(answer.prompt_tokens for *_, answer in answers),
        "seconds": round(sum(answer.seconds for *_, answer in answers), 3),
        "device": plan.device,
        "provenance": next(iter(made), {}),
    }
    write_json(folder / f"{plan.responses.name}.json", marker)
