"""Language vectors: one wide table, a row per language of `config/languages.tsv`, a column per feature of URIEL.

The prefix of a column tells its kind: `S_` syntax, `P_` phonology, `INV_` sound inventory (0 or 1, gaps filled by
URIEL's nearest neighbours), `GC_` distance to a fixed point (in halves of the Earth's circumference), `LEARNED_`
learned vector (19 of the 60 languages have none), `F_` membership in a family or subfamily.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from polytune.errors import InputError
from polytune.files import atomic_path
from polytune.languages.codes import languages
from polytune.languages.uriel import completed_features, family_features, geographic_features, learned_vectors
from polytune.readers.parquet import read_table

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

LEARNED_SIZE = 512

FEATURE_SETS = {
    "typo": ("S_", "P_", "INV_"),
    "geo": ("GC_",),
    "learn": ("LEARNED_",),
    "families": ("F_",),
}
"""Column prefixes of the named sets. `typo`, `geo` and `learn` are TYPO, GEO and LEARN of arXiv 2410.07809."""


def build_vectors() -> pd.DataFrame:
    """Return the vectors of every language of the table: index `language`, columns in the order of the prefixes above.

    TYPO has 103 + 28 + 158 = 289 columns, GEO 299, LEARNED 512; families are those that some language here belongs to.
    All values are float64, which the published k-means selections need.
    """
    import numpy as np
    import pandas as pd

    codes = {language: entry.iso639_3 for language, entry in languages().items()}
    isos = list(codes.values())
    typology, places, families, learned = (
        completed_features(),
        geographic_features(),
        family_features(),
        learned_vectors(),
    )
    typology_columns = [column for prefix in FEATURE_SETS["typo"] for column in typology.columns(prefix)]
    memberships = families.rows(isos)
    family_columns = np.flatnonzero(memberships.any(axis=0))
    missing = np.full(LEARNED_SIZE, np.nan)
    values = np.concatenate(
        [
            typology.rows(isos)[:, typology_columns],
            places.rows(isos),
            np.stack([learned.get(iso, missing) for iso in isos]),
            memberships[:, family_columns],
        ],
        axis=1,
        dtype=np.float64,
    )
    names = [typology.features[column] for column in typology_columns]
    names += places.features
    names += [f"LEARNED_{number:03d}" for number in range(LEARNED_SIZE)]
    names += [families.features[column] for column in family_columns]
    return pd.DataFrame(values, index=pd.Index(codes, name="language"), columns=names)


def feature_set(vectors: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return the columns of the set `name` (a key of `FEATURE_SETS`), only the languages that have all its values."""
    if name not in FEATURE_SETS:
        raise ValueError(f"no feature set '{name}': {', '.join(FEATURE_SETS)}")
    columns = [column for column in vectors.columns if column.startswith(FEATURE_SETS[name])]
    return vectors[columns].dropna()


def embed(values: np.ndarray, perplexity: float, seed: int) -> np.ndarray:
    """Return two coordinates for each row by t-SNE (van der Maaten & Hinton 2008), begun at principal components.

    Of Euclidean distances, with scikit-learn on one thread: the same picture for the same seed on one machine.
    """
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        return TSNE(2, perplexity=perplexity, init="pca", learning_rate="auto", random_state=seed).fit_transform(values)


def read_vectors(path: Path | str) -> pd.DataFrame:
    """Read a table that `command` wrote; a missing or broken file is an `InputError`."""
    if not Path(path).is_file():
        raise InputError(f"{path}: no such file; write it with 'polytune build-vectors'")
    return read_table(path).to_pandas()


def command(output: Annotated[Path, typer.Option(help="Parquet file to write.")]) -> None:
    """Write the URIEL vectors of the languages."""
    vectors = build_vectors()
    with atomic_path(output) as temporary:
        vectors.to_parquet(temporary)
