"""What is measured of one item, from the log-likelihoods of its choices. Formulas: docs/statistics.md, "Measures"."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from polytune.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

COLUMNS = ("task", "language", "doc_id", "loglikelihoods", "target", "acc")
BYTES = "choice_bytes"
"""Column of the bytes of each choice's continuation; samples of older versions lack it."""


def read_items(path: Path) -> pd.DataFrame:
    """Return the items of one evaluation: `language`, `item` (the doc_id) and a column per measure.

    Rows are ordered by language and item. Raises `InputError` for a missing or broken file, an item that stands there
    twice and one whose log-likelihoods are not finite, naming file, task and item.
    """
    return measure_items(_read_table(path), path)


def measure_items(table: pa.Table, path: Path) -> pd.DataFrame:
    """Return the same of a table that was read from `path`, which begins messages."""
    import pandas as pd

    values, starts, lengths = _flatten(table, "loglikelihoods")
    target = table["target"].to_numpy().astype(np.int64)

    def refuse(wrong: np.ndarray, what: str) -> None:
        if wrong.any():
            row = int(np.argmax(wrong))
            where = f"task '{table['task'][row]}', doc_id {table['doc_id'][row]}"
            raise InputError(f"{path}: {where}: {what}; evaluate again")

    refuse(lengths < 2, "fewer than two choices")
    refuse((target < 0) | (target >= lengths), "the target is none of the choices")
    refuse(~np.logical_and.reduceat(np.isfinite(values), starts), "a log-likelihood is not finite")
    items = pd.DataFrame({"language": table["language"].to_pylist(), "item": table["doc_id"].to_numpy()})
    refuse(items.duplicated().to_numpy(), "the item stands there twice")
    items["acc"] = table["acc"].to_numpy().astype(float)
    right = starts + target
    items["choice_probability"] = choice_probability(values, starts, lengths, right)
    items["margin"] = margin(values, starts, right)
    if BYTES in table.column_names:
        sizes, _, size_lengths = _flatten(table, BYTES)
        refuse(size_lengths != lengths, f"{BYTES} does not have one entry per choice")
        refuse(sizes[right] <= 0, "the right choice has no bytes")
        items["bits_per_byte"] = -values[right] / math.log(2) / sizes[right]
    return items.sort_values(["language", "item"], kind="stable", ignore_index=True)


def choice_probability(values: np.ndarray, starts: np.ndarray, lengths: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return the softmax over each item's choices, at the right one.

    `values` are the log-likelihoods of all choices of all items (flat), item i beginning at `starts[i]` with
    `lengths[i]` choices, its right one at the place `right[i]`.
    """
    top = np.maximum.reduceat(values, starts)
    total = np.add.reduceat(np.exp(values - np.repeat(top, lengths)), starts)
    return np.exp(values[right] - top) / total


def margin(values: np.ndarray, starts: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return the right choice's log-likelihood minus the best wrong one's, in nats (arguments as above)."""
    wrong = values.copy()
    wrong[right] = -np.inf
    return values[right] - np.maximum.reduceat(wrong, starts)


def _read_table(path: Path) -> pa.Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.is_file():
        raise InputError(f"{path}: no such file; items and error bars need it: evaluate again")
    try:
        names = pq.read_schema(path).names
        if absent := [name for name in COLUMNS if name not in names]:
            raise InputError(f"{path}: no column '{absent[0]}'; it has: {', '.join(names)}; evaluate again")
        table = pq.read_table(path, columns=[*COLUMNS, *([BYTES] if BYTES in names else [])])
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path}: not readable as parquet ({error}); evaluate again") from None
    if not table.num_rows:
        raise InputError(f"{path}: no items; evaluate again")
    return table


def _flatten(table: pa.Table, column: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the values of a column of lists (flat), where each row's begin, and how many each row has."""
    lists = table[column].combine_chunks()
    lengths = lists.value_lengths().fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    return lists.flatten().to_numpy(zero_copy_only=False).astype(float), np.cumsum(lengths) - lengths, lengths
