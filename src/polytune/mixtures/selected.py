"""The mixture family of chosen languages (Linguistic, arXiv 2410.07809, section 3)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from polytune.config.kinds import Language
from polytune.errors import InputError
from polytune.languages.codes import languages as language_table
from polytune.languages.seeds import check_seeds
from polytune.mixtures.families import Draft, Recipe


def selected(
    draft: Draft,
    languages: list[Language] | None = None,
    features: Literal["typo", "geo", "learn", "sem", "model", "fam", "rnd"] | None = None,
    k: int | list[int] | None = None,
    selection_seeds: list[int] | None = None,
    vectors: str = "",
    base: str = "",
    algorithm: Literal["kmeans", "kcentre", "dpp"] = "kmeans",
    sets: dict[str, list[Language] | dict[str | int, list[Language]]] | None = None,
) -> Iterator[Recipe]:
    """k of the languages chosen by their vectors, by family or at random, one mixture per k and seed; or listed sets,
    which may say a seed for each (Linguistic, section 3). `features: sem` needs `vectors`, a table of the user's own,
    `model` that or a `base` of the study, of whose hidden states the vectors are then made."""
    for label, listed in (sets or {}).items():
        if not label.replace("-", "").isalnum() or label != label.lower():
            raise InputError(f"{draft.where}.sets: '{label}' is no name; allowed are a-z, 0-9 and '-'")
        if isinstance(listed, dict):
            for seed, chosen in listed.items():
                if not str(seed).isdecimal():
                    raise InputError(f"{draft.where}.sets.{label}: '{seed}' is no seed; expected a whole number")
                coordinates = {"features": label, "k": len(chosen), "selection_seed": int(seed)}
                yield draft.recipe(f"{draft.key}-{label}-k{len(chosen)}-seed{seed}", chosen, coordinates)
        else:
            yield draft.recipe(f"{draft.key}-{label}", listed, {"features": label})
    given = {"languages": languages, "features": features, "k": k, "selection_seeds": selection_seeds}
    if not sets or any(value is not None for value in given.values()):
        if missing := [name for name, value in given.items() if not value]:
            raise InputError(f"{draft.where}: family 'selected' needs the key '{missing[0]}', or 'sets' alone")
        for count in _listed(k):
            if not 1 <= count <= len(languages):
                raise InputError(
                    f"{draft.where}.k: {count} is outside 1 to {len(languages)}, the number of 'languages'"
                )
        check_seeds(selection_seeds, f"{draft.where}.selection_seeds")
        families = {language_table()[code].family for code in languages}
        if features == "fam" and (largest := max(_listed(k))) > len(families):
            raise InputError(
                f"{draft.where}.k: {largest} is more than {len(families)}, the number of the languages' families; "
                "features 'fam' choose one language of each"
            )
        if (
            (features in ("sem", "model")) != bool(vectors or base)
            or (vectors and base)
            or (base and features == "sem")
        ):
            raise InputError(
                f"{draft.where}: features 'sem' or 'model' and the key 'vectors' (a table of yours) go together, "
                "or 'model' and 'base' (a base of the study)"
            )
        if algorithm != "kmeans" and features in ("fam", "rnd"):
            raise InputError(f"{draft.where}.algorithm: features '{features}' have no vectors; leave it out")
    way = {} if algorithm == "kmeans" else {"algorithm": algorithm}
    of_base = {"base": base} if base else {}
    for count in _listed(k):
        for seed in selection_seeds or []:
            middle = "-".join([draft.key, features, *way.values(), f"k{count}", f"seed{seed}"])
            selection = {"features": features, "k": count, "seed": seed, "vectors": vectors, **way, **of_base}
            coordinates = {"features": features, "k": count, "selection_seed": seed, **way}
            yield draft.recipe(middle, languages, coordinates, selection=selection)


def _listed(k: int | list[int] | None) -> list[int]:
    return k if isinstance(k, list) else [] if k is None else [k]
