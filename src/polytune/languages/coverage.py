"""How much stands behind a similarity: the share of features that both languages have, and an interval.

A similarity of two languages that share a tenth of their features is mostly a rule for missing values. The interval
says how much it would change with other features (or words) of the same kind, which are resampled.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from polytune.languages.sound import WORDS, compare_words
from polytune.languages.uriel import merged_features

if TYPE_CHECKING:
    import numpy as np

RESAMPLES, SEED = 400, 1
QUANTILES = (0.025, 0.975)


def typological_coverage(isos: Sequence[str], prefixes: Sequence[str], unknown: np.ndarray) -> np.ndarray:
    """Return the share of features that URIEL has for both, codes x codes; `unknown` codes count as missing."""
    table = merged_features()
    columns = [column for prefix in prefixes for column in table.columns(prefix)]
    known = (table.rows(isos)[:, columns] >= 0).astype(float)
    known[unknown] = 0.0
    return known @ known.T / len(columns)


def known_pairs(unknown: np.ndarray) -> np.ndarray:
    """Return 1 where both languages have a place or a family, else 0, codes x codes."""
    known = (~unknown).astype(float)
    return known[:, None] * known[None, :]


def angular_interval(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the 95 % percentile interval of 1 - 2/pi * arccos(cosine) over resampled features, codes x codes each.

    Every resample draws as many features as there are, with replacement, the same for all pairs. A language without any
    of the features drawn has the similarity 0.
    """
    import numpy as np

    vectors = vectors.astype(np.float64)
    count, features = vectors.shape
    generator = np.random.default_rng(SEED)
    found = np.empty((RESAMPLES, count, count), dtype=np.float32)
    for number in range(RESAMPLES):
        drawn = vectors[:, generator.integers(features, size=features)]
        lengths = np.maximum(np.linalg.norm(drawn, axis=1), 1e-12)
        cosines = np.clip(drawn @ drawn.T / np.outer(lengths, lengths), 0, 1)
        found[number] = 1 - 2 / np.pi * np.arccos(cosines)
    low, high = np.quantile(found, QUANTILES, axis=0)
    np.fill_diagonal(low, 1.0)
    np.fill_diagonal(high, 1.0)
    return low.astype(np.float64), high.astype(np.float64)


def sound_coverage(words: dict[str, dict[str, str]], codes: Sequence[str]) -> tuple[np.ndarray, ...]:
    """Return the share of the words that can be compared and the interval over resampled words, codes x codes each."""
    import numpy as np

    scores = np.full((len(codes), len(codes), len(WORDS)), np.nan)
    for row, language in enumerate(codes):
        for column, other in enumerate(codes[:row]):
            for place, word in enumerate(WORDS):
                ours, theirs = words.get(language, {}).get(word, ""), words.get(other, {}).get(word, "")
                score = compare_words(ours, theirs) if ours and theirs else None
                if score is not None:
                    scores[row, column, place] = scores[column, row, place] = score
    known = ~np.isnan(scores)
    drawn = np.random.default_rng(SEED).multinomial(len(WORDS), [1 / len(WORDS)] * len(WORDS), size=RESAMPLES)
    with np.errstate(invalid="ignore"):
        means = (np.nan_to_num(scores) @ drawn.T) / (known @ drawn.T)  # codes x codes x resamples
    low, high = np.full(known.shape[:2], np.nan), np.full(known.shape[:2], np.nan)
    some = known.any(axis=2)
    low[some], high[some] = np.nanquantile(means[some], QUANTILES, axis=1)
    share = known.mean(axis=2)
    for table in (low, high, share):
        np.fill_diagonal(table, 1.0)
    return share, low, high
