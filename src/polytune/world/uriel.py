"""What the world takes from URIEL: descent, place, sounds and word order of the real languages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from polytune.languages import codes, uriel

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
    """Read the profiles of `languages` (our codes); raises `InputError` for one that is unknown."""
    languages = list(languages)
    iso_codes = [codes.language(language).iso639_3 for language in languages]
    family, geography, typology = uriel.family_features(), uriel.geographic_features(), uriel.completed_features()
    lineages = family.rows([FAMILY_STAND_INS.get(code, code) for code in iso_codes])
    members = (family.values > 0).sum(axis=0)
    places, values = geography.rows(iso_codes), typology.rows(iso_codes)
    profiles = {}
    for language, iso, lineage, place, row in zip(languages, iso_codes, lineages, places, values, strict=True):
        # The larger a node, the nearer to the root; the order of URIEL's columns settles ties.
        path = sorted((lineage > 0).nonzero()[0].tolist(), key=lambda node: (-members[node], node))
        has = dict(zip(typology.features, row > 0, strict=True))
        letters = {letter for letter, sound in SOUNDS.items() if has[f"INV_{sound}"]}
        verb_first = has["S_VSO"] and iso not in VERB_FIRST_EXCEPTIONS
        profiles[language] = Profile(
            language=language,
            lineage=tuple(family.features[node].removeprefix("F_") for node in path) or (f"isolate {language}",),
            distance_fractions=tuple(map(float, place)),
            letters=frozenset(letters.union(ALWAYS_ALLOWED)),
            order="VSO" if verb_first else "SVO" if has["S_SVO"] else "SOV",
            has_prepositions=bool(has["S_ADPOSITION_BEFORE_NOUN"]),
            adjective_precedes=bool(has["S_ADJECTIVE_BEFORE_NOUN"] and not has["S_ADJECTIVE_AFTER_NOUN"]),
        )
    return profiles
