"""Means over the languages of a benchmark and their standard errors over items."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from polytune.errors import InputError
from polytune.scores.evaluations import Score


def mean_score(scores: dict[str, Score], weights: dict[str, float]) -> Score:
    """Return the weighted mean over languages, each with its own, independent items.

    value = sum w v, stderr = sqrt(sum (w s)^2), with weights scaled to sum to 1.
    """
    total = sum(weights.values())
    shares = {language: weights[language] / total for language in scores}
    return Score(
        value=sum(shares[language] * score.value for language, score in scores.items()),
        stderr=math.sqrt(sum((shares[language] * score.stderr) ** 2 for language, score in scores.items())),
        items=sum(score.items for score in scores.values()),
    )


def clustered_stderr(correct: np.ndarray) -> float:
    """Return the standard error of the mean over languages of parallel items: items are the clusters.

    `correct` is items x languages. The translations of one item succeed and fail together, so the languages are no
    independent draws: the item means are (Miller 2024, arXiv 2411.00640, section 2.2, for clusters of equal size).
    """
    item_means = correct.mean(axis=1)
    return float(item_means.std(ddof=1) / math.sqrt(len(item_means)))


def read_correct(samples: Path, languages: list[str]) -> np.ndarray:
    """Return which items were answered correctly, items x languages (0 or 1), items in the order of `doc_id`.

    Raises `InputError` if the file is missing or if the languages do not have the same items.
    """
    import pandas as pd

    if not samples.is_file():
        raise InputError(f"{samples}: no such file; the error bars of parallel items need it: evaluate again")
    table = pd.read_parquet(samples, columns=["language", "doc_id", "acc"]).astype({"language": str})
    wide = table.pivot(index="doc_id", columns="language", values="acc")
    if absent := [language for language in languages if language not in wide]:
        raise InputError(f"{samples}: no items of language '{absent[0]}'; it has: {' '.join(wide)}")
    wide = wide[languages]
    if wide.isna().any(axis=None):
        language = wide.isna().sum().idxmax()
        raise InputError(
            f"{samples}: language '{language}' lacks {int(wide[language].isna().sum())} of {len(wide)} items: these "
            "languages are not parallel; take the benchmark out of the list 'parallel'"
        )
    return wide.to_numpy(dtype=float)
