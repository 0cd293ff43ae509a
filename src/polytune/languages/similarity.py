"""Similarity of languages: six measures of URIEL by two methods, and sound correspondence.

lang2vec's precomputed distances, which the papers used, are a download that is gone; `uriel-precomputed` rebuilds them.
Similarity is 1 - distance. The methods differ in what a language without data gets:

- `uriel-precomputed`: what the papers saw. Ten macro-language codes (Arabic, Chinese, Swahili, ...) count as unknown:
  genetic and geographic distance 1 to everything; a typological vector that is unknown becomes all ones.
- `uriel`: the data of lang2vec 1.1.2, which has those codes, and URIEL's own predictions for unknown typology.

`docs/languages.md` gives the definitions, where they come from and how they were checked.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from polytune.files import atomic_path
from polytune.languages.codes import languages
from polytune.languages.coverage import angular_interval, known_pairs, sound_coverage, typological_coverage
from polytune.languages.own_vectors import read_own_vectors
from polytune.languages.places import solve_positions
from polytune.languages.sound import build_sound_similarity, default_words_path, read_words
from polytune.languages.uriel import completed_features, family_features, geographic_features, merged_features

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

METHODS = ("uriel-precomputed", "uriel")
TYPOLOGICAL = {"syntactic": ("S_",), "phonological": ("P_",), "inventory": ("INV_",), "featural": ("S_", "P_", "INV_")}
MEASURES = ("featural", "genetic", "geographic", "inventory", "phonological", "syntactic")

COLUMNS = ("similarity", "coverage", "low", "high")
MODEL = "model"
"""Measure of vectors that are no feature of URIEL: those of a base model, or of the user's own."""

MACRO_CODES = frozenset(("ara", "aze", "fas", "kur", "msa", "nor", "orm", "swa", "uzb", "zho"))
"""Codes that URIEL's tables held without any data."""

LATER_FEATURES = frozenset(("S_VOX", "S_XVO", "S_XOV", "S_OXV", "S_OVX"))
"""Syntactic features of 1.1.2 that the precomputed distances do not have; 98 remain."""

UNUSED_FEATURES = frozenset(("P_UVULARS",))
"""Features that are 0 for every language that has data in the precomputed distances."""

DEPTH_CORRECTIONS = {"dan": 1, "fra": 3, "glg": 1, "por": 3}
"""Nodes of the older family tree that `fam` lacks. `dan` follows from one published value (frr-dan 0.625) only."""

LISTED_LAST = frozenset(("afr",))
"""Codes behind the alphabet in the list of the original tables: seven published pairs say so (docs/languages.md)."""


def uriel_distances(isos: Sequence[str], measure: str, method: str) -> np.ndarray:
    """Return the distances of `measure` between ISO 639-3 codes, shape (codes, codes), 0 on the diagonal.

    Raises `InputError` for a code that URIEL does not have.
    """
    import numpy as np

    if method not in METHODS or measure not in MEASURES:
        raise ValueError(f"no measure '{measure}' by method '{method}'")
    if measure in TYPOLOGICAL:
        distances = _angular_distances(_typology(isos, measure, method))
    else:
        distances = _genetic_distances(isos) if measure == "genetic" else _geographic_distances(isos)
        unknown = _unknown(isos, method)
        distances[unknown] = distances[:, unknown] = 1.0
    np.fill_diagonal(distances, 0.0)
    return distances


def uriel_coverage(isos: Sequence[str], measure: str, method: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the share of features that both languages have and the interval over resampled features, codes x codes.

    Of the genetic and the geographic measure it is 1 or 0, whether both have a family or a place, without interval.
    """
    import numpy as np

    if measure in TYPOLOGICAL:
        share = typological_coverage(isos, TYPOLOGICAL[measure], _unknown(isos, method))
        return share, *angular_interval(_typology(isos, measure, method))
    unknown = _unknown(isos, method)
    if measure == "genetic":
        unknown = unknown | ~family_features().rows(isos).any(axis=1)
    share = known_pairs(unknown)
    return share, np.full_like(share, np.nan), np.full_like(share, np.nan)


def _unknown(isos: Sequence[str], method: str) -> np.ndarray:
    """Return which codes count as unknown."""
    import numpy as np

    return np.array([method == "uriel-precomputed" and iso in MACRO_CODES for iso in isos])


def _typology(isos: Sequence[str], measure: str, method: str) -> np.ndarray:
    """Return the vectors that a typological measure compares."""
    if method == "uriel-precomputed":
        return _published_typology(isos, measure, _unknown(isos, method))
    table = completed_features()
    return table.rows(isos)[:, [column for prefix in TYPOLOGICAL[measure] for column in table.columns(prefix)]]


def _published_typology(isos: Sequence[str], measure: str, unknown: np.ndarray) -> np.ndarray:
    """Return the vectors of the precomputed distances: missing values 0, and all ones where nothing is left."""
    import numpy as np

    table = merged_features()
    names = [name for prefix in TYPOLOGICAL[measure] for name in table.features if name.startswith(prefix)]
    names = [name for name in names if name not in LATER_FEATURES]
    vectors = np.maximum(table.rows(isos)[:, [table.features.index(name) for name in names]], 0)
    vectors[:, [name in UNUSED_FEATURES for name in names]] = 0
    vectors[unknown | ~vectors.any(axis=1)] = 1
    return vectors


def _angular_distances(vectors: np.ndarray) -> np.ndarray:
    """Return 2/pi * arccos(cosine) of every pair of rows: 0 for parallel, 1 for orthogonal vectors."""
    import numpy as np

    vectors = vectors.astype(np.float64)
    lengths = np.linalg.norm(vectors, axis=1)
    return 2 / np.pi * np.arccos(np.clip(vectors @ vectors.T / np.outer(lengths, lengths), 0, 1))


def _geographic_distances(isos: Sequence[str]) -> np.ndarray:
    """Return great-circle distances in halves of the Earth's circumference."""
    import numpy as np

    table = geographic_features()
    positions = solve_positions(table.features, table.rows(isos))
    return np.arccos(np.clip(positions @ positions.T, -1, 1)) / np.pi


def _genetic_distances(isos: Sequence[str]) -> np.ndarray:
    """Return 1 - common nodes / (depth of the first + 1), 1 if there are none.

    The first is the one that the original tables list first: by code, and `LISTED_LAST` behind all others.
    """
    import numpy as np

    memberships = family_features().rows(isos).astype(np.int64)
    common = memberships @ memberships.T
    depths = memberships.sum(axis=1) + np.array([DEPTH_CORRECTIONS.get(iso, 0) for iso in isos])
    places = [(iso in LISTED_LAST, iso) for iso in isos]
    first_is_row = np.array([[row < column for column in places] for row in places])
    first_depths = np.where(first_is_row, depths[:, None], depths[None, :])
    return 1 - common / (first_depths + 1)


def model_similarity(vectors: pd.DataFrame, codes: Sequence[str]) -> tuple[np.ndarray, ...]:
    """Return 1 - arccos(cosine) / pi of every two of `codes` in [0, 1], its coverage, and no interval (NaN).

    `vectors` has a row per language; the mean over languages is taken off first, since hidden states of a model share a
    large part that says nothing of languages. NaN where a language has no vector.
    """
    import numpy as np

    values = vectors.reindex(codes).to_numpy(dtype=np.float64)
    known = ~np.isnan(values).any(axis=1)
    centred = values - values[known].mean(axis=0)
    lengths = np.linalg.norm(centred, axis=1)
    similarity = 1 - np.arccos(np.clip(centred @ centred.T / np.outer(lengths, lengths), -1, 1)) / np.pi
    np.fill_diagonal(similarity, np.where(known, 1.0, np.nan))
    nothing = np.full_like(similarity, np.nan)
    return similarity, known_pairs(~known), nothing, nothing


def build_similarity(words: Path | str, own: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return all similarities as rows `language, other, measure, method, similarity, coverage, low, high`.

    Similarities lie in [0, 1], NaN if unknown. `coverage` is the share of features (or words) that both languages have,
    `low` and `high` the 95 % interval over resampled features, NaN where there are none (`languages.coverage`). Every
    ordered pair of the table's languages is there, each language with itself (1) included. `words` is the table of
    basic words for sound correspondence; `own` are vectors of a model, for the measure `model`.
    """
    import numpy as np
    import pandas as pd

    codes = list(languages())
    isos = [entry.iso639_3 for entry in languages().values()]
    tables = {
        (measure, method): (1 - uriel_distances(isos, measure, method), *uriel_coverage(isos, measure, method))
        for method in METHODS
        for measure in MEASURES
    }
    known = read_words(words)
    tables["sound", "basic-words"] = (build_sound_similarity(known, codes), *sound_coverage(known, codes))
    if own is not None:
        tables[MODEL, "centred-cosine"] = model_similarity(own, codes)
    pairs = pd.MultiIndex.from_product([codes, codes], names=["language", "other"])
    frames = [
        pd.DataFrame(
            {"measure": measure, "method": method}
            | {name: table.ravel() for name, table in zip(COLUMNS, values, strict=True)},
            index=pairs,
        )
        for (measure, method), values in tables.items()
    ]
    similarity = pd.concat(frames).reset_index()
    outside = similarity[~(similarity["similarity"].between(0, 1) | np.isnan(similarity["similarity"]))]
    if len(outside):
        raise AssertionError(f"similarities outside [0, 1]: {outside}")
    return similarity


def command(
    output: Annotated[Path, typer.Option(help="Parquet file to write.")],
    words: Annotated[
        Path | None,
        typer.Option(help="Table of basic words; default: the checkout's config/languages/basic-words.tsv."),
    ] = None,
    own_vectors: Annotated[
        Path | None,
        typer.Option(help="Output of build-language-vectors, or a table of yours, for the measure 'model'."),
    ] = None,
) -> None:
    """Write the similarities of every pair of languages."""
    own = None if own_vectors is None else read_own_vectors(own_vectors)
    similarity = build_similarity(words or default_words_path(), own)
    with atomic_path(output) as temporary:
        similarity.to_parquet(temporary, index=False)
