"""URIEL+ (Khan et al. 2025), read from the files of PyPI's `urielplus` 1.3.2 (CC BY-SA 4.0), as a table of vectors.

Only files are read. What the package holds as it is installed is URIEL; Grambank, BDPROTO, APiCS, eWAVE and inferred
values come in when its own `integrate_databases()` has run once with `set_cache(True)` (minutes, 3 GB of disk), which
writes `features.npz` into its folder `database`. That file is read row by row: it does not fit into every memory.
"""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from polytune.errors import InputError
from polytune.files import atomic_path
from polytune.languages.codes import languages

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

DISTRIBUTION = "urielplus"
FEATURES = "features.npz"
CODES = Path("urielplus_csvs/uriel_glottocode_map.csv")
"""ISO 639-3 code and Glottocode of each language: the integrated tables have Glottocodes."""
INDIVIDUAL = {"ara": "arb", "aze": "azj", "est": "ekk", "fas": "pes", "que": "quy", "swa": "swh", "zho": "cmn"}
"""The language that stands for a macro code of our table, which URIEL+ does not have: the one of the data sets."""


def read_features(database: Path, isos: Sequence[str]) -> tuple[list[str], np.ndarray]:
    """Return names of the typological features and the values of ISO 639-3 codes, codes x features.

    The maximum over the sources (URIEL+'s union), -1 where none has a value or the language is not there. Raises
    `InputError` if the file is missing or has another layout.
    """
    import numpy as np

    file = database / FEATURES
    if not file.is_file():
        file = database / "original_uriel" / FEATURES
    if not file.is_file():
        raise InputError(f"{database}: no {FEATURES}; it is the folder 'database' of the package urielplus")
    try:
        with np.load(file, allow_pickle=True) as archive:
            names, known = archive["feats"].astype(str).tolist(), archive["langs"].astype(str).tolist()
        with zipfile.ZipFile(file) as archive, archive.open("data.npy") as stream:
            np.lib.format.read_magic(stream)
            shape, by_column, dtype = np.lib.format.read_array_header_1_0(stream)
            if shape[:2] != (len(known), len(names)) or by_column:
                raise ValueError(f"data is {shape}, but there are {len(known)} languages and {len(names)} features")
            wanted = _rows(database, known, isos)
            values = np.full((len(isos), len(names)), -1.0)
            size = int(np.prod(shape[1:])) * dtype.itemsize
            for row in range(len(known)):
                part = stream.read(size)
                if row in wanted:
                    values[wanted[row]] = np.frombuffer(part, dtype).reshape(shape[1:]).max(axis=1)
    except (KeyError, ValueError, zipfile.BadZipFile) as error:
        raise InputError(f"{file}: has not the layout of URIEL+ (feats, langs, data): {error}") from error
    return names, values


def _rows(database: Path, known: Sequence[str], isos: Sequence[str]) -> dict[int, list[int]]:
    """Return which of `isos` each row of the file is, by ISO 639-3 code or by Glottocode."""
    glottocodes = {}
    if (database / CODES).is_file():
        with open(database / CODES, encoding="utf-8") as lines:
            glottocodes = {row["iso_code"]: row["glottocode"] for row in csv.DictReader(lines)}
    places = {code: row for row, code in enumerate(known)}
    found: dict[int, list[int]] = {}
    for number, iso in enumerate(isos):
        other = INDIVIDUAL.get(iso)
        names = [iso, glottocodes.get(iso, ""), *((other, glottocodes.get(other, "")) if other else ())]
        code = next((name for name in names if name in places), None)
        if code is not None:
            found.setdefault(places[code], []).append(number)
    return found


def build_vectors(database: Path, least_known: float) -> pd.DataFrame:
    """Return a complete vector for each language of the table that URIEL+ knows: index `language`.

    Features that fewer than the share `least_known` of these languages have are left out; of the others a gap is the
    mean of the languages that have the feature, which is near to nobody and far from nobody.
    """
    import numpy as np
    import pandas as pd

    codes = {code: entry.iso639_3 for code, entry in languages().items()}
    names, values = read_features(database, list(codes.values()))
    values = np.where(values < 0, np.nan, values)
    table = pd.DataFrame(values, index=pd.Index(codes, name="language"), columns=names).dropna(how="all")
    kept = table.loc[:, table.notna().mean() >= least_known]
    if kept.empty:
        raise InputError(f"{database}: no feature is known of {100 * least_known:g} % of the languages")
    return kept.fillna(kept.mean())


def installed_database() -> Path:
    """Return the folder `database` of the installed package; raises `InputError` if it is not installed."""
    try:
        distribution = metadata.distribution(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        raise InputError("urielplus is not installed: pip install 'polytune[urielplus]', or name --database") from None
    return Path(str(distribution.locate_file("urielplus/database")))


def command(
    output: Annotated[Path, typer.Option(help="Parquet file to write, for select-languages --own-vectors.")],
    database: Annotated[
        Path | None, typer.Option(help="Folder 'database' of urielplus; default: of the installed package.")
    ] = None,
    least_known: Annotated[float, typer.Option(help="Share of the languages that must have a feature.")] = 0.5,
) -> None:
    """Write the typological vectors of URIEL+ as a table for selections."""
    vectors = build_vectors(database or installed_database(), least_known)
    with atomic_path(output) as temporary:
        vectors.copy().reset_index().to_parquet(temporary, index=False)
    print(f"{len(vectors)} languages, {vectors.shape[1]} features")
