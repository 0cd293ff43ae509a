"""Choose k languages by their vectors, one per family, or at random (arXiv 2410.07809, section 3).

k-means as the paper's subsets came about: float64 vectors, languages in alphabetical order of their codes,
scikit-learn's Lloyd algorithm from k-means++, n_init=10, max_iter=300, tol=1e-4; then the language nearest to each
centroid.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from polytune.errors import InputError
from polytune.files import write_json
from polytune.languages.codes import check_languages, languages, split_languages
from polytune.languages.diversity import select_determinantal, select_far_apart
from polytune.languages.own_vectors import read_own_vectors
from polytune.languages.seeds import LARGEST_SEED
from polytune.languages.vectors import feature_set, read_vectors

if TYPE_CHECKING:
    import pandas as pd

TIE = 1e-9
"""Distances to a centroid that differ by less are equal: of two languages in a cluster, rounding alone would decide."""


class Features(StrEnum):
    """What languages are chosen by; the names in the paper are the same in capitals."""

    typo = "typo"  # 289 typological features
    geo = "geo"  # distances to 299 points
    learn = "learn"  # 512 learned values
    sem = "sem"  # vectors of a file that the user supplies (the paper: 200 colexification embeddings)
    model = "model"  # vectors of a base model itself: the output of build-language-vectors
    fam = "fam"  # one language per family
    rnd = "rnd"  # at random


OWN = (Features.sem, Features.model)
"""Features that are read from a table of the user's own."""


class Algorithm(StrEnum):
    """How languages are chosen by their vectors."""

    kmeans = "kmeans"  # the language nearest to the centroid of each cluster (the paper's)
    kcentre = "kcentre"  # each as far as possible from those before it, from one drawn at random
    dpp = "dpp"  # drawn by a determinantal point process, which avoids sets of similar ones


def select_by_clusters(vectors: pd.DataFrame, k: int, seed: int) -> list[dict]:
    """Return the k clusters of the rows of `vectors` in alphabetical order of the language chosen in each.

    A cluster is `{"language", "distance", "ties", "members"}`: the language nearest to the centroid (the first in the
    alphabet of equally near ones, `ties` being the others), its Euclidean distance, and the languages of the cluster.
    The dtype of `vectors` is kept: rounding decides between starts of k-means, and the paper's SEM needs float32.
    """
    import numpy as np
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    vectors = vectors.sort_index()
    values = vectors.to_numpy()
    with threadpool_limits(1):  # sums in one order, whatever the machine
        fitted = KMeans(n_clusters=k, n_init=10, max_iter=300, tol=1e-4, random_state=seed).fit(values)
    clusters = []
    for label, centre in enumerate(fitted.cluster_centers_.astype(np.float64)):
        members = vectors.index[fitted.labels_ == label].tolist()
        distances = np.linalg.norm(values[fitted.labels_ == label].astype(np.float64) - centre, axis=1)
        tie = max(TIE, float(np.finfo(values.dtype).eps) * np.linalg.norm(centre))
        equally_near = [code for code, far in zip(members, distances, strict=True) if far <= distances.min() + tie]
        chosen, *ties = equally_near
        clusters.append({"language": chosen, "distance": float(distances.min()), "ties": ties, "members": members})
    return sorted(clusters, key=lambda cluster: cluster["language"])


def select_at_random(codes: Sequence[str], k: int, seed: int) -> list[str]:
    """Return k of `codes`, alphabetically: those with the smallest hash of seed and code, so samples are nested."""
    return sorted(sorted(codes, key=lambda code: _draw(seed, code))[:k])


def select_by_family(codes: Sequence[str], k: int, seed: int) -> list[str]:
    """Return k of `codes`, alphabetically, no two of one family: a random family's random language each time.

    Raises `InputError` if the languages have fewer than k families.
    """
    by_family: dict[str, list[str]] = {}
    for code in codes:
        by_family.setdefault(languages()[code].family, []).append(code)
    if k > len(by_family):
        raise InputError(f"select-languages: --k {k} with --features fam: the languages have {len(by_family)} families")
    families = sorted(by_family, key=lambda family: _draw(seed, family))[:k]
    return sorted(min(by_family[family], key=lambda code: _draw(seed, code)) for family in families)


def select_languages(
    features: str,
    k: int,
    seed: int,
    codes: Sequence[str],
    vectors: pd.DataFrame | None = None,
    algorithm: str = Algorithm.kmeans,
) -> dict:
    """Return a selection: `features`, `k`, `seed`, `languages`, `left_out`, and `clusters` or `steps` by algorithm.

    `vectors` (a row per language) is used by all but `fam` and `rnd`; candidates without a complete vector are
    `left_out`. Raises `InputError` if fewer than k candidates remain.
    """
    left_out: list[str] = []
    selection: dict = {"features": str(features), "k": k, "seed": seed}
    if features in (Features.fam, Features.rnd):
        candidates = sorted(codes)
    else:
        candidates = [code for code in sorted(codes) if code in vectors.index]
        left_out = [code for code in sorted(codes) if code not in vectors.index]
    if not 1 <= k <= len(candidates):
        without = f"; without vector: {' '.join(left_out)}" if left_out else ""
        raise InputError(f"select-languages: --k is {k}; allowed: 1 to {len(candidates)} languages{without}")
    steps: dict[str, list[dict]] = {}
    if features == Features.fam:
        chosen = select_by_family(candidates, k, seed)
    elif features == Features.rnd:
        chosen = select_at_random(candidates, k, seed)
    else:
        if algorithm == Algorithm.kmeans:
            steps["clusters"] = select_by_clusters(vectors.loc[candidates], k, seed)
        elif algorithm == Algorithm.kcentre:
            drawn = sorted(candidates, key=lambda code: _draw(seed, code))
            steps["steps"] = select_far_apart(vectors.loc[candidates], k, drawn)
        else:
            steps["steps"] = select_determinantal(vectors.loc[candidates], k, seed)
        selection |= {} if algorithm == Algorithm.kmeans else {"algorithm": str(algorithm)}
        chosen = sorted(step["language"] for found in steps.values() for step in found)
    return selection | {"languages": chosen, "candidates": candidates, "left_out": left_out} | steps


def command(
    output: Annotated[Path, typer.Option(help="JSON file to write.")],
    features: Annotated[Features, typer.Option(help="What to choose by.")],
    k: Annotated[int, typer.Option(help="How many languages.")],
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Seed of k-means or of the draw.")],
    vectors: Annotated[Path | None, typer.Option(help="Output of build-vectors, for typo, geo and learn.")] = None,
    own_vectors: Annotated[Path | None, typer.Option(help="Table of vectors, for sem and model.")] = None,
    candidates: Annotated[str, typer.Option(help="Languages to choose from; default: the 52 of Bactrian-X.")] = "",
    algorithm: Annotated[Algorithm, typer.Option(help="How languages are chosen by vectors.")] = Algorithm.kmeans,
) -> None:
    """Choose languages by their vectors, by family or at random."""
    where = "--candidates"
    codes = [entry.language for entry in check_languages(split_languages(candidates, where), where)]
    codes = codes or [code for code, entry in languages().items() if entry.bactrian_x]
    table = None
    if features in OWN:
        if own_vectors is None:
            raise InputError(f"select-languages: --features {features} needs --own-vectors: a table of the user's")
        table = read_own_vectors(own_vectors)
    elif features not in (Features.fam, Features.rnd):
        if vectors is None:
            raise InputError(f"select-languages: --features {features} needs --vectors: the output of build-vectors")
        table = feature_set(read_vectors(vectors), features)
    write_json(output, select_languages(features, k, seed, codes, table, algorithm))


def _draw(seed: int, name: str) -> bytes:
    """Return what orders names at random: a hash, the same on every machine and for every set of names."""
    return hashlib.blake2b(f"{seed}:{name}".encode(), digest_size=8).digest()
