"""Words of the layer of a study file that the scale does not use: at scale `world` those that its overlay replaces.

What both scales use is checked where it is expanded. Here only names are: a study may leave to its overlay what the
world alone needs, so that a missing key is no mistake, and languages, rows and sizes are not compared with data.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from polytune.config.benchmarks import find_benchmark
from polytune.config.judges import judges
from polytune.config.kinds import check_value
from polytune.config.prompts import prompt_sets
from polytune.errors import InputError, nearest
from polytune.judging.protocols import PROTOCOLS
from polytune.languages.codes import languages as language_table
from polytune.mixtures.families import COMMON, FAMILIES
from polytune.study.answers import OPPONENTS
from polytune.study.tokenization import template_names


def check_layers(content: dict, overlay: dict, where: str) -> None:
    """Raise `InputError` for a name in a study or its world overlay that nothing has, whatever the scale."""
    families = {key: options.get("family") for key, options in content["mixtures"].items()}
    for part, place in ((content, where), (overlay, f"{where}: world")):
        for key, options in part.get("mixtures", {}).items():
            _check_mixture({"family": families.get(key), **options}, content, f"{place}: mixtures.{key}")
        for found, known, name in _names(part, families):
            if found is not None and found not in known:
                listed = ", ".join(map(str, known))
                raise InputError(f"{place}: {name}: no '{found}'{nearest(found, known)}; there are: {listed}")
        asked = part.get("evaluation", {}).get("benchmarks", [])
        for key in asked:
            options = asked[key] if isinstance(asked, dict) else {}
            find_benchmark(options.get("benchmark", key), f"{place}: evaluation.benchmarks")


def _check_mixture(options: dict, content: dict, where: str) -> None:
    """Raise `InputError` for a family, a source or a key of an entry that there is not, or a value not allowed."""
    family, source = options["family"], options.get("source")
    if source is not None and source not in content["sources"]:
        known = content["sources"]
        raise InputError(
            f"{where}.source: '{source}' is not one of the study's sources{nearest(source, known)}; "
            f"there are: {', '.join(known)}"
        )
    if family is None:
        return  # which is said where the entry is expanded
    if family not in FAMILIES:
        raise InputError(f"{where}: family is '{family}'{nearest(family, FAMILIES)}; there are: {', '.join(FAMILIES)}")
    kind = FAMILIES[family]
    for key in options.keys() & kind.options.keys():
        check_value(kind.hint(key), options[key], f"{where}.{key}", {"Language": language_table()})
    if strange := [key for key in options if key not in (*COMMON, *kind.options)]:
        known = ", ".join(kind.options)
        hint = nearest(strange[0], kind.options)
        raise InputError(f"{where}: '{family}' has no option '{strange[0]}'{hint}; it has: {known}")


def _names(part: dict, families: Collection[str]) -> Iterator[tuple[Any, Collection[str], str]]:
    """Yield every name in a layer with those that there are, and its key."""
    hyperparameters = {
        f"runs[{number}].hyperparameters": one["hyperparameters"] for number, one in enumerate(part.get("runs", []))
    }
    hyperparameters |= {"hyperparameters": part.get("hyperparameters", {})}
    hyperparameters |= {f"methods.{name}": values for name, values in part.get("methods", {}).items()}
    for place, values in hyperparameters.items():
        yield values.get("template"), template_names(), f"{place}.template"
    evaluation = part.get("evaluation", {})
    for key, options in evaluation.get("prompts", {}).items():
        yield options.get("prompts", key), prompt_sets(), f"evaluation.prompts.{key}.prompts"
    judged = evaluation.get("judged", {})
    table = judges() if judged else {}
    for key, options in judged.items():
        place = f"evaluation.judged.{key}"
        yield options["protocol"], PROTOCOLS, f"{place}.protocol"
        yield options["judge"], table, f"{place}.judge"
        yield options.get("against") or None, [*OPPONENTS, *families], f"{place}.against"
