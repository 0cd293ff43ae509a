"""A prompt, and the parquet file of one language of a prompt set: columns item, id, category, turns, references."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from polytune.columns import number_column, text_column, texts_column, write_columns
from polytune.readers.parquet import read_table

COLUMNS = ("item", "id", "category", "turns", "references")


@dataclass(frozen=True)
class Prompt:
    """One question of a set, of one turn or two."""

    item: int
    """The same number is the same question in every language."""
    id: str
    """What the file calls it."""
    category: str
    """Empty if the set has none."""
    turns: tuple[str, ...]
    references: tuple[str, ...]
    """Nothing, or the right answer of each turn (empty where only the other turn has one)."""


def write_prompts(prompts: Sequence[Prompt], path: Path) -> None:
    """Write the prompts of one language; atomically."""
    columns = {"item": number_column([prompt.item for prompt in prompts], np.int32)}
    columns |= {name: text_column([getattr(prompt, name) for prompt in prompts]) for name in ("id", "category")}
    columns |= {name: texts_column([getattr(prompt, name) for prompt in prompts]) for name in ("turns", "references")}
    write_columns(columns, path)


def read_prompts(path: Path | str) -> list[Prompt]:
    """Return the prompts that `write_prompts` wrote; raises `InputError` for another file."""
    rows = read_table(path, COLUMNS).to_pylist()
    return [Prompt(**row | {"turns": tuple(row["turns"]), "references": tuple(row["references"])}) for row in rows]
