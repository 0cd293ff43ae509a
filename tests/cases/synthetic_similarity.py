"""Made-up similarities in the layout of `languages/similarity.parquet`, for tests that need no URIEL data."""

from __future__ import annotations

import numpy as np
import pandas as pd

from polytune.analysis.predictors import MEASURES, SOUND
from polytune.languages.codes import languages


def synthetic_similarity(seed: int = 0) -> pd.DataFrame:
    """Return similarities in [0, 1] of all languages; `genetic` is 0 between families, whose members share it."""
    generator = np.random.default_rng(seed)
    table = languages()
    rows = []
    for measure in MEASURES:
        for first in table.values():
            for second in table.values():
                if first == second:
                    value = 1.0
                elif measure == "genetic":
                    value = 0.5 if first.branch == second.branch else 0.2 * (first.family == second.family)
                else:
                    value = float(generator.uniform(0.3, 0.8))
                method = "consonants" if measure == SOUND else "uriel-precomputed"
                rows.append((first.language, second.language, measure, method, value))
    return pd.DataFrame(rows, columns=["language", "other", "measure", "method", "similarity"])
