"""The loss on reference answers, as values of answers whose mean is the loss per token."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from polytune.config.paths import Paths
from polytune.errors import InputError
from polytune.files import sha256_file
from polytune.scores.answers import KEYS, parquet_of, read_layout
from polytune.scores.spec import AnswersSpec

if TYPE_CHECKING:
    import pandas as pd

LOSS = "answer_loss"
COLUMNS = (*KEYS, "nats", "tokens")


def read_losses(paths: Paths, run: str, spec: AnswersSpec) -> tuple[pd.DataFrame, str]:
    """Return `KEYS` and the loss of a run's answers, and the digest of their file.

    Raises `InputError` for a missing or broken file, other languages than were asked, a loss that is not finite.
    """
    path = parquet_of(paths.loss(run, spec.name))
    table = read_layout(path, COLUMNS)
    if set(table["language"]) != set(spec.languages):
        raise InputError(
            f"{path}: holds losses in {' '.join(sorted(set(table['language'])))}, asked were "
            f"{' '.join(sorted(spec.languages))}; measure again"
        )
    if not np.isfinite(table["nats"]).all() or not (table["tokens"] > 0).all():
        raise InputError(f"{path}: a loss is not finite, or of no token; measure again")
    by_language = table.groupby("language")
    values = [linearised(group["nats"].to_numpy(), group["tokens"].to_numpy(float)) for _, group in by_language]
    places = np.concatenate([group.index for _, group in by_language])
    items = table[KEYS].copy()
    items.loc[places, LOSS] = np.concatenate(values)
    return items, sha256_file(path)


def linearised(nats: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    """Return a value for each answer of one language; their mean is the sum of nats over the sum of tokens.

    loss + (nats - loss x tokens) / mean tokens: the linear form of a ratio (Woodruff 1971), so that what is computed
    from values of items, errors, clusters, paired differences between runs, holds for the ratio.
    """
    loss = nats.sum() / tokens.sum()
    return loss + (nats - loss * tokens) / tokens.mean()
