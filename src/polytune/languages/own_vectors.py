"""Vectors of languages that a user brings, or that a base model gave: a table with a column `language` and numbers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from polytune.errors import InputError, nearest
from polytune.languages.codes import known_code
from polytune.readers.records import read_records

if TYPE_CHECKING:
    import pandas as pd

VECTOR_FILES = (".parquet", ".csv", ".tsv")


def read_own_vectors(path: Path) -> pd.DataFrame:
    """Read a user's language vectors: a table with a column `language` and numbers, as `.parquet`, `.csv` or `.tsv`.

    Languages may have any name of the table; others and incomplete rows are dropped. The values are float32,
    which the published SEM subsets need. Raises `InputError` naming file and column or row.
    """
    import pandas as pd

    if path.suffix not in VECTOR_FILES:
        raise InputError(f"{path}: vectors are read from {', '.join(VECTOR_FILES)}")
    table = pd.DataFrame([record for _, record in read_records(path)])
    if "language" not in table.columns:
        raise InputError(f"{path}: no column 'language'{nearest('language', map(str, table.columns))}")
    table["language"] = [known_code(str(name)) for name in table["language"]]
    table = table.replace("", None).dropna().set_index("language")
    if repeated := table.index[table.index.duplicated()].tolist():
        raise InputError(f"{path}: language '{repeated[0]}' has two rows")
    for column in table.columns:
        table[column] = pd.to_numeric(table[column], errors="coerce")
        if not table[column].abs().lt(float("inf")).all():
            raise InputError(f"{path}: column '{column}' holds something else than numbers")
    return table.astype("float32")
