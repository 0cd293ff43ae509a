"""The interval of a share, which needs no library. Formula and sources: docs/statistics.md."""

from __future__ import annotations

import math


def wilson_interval(share: float, items: float, z: float) -> tuple[float, float]:
    """Return the score interval of a share of `items` independent items (Wilson 1927), `z` standard errors wide.

    Unlike share -+ z * error it stays within [0, 1] and has a width where every item is right.
    """
    centre = (share + z**2 / (2 * items)) / (1 + z**2 / items)
    half = z / (1 + z**2 / items) * math.sqrt(share * (1 - share) / items + z**2 / (4 * items**2))
    return centre - half, centre + half
