"""How the bases of a generated world are pre-trained: a run like any other, on the world's texts."""

from __future__ import annotations

from polytune.mixtures.families import Recipe, in_table_order
from polytune.study.expand import Run
from polytune.study.outside import WORLD_TABLE, UsedBase
from polytune.study.tokenization import find_tokenization


def expand_pretraining(base: UsedBase) -> tuple[Run, Recipe]:
    """Return the run that makes a base of a world, and its mixture."""
    source, languages = base.texts, base.row.pretraining_languages
    everything = set(languages) == set(source.languages)
    label = "all" if everything else "-".join(["all-of", *in_table_order(languages)])
    recipe = Recipe(f"{source.name}-{label}", source.name, languages, {"rows": "all"}, sampling="disjoint")
    spec = {
        "base": base.name,
        "base_tokenizer": base.row.tokenizer,
        "architecture": base.row.architecture,
        "method": "full",
        "mixture": recipe.name,
        "seed": 1,
        "hyperparameters": base.pretraining,
        "model": base.model,
    }
    tokens = find_tokenization(base, base.pretraining["template"], f"{WORLD_TABLE}: bases.{base.listed}")
    return Run(base, "full", recipe.name, 1, spec=spec, tokens=tokens), recipe
