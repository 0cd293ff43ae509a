"""URIEL, read from the data files of PyPI's `lang2vec` 1.1.2 (CC BY-SA 4.0; Littell et al. 2017, Malaviya et al. 2017).

Only the files are read. The package's own module needs `pkg_resources`, which current setuptools no longer has, and its
loader of the learned vectors fails on current numpy. Languages are ISO 639-3 codes here, as in the files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from polytune.errors import InputError, nearest

if TYPE_CHECKING:
    import numpy as np

VERSION = "1.1.2"


@dataclass(frozen=True)
class Table:
    """One table of URIEL: a row per language, a column per feature."""

    codes: tuple[str, ...]
    """ISO 639-3 code of each row."""
    features: tuple[str, ...]
    """Name of each column."""
    values: np.ndarray
    """(languages, features); -1 where URIEL has no value."""

    @cached_property
    def _row(self) -> dict[str, int]:
        return {code: row for row, code in enumerate(self.codes)}

    def __contains__(self, code: str) -> bool:
        return code in self._row

    def columns(self, prefix: str) -> list[int]:
        """Return the columns whose feature name begins with `prefix` (`S_`, `P_`, `INV_`), in the file's order."""
        return [column for column, name in enumerate(self.features) if name.startswith(prefix)]

    def rows(self, codes: Sequence[str]) -> np.ndarray:
        """Return the vectors of `codes`, shape (codes, features); an unknown code is an `InputError`."""
        for code in codes:
            if code not in self._row:
                raise InputError(f"lang2vec {VERSION} has no language '{code}'{nearest(code, self.codes)}")
        return self.values[[self._row[code] for code in codes]]


@cache
def merged_features() -> Table:
    """Return the 289 features as documented: the maximum over the ten sources, -1 where none has a value."""
    return _read_table("features.npz")


@cache
def completed_features() -> Table:
    """Return the 289 features with every gap filled by URIEL's k-nearest-neighbour prediction (`*_knn`)."""
    return _read_table("feature_predictions.npz")


@cache
def family_features() -> Table:
    """Return membership in 3,718 families and subfamilies of Glottolog (`fam`), 0 or 1."""
    return _read_table("family_features.npz")


@cache
def geographic_features() -> Table:
    """Return the distance to 299 fixed points (`geo`), in halves of the Earth's circumference.

    A feature `GC_lat_lon` names its point in degrees.
    """
    return _read_table("geocoord_features.npz")


@cache
def learned_vectors() -> dict[str, np.ndarray]:
    """Return the 512 learned values (Malaviya et al. 2017) of each of the 1,017 languages that have them."""
    import numpy as np

    # A pickled dictionary of lists. Unpickling runs code; it is the code of the pinned package itself.
    table = np.load(data_file("learned.npy"), allow_pickle=True, encoding="latin1").item()
    return {code: np.asarray(values, dtype=np.float64) for code, values in table.items() if code != "langs"}


def data_file(name: str) -> Path:
    """Return the path of a data file of the installed package; a missing or another version is an `InputError`.

    The distribution is asked, not the import system: lang2vec also installs a script `lang2vec.py` beside the console
    commands, where it shadows the package.
    """
    try:
        distribution = metadata.distribution("lang2vec")
    except metadata.PackageNotFoundError:
        raise InputError(
            f"lang2vec is not installed; URIEL's data are in it: pip install lang2vec=={VERSION}"
        ) from None
    if distribution.version != VERSION:
        found = distribution.version
        raise InputError(f"lang2vec is {found}; URIEL's data are read from {VERSION}: pip install lang2vec=={VERSION}")
    return Path(str(distribution.locate_file(f"lang2vec/data/{name}")))


def _read_table(name: str) -> Table:
    """Read one `.npz` file, whose `data` is (languages, features, sources), and merge its sources."""
    import numpy as np

    with np.load(data_file(name)) as archive:
        return Table(tuple(archive["langs"].tolist()), tuple(archive["feats"].tolist()), archive["data"].max(axis=2))
