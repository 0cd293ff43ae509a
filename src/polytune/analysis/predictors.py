"""What a language's accuracy is correlated with: the number of languages, and summed similarities of a mixture.

Lucky 52 (arXiv 2404.04850, section 4.3): similarity of a mixture to a test language = the sum, over the mixture's
languages L, of sim(L, test language), each similarity in [0, 1]; a language has similarity 1 to itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from polytune.errors import InputError, nearest

if TYPE_CHECKING:
    import pandas as pd

NUMBER = "number of languages"
SOUND = "sound"
MEASURES = (SOUND, "featural", "genetic", "geographic", "inventory", "phonological", "syntactic")
"""The seven similarities, in the order of the paper's tables."""
MODEL = "model"
"""The similarity by vectors of a base model, where `build-similarity` was given some."""


def read_similarity(path: Path | str, method: str) -> pd.DataFrame:
    """Return the similarities as a table with a row per (measure, test language) and a column per mixture language.

    `method` chooses among the definitions of the six URIEL measures; sound correspondence has one. Raises `InputError`
    for a missing measure or method.
    """
    import pandas as pd

    table = pd.read_parquet(path)
    available = sorted(table.loc[~table["measure"].isin((SOUND, MODEL)), "method"].unique())
    if method not in available:
        raise InputError(f"{path}: no similarity method '{method}'{nearest(method, available)}; it has: {available}")
    table = table[table["measure"].isin((SOUND, MODEL)) | (table["method"] == method)]
    if absent := [measure for measure in MEASURES if measure not in set(table["measure"])]:
        raise InputError(f"{path}: no measure '{absent[0]}'; it has: {sorted(table['measure'].unique())}")
    return table.pivot(index=["measure", "language"], columns="other", values="similarity")


def measures_of(similarity: pd.DataFrame) -> tuple[str, ...]:
    """Return the measures of a table of `read_similarity`: the seven, and `model` if it is there."""
    return (*MEASURES, MODEL) if MODEL in similarity.index.get_level_values("measure") else MEASURES


def own_language(mixtures: Sequence[Sequence[str]], target: str) -> np.ndarray:
    """Return 1.0 for every mixture that holds `target`, else 0.0."""
    return np.array([float(target in languages) for languages in mixtures])


def similarity_sums(similarity: pd.DataFrame, mixtures: Sequence[Sequence[str]], target: str, own: bool) -> np.ndarray:
    """Return the summed similarities to `target`, mixtures x measures (order of `measures_of`).

    `own` says whether the target language itself counts where a mixture holds it. NaN where a similarity is missing.
    """
    known = similarity.columns
    languages = sorted({language for mixture in mixtures for language in mixture})
    for language in [*languages, target]:
        if language not in known:
            raise InputError(f"similarity: no language '{language}'; it has: {' '.join(sorted(known))}")
    contains = np.array([[language in mixture for language in languages] for mixture in mixtures], dtype=float)
    values = (
        similarity.loc[[(measure, target) for measure in measures_of(similarity)], languages]
        .to_numpy(dtype=float, copy=True)
        .T
    )
    for column, language in enumerate(languages):
        if language == target:
            values[column] = 1.0 if own else 0.0
    return contains @ values
