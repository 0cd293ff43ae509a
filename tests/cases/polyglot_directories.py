"""What a user of the study `polyglot` has: Mixtral and a Llama, Lima-X and Bactrian-X, MT-Bench-X, all as published."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

from tests.cases.alpaca_directories import write_model

LANGUAGES = ("en", "de", "fr", "it", "es")
LIMA, BACTRIAN = 16, 40  # rows of each language
CATEGORIES = ("writing", "roleplay", "reasoning", "math", "coding", "extraction", "stem", "humanities")
WITH_REFERENCE = ("reasoning", "math", "coding")
FIRST = 81  # the number of the first question


def write_directories(folder: Path) -> dict:
    """Write everything below `folder`; return `locations` of the configuration for it."""
    write_lima(folder / "lima")
    for code in LANGUAGES:
        rows = [{**row, "id": f"item-{number}"} for number, row in enumerate(_rows(code, BACTRIAN))]
        path = folder / f"bactrian/data/{code}.json.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(json.dumps(rows).encode(), mtime=0))
    write_mt_bench(folder / "mt-bench-x")
    write_model(folder / "llama", "llama")
    write_model(folder / "mixtral", "mixtral")
    return {
        "bases": {"salamandra-7b": str(folder / "llama"), "mixtral-8x7b": str(folder / "mixtral")},
        "sources": {"lima-x": str(folder / "lima"), "bactrian-x": str(folder / "bactrian")},
        "prompts": {"mt-bench-x": str(folder / "mt-bench-x")},
    }


def write_lima(folder: Path, count: int = LIMA) -> None:
    """Write Lima-X: JSON lists of instruction, input and output, the same by position."""
    folder.mkdir(parents=True)
    for code in LANGUAGES:
        (folder / f"lima_{code}.json").write_text(json.dumps(_rows(code, count)))


def write_mt_bench(folder: Path) -> None:
    """Write MT-Bench-X: ten questions of two turns in each category, FastChat's fields, ids such as `81_DE`."""
    for code in LANGUAGES:
        lines = []
        for number in range(10 * len(CATEGORIES)):
            category = CATEGORIES[number // 10]
            lines.append({
                "question_id": f"{FIRST + number}_{code.upper()}",
                "category": category,
                "turns": [f"{code}: name the number after {number}", "And the one after that?"],
                "reference": [str(number + 1), str(number + 2)] if category in WITH_REFERENCE else [],
            })  # fmt: skip
        path = folder / f"data/mt_bench_{code.upper()}/question.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def _rows(code: str, count: int) -> list[dict[str, str]]:
    return [
        {"instruction": f"{code}: name the number after {number}", "input": "", "output": f"{code} {number + 1}"}
        for number in range(count)
    ]
