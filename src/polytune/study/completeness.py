"""For which runs the rows of a mixture must be complete: an answer that one of them would cut is in no such mixture."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from polytune.files import digest
from polytune.mixtures.families import Recipe

if TYPE_CHECKING:
    from polytune.study.expand import Study


def complete(recipe: Recipe, study: Study) -> Recipe:
    """Return a recipe of complete rows with what completeness means: lengths and token stores of the study's runs."""
    if not recipe.complete_rows:
        return recipe
    alike = {recipe.name}
    for family in study.families.values() if recipe.complete_languages else ():
        if any(one.name == recipe.name for one in family):
            alike |= {one.name for one in family if one.source == recipe.source}
    runs = [run for run in study.runs.values() if run.mixture in alike]
    names = ("max_length_tokens", "max_source_length_tokens")
    told = [
        {"tokens": run.tokens.name} | {name: run.spec["hyperparameters"].get(name) for name in names} for run in runs
    ]
    unique = {digest(one): one for one in told}
    return replace(recipe, complete_for=tuple(unique[key] for key in sorted(unique)))
