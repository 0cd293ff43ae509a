"""The outlines of land for the map, thinned for a screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from polytune.errors import InputError
from polytune.languages.places import read_coastlines

if TYPE_CHECKING:
    import numpy as np

TOLERANCE = 0.4
"""Degrees by which a thinned outline may leave the given one: less than two pixels of a map 1,500 pixels wide."""
SMALLEST = 1.0
"""Islands with a smaller area are left out, square degrees."""


def build_outlines() -> tuple[list[dict[str, Any]], list[str]]:
    """Return the land as GeoJSON features, and a sentence if no outlines are installed."""
    try:
        coastlines = read_coastlines()
    except InputError as error:
        return [], [f"outlines of the map: {error}"]
    kept = [outline for outline in coastlines if abs(signed_area(outline)) >= SMALLEST]
    rings = [thin(outline, TOLERANCE) for outline in kept]
    features = [
        {"type": "Feature", "geometry": {"type": "LineString", "coordinates": ring.round(1).tolist()}} for ring in rings
    ]
    return features, []


def signed_area(outline: np.ndarray) -> float:
    """Return the area in a plane of longitude and latitude, square degrees: positive where it turns to the left."""
    import numpy as np

    x, y = outline.T
    return float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum() / 2)


def thin(line: np.ndarray, tolerance: float) -> np.ndarray:
    """Return the points of `line` (points x 2) that Douglas & Peucker (1973) keep.

    None that is left out is further than `tolerance` from the chord, or from its beginning where both ends are one.
    """
    import numpy as np

    keep = np.zeros(len(line), dtype=bool)
    keep[[0, -1]] = True
    stretches = [(0, len(line) - 1)]
    while stretches:
        first, last = stretches.pop()
        if last - first < 2:
            continue
        start, chord = line[first], line[last] - line[first]
        offsets = line[first + 1 : last] - start
        length = np.hypot(*chord)
        if length:
            distances = np.abs(offsets[:, 0] * chord[1] - offsets[:, 1] * chord[0]) / length
        else:
            distances = np.hypot(*offsets.T)
        furthest = int(np.argmax(distances))
        if distances[furthest] > tolerance:
            middle = first + 1 + furthest
            keep[middle] = True
            stretches += [(first, middle), (middle, last)]
    return line[keep]
