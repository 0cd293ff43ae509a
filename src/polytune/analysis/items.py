"""The table of a study's items, read only as far as somebody needs it: at full scale it has millions of rows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from polytune.errors import InputError
from polytune.scores.spec import IMPORTED

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Items:
    """`items.parquet` of a study."""

    path: Path

    def read(self, evaluation: str, origin: str, measure: str, categories: bool = False) -> pd.DataFrame:
        """Return run, judge, protocol, opponent, language, item, turn and value of one measure of one evaluation, with
        `categories` the category of the question besides.

        Raises `InputError` if there is none: other metrics of the harness are known as means only. Imported runs may
        have none of any measure.
        """
        if not self.path.is_file():
            raise InputError(f"{self.path}: no such file; collect the scores again")
        written = self.path.stat().st_mtime_ns
        return _read(self.path, written, evaluation, origin, measure, categories).copy(deep=False)


@lru_cache(maxsize=1)  # one analysis after the other asks for the same
def _read(path: Path, written: int, evaluation: str, origin: str, measure: str, categories: bool) -> pd.DataFrame:
    """`written` is when: a file that was collected again is another one."""
    import pandas as pd

    wanted = [("evaluation", "=", evaluation), ("origin", "=", origin), ("measure", "=", measure)]
    words = ["run", "judge", "protocol", "opponent", "language", *["category"] * categories]
    columns = [*words, "item", "turn", "value"]
    table = pd.read_parquet(path, columns=columns, filters=wanted)
    if table.empty and origin != IMPORTED:
        raise InputError(f"{path}: no items of {evaluation} with the measure '{measure}'")
    return table.astype(dict.fromkeys(words, str))


def item_values(answers: pd.DataFrame, value: str, columns: list[str]) -> pd.DataFrame:
    """Return (language, item) x `columns` of `value`, such that the plain mean over items is that over answers.

    `answers` have language, item and a row per turn (and run). The turns of a question belong together and are one
    item, but count each, as in the scores: m + w (v - m), v the item's mean, w its turns over those of an item in the
    mean, m = sum w v / sum w. Its variance is that of this ratio (docs/statistics.md, "Free answers").
    """
    groups = answers.groupby(["language", "item", *columns])[value]
    turns = groups.size().groupby(["language", "item"]).max()
    weights = turns / turns.groupby("language").transform("mean")
    means = groups.mean().unstack(columns) if columns else groups.mean().to_frame()
    weighed = means.notna().mul(weights, axis=0).groupby("language").transform("sum")
    centre = means.mul(weights, axis=0).groupby("language").transform("sum") / weighed
    return centre + (means - centre).mul(weights, axis=0)
