"""Seeds of what is drawn when a study is planned: languages, pairs, orders. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable

from polytune.errors import InputError

LARGEST_SEED = 2**32 - 1
"""The largest that scikit-learn's k-means takes, and so the largest of every selection of languages."""


def check_seeds(seeds: Iterable[int], where: str) -> None:
    """Raise `InputError` that begins with `where` for a seed outside 0 to `LARGEST_SEED`.

    Python's generator draws with a seed below 0 what it draws with its absolute value: the two would be one draw.
    """
    for seed in seeds:
        if not 0 <= seed <= LARGEST_SEED:
            raise InputError(f"{where}: {seed} is no seed; allowed: 0 to {LARGEST_SEED}")
