"""Sets of languages that are far apart: max-min diversity (k-centre) and determinantal point processes.

Unlike the languages next to the centroids of k-means these are extreme ones: what is like nothing else comes first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

TIE = 1e-9
"""Distances that differ by less are equal."""


def select_far_apart(vectors: pd.DataFrame, k: int, first: Sequence[str]) -> list[dict]:
    """Return k rows of `vectors`, each as far as possible from those before it (Gonzalez 1985; Euclidean).

    `first` are all rows in the order in which the first one is drawn: it is the start. The smallest distance within the
    set is at least half of the largest possible one. An entry is `{"language", "distance", "ties"}`: its distance to
    the nearest one chosen before (none for the first), and others that were as far; the first of the alphabet is
    chosen.
    """
    import numpy as np

    vectors = vectors.sort_index()
    distances = _distances(vectors.to_numpy(dtype=np.float64))
    place = vectors.index.get_loc(first[0])
    chosen = [{"language": first[0], "distance": None, "ties": []}]
    nearest = distances[place].copy()
    taken = {place}
    while len(chosen) < k:
        open_places = [number for number in range(len(vectors)) if number not in taken]
        farthest = nearest[open_places].max()
        equal = [number for number in open_places if nearest[number] >= farthest - TIE]
        place, *ties = equal  # places are in the order of the alphabet
        chosen.append(
            {
                "language": vectors.index[place],
                "distance": float(farthest),
                "ties": [vectors.index[number] for number in ties],
            }
        )
        taken.add(place)
        nearest = np.minimum(nearest, distances[place])
    return chosen


def select_determinantal(vectors: pd.DataFrame, k: int, seed: int) -> list[dict]:
    """Return k rows of `vectors` drawn by a k-DPP: a set S with probability proportional to det L_S.

    Similar rows make a determinant small, so they are rarely drawn together. L = exp(-d^2 / (2 m^2)), d Euclidean
    distances, m their median. Sampled exactly from the eigenvectors (Kulesza & Taskar 2012, algorithms 1 and 8). An
    entry is `{"language"}`; there are no ties in a draw.
    """
    import numpy as np

    vectors = vectors.sort_index()
    values, axes = np.linalg.eigh(similarity_kernel(vectors.to_numpy(dtype=np.float64)))
    generator = np.random.default_rng(seed)
    axes = axes[:, _draw_eigenvectors(np.maximum(values, 0.0), k, generator)]
    places = []
    while axes.shape[1]:
        weights = (axes**2).sum(axis=1)
        place = int(generator.choice(len(vectors), p=weights / weights.sum()))
        places.append(place)
        # what is left is orthogonal to the language chosen
        pivot = int(np.abs(axes[place]).argmax())
        axes = np.delete(axes - np.outer(axes[:, pivot], axes[place] / axes[place, pivot]), pivot, axis=1)
        axes = np.linalg.qr(axes)[0]
    return [{"language": vectors.index[place]} for place in sorted(places)]


def similarity_kernel(values: np.ndarray) -> np.ndarray:
    """Return exp(-d^2 / (2 m^2)) of every two rows, m the median distance of two rows."""
    import numpy as np

    distances = _distances(values)
    pairs = distances[np.triu_indices(len(values), 1)]
    middle = float(np.median(pairs)) if len(pairs) and np.median(pairs) > 0 else 1.0
    return np.exp(-(distances**2) / (2 * middle**2))


def _draw_eigenvectors(values: np.ndarray, k: int, generator: np.random.Generator) -> list[int]:
    """Return k places of eigenvalues, a set with probability proportional to the product of its values.

    By elementary symmetric polynomials: e[j, n] sums the products of all j of the first n values.
    """
    import numpy as np

    count = len(values)
    values = values / values.max()
    sums = np.zeros((k + 1, count + 1))
    sums[0] = 1.0
    for j in range(1, k + 1):
        for n in range(1, count + 1):
            sums[j, n] = sums[j, n - 1] + values[n - 1] * sums[j - 1, n - 1]
    places, left = [], k
    for n in range(count, 0, -1):
        if left and generator.random() < values[n - 1] * sums[left - 1, n - 1] / sums[left, n]:
            places.append(n - 1)
            left -= 1
    return places


def _distances(values: np.ndarray) -> np.ndarray:
    """Return Euclidean distances of every two rows."""
    import numpy as np

    squares = (values**2).sum(axis=1)
    return np.sqrt(np.maximum(squares[:, None] + squares[None, :] - 2 * values @ values.T, 0.0))
