"""The reference of mixture families (docs/mixtures.md), written from their registry and from what examples make."""

from __future__ import annotations

import inspect
import types
import typing
from typing import Any

from polytune.config.kinds import Kind
from polytune.mixtures.families import AMOUNTS, FAMILIES, expand_family

HEADER = """# Mixture families

Generated from `polytune.mixtures.families.FAMILIES` by `polytune write-reference`; do not edit.

An entry of a study's `mixtures` names a `family`, a `source`, one of `rows` (of each language), `total_rows` (of all
together) and `share`, and the family's own keys, which are below. `seed`, `replay`, `complete_rows` and `coordinates`
are keys of every family: [configuration](configuration.md). A language may be written by any of its names, and their
order changes nothing but in `order`.

Coordinates are what figures and tables can put on an axis or tell apart (`against`, `by`, `panels`). Beside a
family's own, `rows`, `total_rows` or `share` is one where it is a number; `n_languages`, `mixture`, `family` and the
other columns of the runs are there whatever the family.

A mixture is named by source, family and amount; a mixture of one language is named by this language in every family,
so that studies share its runs.
"""
MEANINGS = {
    "languages": "the languages; of a selection the candidates, by default those of the source",
    "order": "the languages in the order in which they enter",
    "sizes": "how many languages: numbers and ranges, each a mixture",
    "percents": "shares of the budget, in percent, that are spread evenly over all languages, each a mixture",
    "dominant": "the language that has the rest",
    "rows_of_others": "of a percentage, how many rows the other languages have together, where a paper's is not what "
    "the percentage makes: `{1: 73}`",
    "permutation_seeds": "a random order of the languages for each",
    "pairs": "the pairs, each a mixture; in the place of `languages` and `pairs_seed`",
    "pairs_seed": "draws pairs at random so that each of the `languages`, an even number, is in one",
    "features": "what languages are chosen by: vectors of typology (`typo`), geography (`geo`), learned ones "
    "(`learn`), of a table of yours (`sem`, `model`) or of a base of the study (`model`); one of each family (`fam`, "
    "`k` at most the number of families); at random (`rnd`)",
    "k": "how many languages are chosen; of several, each is mixtures of its own",
    "selection_seeds": "seeds of the choice, 0 to 4294967295, each a mixture",
    "vectors": "file of the vectors for `sem` and `model`: a column `language`, the others numbers",
    "base": "for `model`, in the place of `vectors`: a base of the study's `runs`, whose mean hidden states on the "
    "source's rows are the vectors",
    "algorithm": "how vectors choose: the languages nearest to the centroids of k-means, each as far as possible from "
    "those before, or drawn so that similar ones are rare",
    "sets": "listed sets by a name, in the place of the other keys or beside them: `{geo: [en, zh]}`, or a set for "
    "each seed, `{geo: {66: [en, zh]}}`",
}
"""What the options say; one name is one thing in all families."""
COORDINATES = {
    "size": "number of languages",
    "tuned_on": "the language",
    "percent": "of `percents`",
    "dominant": "the language with the rest",
    "pair": "both languages: `en-zh`",
    "permutation": "of `permutation_seeds`",
    "features": "of `features`, or the name of a set",
    "k": "number of chosen languages, where it is given or the set has seeds",
    "selection_seed": "of `selection_seeds`, or the seed of a set",
    "algorithm": "where it is not `kmeans`",
}
EXAMPLES: dict[str, list[dict[str, Any]]] = {
    "incremental": [{"order": ["en", "zh", "af"], "sizes": "1-3", "rows": 1000}],
    "monolingual": [{"languages": ["en", "zh"], "rows": 1000}],
    "percent": [{"languages": ["en", "zh", "af"], "percents": [0, 10, 100], "total_rows": 300}],
    "permutations": [
        {"languages": ["en", "zh", "af", "ar"], "permutation_seeds": [1, 2], "sizes": [2], "total_rows": 300}
    ],
    "pairs": [{"pairs": [["en", "zh"], ["en", "af"]], "total_rows": 300}],
    "parallel": [{"languages": ["en", "zh", "af"], "rows": 1000}],
    "downsampled": [{"languages": ["en", "zh", "af"], "total_rows": 300}],
    "selected": [
        {"features": "typo", "k": 2, "selection_seeds": [66], "algorithm": "dpp", "rows": 1000},
        {"sets": {"near": ["en", "af"], "far": {"66": ["en", "zh"]}}, "rows": 1000},
    ],
}
"""Entries of each family; the mixtures that they make are shown, and their coordinates are the family's."""
OFFERED = ("en", "zh", "af")
"""Languages of the examples' source."""
WORDS = {"str": "text", "int": "whole number", "float": "number", "bool": "true or false", "Language": "language"}


def render() -> str:
    """Return docs/mixtures.md."""
    return "".join([HEADER, *(_family(name, kind) for name, kind in FAMILIES.items())])


def _family(name: str, kind: Kind) -> str:
    """Return a family's section."""
    purpose = " ".join(inspect.getdoc(kind.call).split())
    lines = [f"\n## `{name}`\n", f"{purpose}\n"]
    lines += ["| key | values | default | meaning |", "|---|---|---|---|"]
    for option, parameter in kind.options.items():
        default = "needed" if parameter.default is inspect.Parameter.empty else f"`{parameter.default}`"
        default = "" if parameter.default in (None, "") else default
        lines.append(f"| `{option}` | {_values(kind.hint(option))} | {default} | {MEANINGS[option]} |")
    coordinates: dict[str, None] = {}
    shown = []
    for options in EXAMPLES[name]:
        entry = {"family": name, "source": "bactrian-x", **options}
        recipes = expand_family("mine", entry, OFFERED, name)
        coordinates |= dict.fromkeys(key for one in recipes for key in one.coordinates if key not in AMOUNTS)
        shown.append(f"    mine: {_yaml(entry)}\n")
        shown += [f"    # {recipe.name}" for recipe in recipes]
        shown[-1] += "\n"
    told = "; ".join(f"`{key}`, {COORDINATES[key]}" for key in coordinates)
    lines.append(f"\nCoordinates: {told or 'none of its own'}.\n")
    return "\n".join([*lines, "For example, and the mixtures that this makes:\n", *shown]).rstrip("\n") + "\n"


def _values(hint: Any) -> str:
    """Return the values that a type allows, in words."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return "number, range such as `1-52`, or list of them"
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_values(choice) for choice in arguments if choice is not type(None))
    if origin is typing.Literal:
        return ", ".join(f"`{value}`" for value in arguments)
    if origin is list:
        return f"list of {_plural(arguments[0])}"
    if origin is dict:
        return f"mapping of {_values(arguments[0])} to {_values(arguments[1])}"
    return WORDS[hint.__name__]


def _plural(hint: Any) -> str:
    if typing.get_origin(hint) is list:
        return f"lists of {_plural(typing.get_args(hint)[0])}"
    return f"{_values(hint)}s"


def _yaml(value: Any) -> str:
    """Return a value as one would write it in a study file, in one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_yaml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_yaml, value)) + "]"
    return str(value)
