"""What the world takes from URIEL (lang2vec 1.1.2): descent, place, sounds and word order of the real languages.

The data files of the pinned package are read directly; its module is never imported (it needs `pkg_resources`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from polytune.errors import InputError, nearest

# A letter of the romanised languages and the sound of URIEL's inventory that allows it. a, i, o and g are always
# allowed (URIEL's predicted inventories have no plain voiced velar plosive).
SOUNDS = {
    "p": "VOICELESS_BILABIAL_PLOSIVE",
    "b": "VOICED_BILABIAL_PLOSIVE",
    "t": "VOICELESS_ALVEOLAR_PLOSIVE",
    "d": "VOICED_ALVEOLAR_PLOSIVE",
    "k": "VOICELESS_VELAR_PLOSIVE",
    "m": "BILABIAL_NASAL",
    "n": "ALVEOLAR_NASAL",
    "f": "VOICELESS_LABIODENTAL_FRICATIVE",
    "v": "VOICED_LABIODENTAL_FRICATIVE",
    "s": "VOICELESS_ALVEOLAR_FRICATIVE",
    "h": "VOICELESS_GLOTTAL_FRICATIVE",
    "y": "PALATAL_APPROXIMANT",
    "l": "ALVEOLAR_LATERAL_APPROXIMANT",
    "r": "ALVEOLAR_TRILL",
    "w": "VOICED_LABIAL_VELAR_APPROXIMANT",
    "x": "VOICELESS_VELAR_FRICATIVE",
    "c": "VOICELESS_ALVEOLAR_PLOSIVE_WITH_VOICELESS_ALVEOLAR_FRICATIVE",
    "q": "VOICELESS_UVULAR_PLOSIVE",
    "e": "CLOSE_MID_FRONT_UNROUNDED_VOWEL",
    "u": "CLOSE_BACK_ROUNDED_VOWEL",
}
ALWAYS_ALLOWED = "aiog"
VERB_FIRST_EXCEPTIONS = ("glg", "ell")  # URIEL's S_VSO holds for both; their everyday order is SVO
FAMILY_STAND_INS = {"que": "quy"}  # the macro code for Quechua has no family in URIEL; Ayacucho Quechua has
HALF_CIRCUMFERENCE_KM = 20000.0


@dataclass(frozen=True)
class Profile:
    """One real language as URIEL describes it."""

    language: str
    lineage: tuple[str, ...]  # nodes of the family tree from the root down, without the language itself
    distance_fractions: tuple[float, ...]  # to 299 points on the globe, as a fraction of half the circumference
    letters: frozenset[str]
    order: str  # SVO, SOV or VSO
    has_prepositions: bool
    adjective_precedes: bool

    def distance_km(self, other: Profile) -> float:
        """Return the distance in km: the largest lower bound of the triangle inequality over the reference points."""
        pairs = zip(self.distance_fractions, other.distance_fractions, strict=True)
        return HALF_CIRCUMFERENCE_KM * max(abs(ours - theirs) for ours, theirs in pairs)


def read_profiles(languages: Iterable[str]) -> dict[str, Profile]:
    """Read the profiles of `languages` (two-letter codes); raises `InputError` for one that URIEL does not have."""
    folder = data_folder()
    codes = json.loads((folder / "letter_codes.json").read_text(encoding="utf-8"))
    languages = list(languages)
    for language in languages:
        if language not in codes:
            raise InputError(
                f"languages: '{language}' is not in lang2vec's letter_codes.json{nearest(language, codes)}"
            )
    iso_codes = [codes[language] for language in languages]
    nodes, lineages, members = read_array(
        folder / "family_features.npz", [FAMILY_STAND_INS.get(c, c) for c in iso_codes]
    )
    _, places, _ = read_array(folder / "geocoord_features.npz", iso_codes)
    features, values, _ = read_array(folder / "feature_predictions.npz", iso_codes)
    profiles = {}
    for language, iso, lineage, place, row in zip(languages, iso_codes, lineages, places, values, strict=True):
        # The larger a node, the nearer to the root; the order of URIEL's columns settles ties.
        path = sorted((i for i in range(len(nodes)) if lineage[i] > 0), key=lambda i: (-members[i], i))
        has = dict(zip(features, row > 0, strict=True))
        letters = {letter for letter, sound in SOUNDS.items() if has[f"INV_{sound}"]}
        verb_first = has["S_VSO"] and iso not in VERB_FIRST_EXCEPTIONS
        profiles[language] = Profile(
            language=language,
            lineage=tuple(nodes[i].removeprefix("F_") for i in path) or (f"isolate {language}",),
            distance_fractions=tuple(map(float, place)),
            letters=frozenset(letters.union(ALWAYS_ALLOWED)),
            order="VSO" if verb_first else "SVO" if has["S_SVO"] else "SOV",
            has_prepositions=bool(has["S_ADPOSITION_BEFORE_NOUN"]),
            adjective_precedes=bool(has["S_ADJECTIVE_BEFORE_NOUN"] and not has["S_ADJECTIVE_AFTER_NOUN"]),
        )
    return profiles


def read_array(path: Path, iso_codes: list[str]):
    """Return (names of the features, values [languages x features], number of all languages that have each)."""
    import numpy

    with numpy.load(path) as archive:
        rows = {iso: row for row, iso in enumerate(archive["langs"].tolist())}
        values = archive["data"][:, :, 0]
        return archive["feats"].tolist(), values[[rows[iso] for iso in iso_codes]], (values > 0).sum(axis=0)


def data_folder() -> Path:
    """Return the folder of lang2vec's data files without importing the package.

    The package also installs a script `lang2vec.py` beside the console commands, where it shadows the package for
    whatever looks it up by name: so the folder is asked from the installed distribution.
    """
    try:
        return Path(str(metadata.distribution("lang2vec").locate_file("lang2vec/data")))
    except metadata.PackageNotFoundError:
        raise InputError(
            "lang2vec is not installed: its URIEL data files are needed (pip install lang2vec==1.1.2)"
        ) from None
