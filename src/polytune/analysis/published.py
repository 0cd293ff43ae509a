"""Values that a paper printed, beside the measured ones: at full scale only."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from polytune.analysis.choices import Layout
from polytune.analysis.context import Context
from polytune.errors import InputError, nearest
from polytune.readers.text import read_text

if TYPE_CHECKING:
    import pandas as pd


def join_published(
    points: pd.DataFrame, path: Path | None, layout: Layout, context: Context
) -> tuple[pd.DataFrame, list[str]]:
    """Return points with a column `published` (NaN where nothing is), and what must be said of it.

    The file has a column for each coordinate in use and for `language` or `evaluation` where it tells points apart, and
    `value`, in the unit of the measure. Numbers of the generated world are beside no published ones.
    """
    if path is None:
        return points, []
    table, source = read_published_values(path, code=context.code), published_source(path)
    if context.scale != "full":
        return points, [f"{source}: published values belong to scale full; the comparison does not apply here."]
    keys = [name for name in table if name != "value"]
    if lacking := [name for name in layout.used if name not in keys]:
        raise InputError(f"{path}: no column '{lacking[0]}', which the figure shows; there are: {', '.join(keys)}")
    if strange := [name for name in keys if name not in points]:
        raise InputError(f"{path}: the figure tells no '{strange[0]}' apart; choose one with 'by' or 'against'")
    joined = points.merge(table.rename(columns={"value": "published"}), on=keys, how="left")
    if joined["published"].isna().all():
        raise InputError(f"{path}: none of its {', '.join(keys)} is in the figure")
    return joined, [f"Published: {source}."]


def read_published_values(
    path: Path, columns: tuple[str, ...] = ("value",), code: Callable[[str], str] = str
) -> pd.DataFrame:
    """Return a table of published values; `code` says which language a name is (`Context.code`).

    Raises `InputError` if it is missing or lacks one of `columns`.
    """
    import pandas as pd

    if not path.is_file():
        known = sorted(file.name for file in path.parent.glob("*.csv"))
        raise InputError(f"no published table '{path.name}'{nearest(path.name, known)}; there are: {', '.join(known)}")
    table = pd.read_csv(path, comment="#")
    for column in columns:
        if column not in table:
            raise InputError(f"{path}: no column '{column}'{nearest(column, table)}; it has: {', '.join(table)}")
    if "language" in table:
        table["language"] = [code(name) for name in table["language"].astype(str)]
    return table


def published_source(path: Path) -> str:
    """Return the source that the first comment line of a published table names, up to its title."""
    return read_text(path).partition("\n")[0].strip().removeprefix("# ").split(":")[0]
