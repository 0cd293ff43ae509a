"""What a plan owes of chosen languages: selections, and vectors of languages that bases of the study give.

The vectors of a base are made of parallel rows, the same ones in every language; so they depend on which languages are
asked about together, and each base, source and list of languages is a file of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from polytune.errors import InputError, nearest
from polytune.files import digest
from polytune.mixtures.families import Recipe, in_table_order
from polytune.study.outside import World, find_base

if TYPE_CHECKING:
    from polytune.study.plan import Plan

ROWS = 200
"""Parallel rows that vectors are made of; all, where a source has fewer."""
LONGEST = 256
"""Tokens of a row that a base reads for them."""


@dataclass(frozen=True)
class LanguageVectors:
    """The vectors of `languages` that a base gives, of the same rows of a source in each."""

    base: str
    source: str
    languages: tuple[str, ...]

    @property
    def name(self) -> str:
        """Return the name of the file."""
        return f"{self.base}-{self.source}-{digest(self.languages)[:8]}"

    @property
    def spec(self) -> dict:
        """Return what decides the values, besides the base's weights and the rows."""
        return {"base": self.base, "source": self.source, "languages": list(self.languages), "rows": ROWS,
                "longest": LONGEST}  # fmt: skip


def name_vector_base(options: dict, entries: list[dict], world: World | None, where: str) -> None:
    """Put the name in its world in the place of the base whose vectors a selection uses, if it uses some.

    `options` is an entry of `mixtures`, `entries` are the study's `runs`. Raises `InputError` if none has the base.
    """
    if options["family"] != "selected" or "base" not in options:
        return
    name, bases = options["base"], dict.fromkeys(base for entry in entries for base in entry["bases"])
    if name not in bases:
        listed = ", ".join(bases)
        raise InputError(
            f"{where}: no run of the study has the base '{name}'{nearest(name, bases)}; there are: {listed}"
        )
    options["base"] = find_base(name, world, where).name


class Chosen:
    """What is owed of chosen languages, over all studies of a plan."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    @cached_property
    def selections(self) -> dict[str, Recipe]:
        """Return a recipe for every selection of languages, by the selection's name."""
        return {recipe.selection_name: recipe for recipe in self.plan.recipes.values() if recipe.selection}

    def options(self, selection: str) -> list[str]:
        """Return how a selection is asked for on the command line."""
        recipe = self.selections[selection]
        wanted = recipe.selection
        options = {"--features": wanted["features"], "--k": str(wanted["k"]), "--seed": str(wanted["seed"])}
        own = next(iter(self.own_vectors(selection)), wanted["vectors"])
        options |= {"--own-vectors": own, "--algorithm": wanted.get("algorithm", "")}
        options["--candidates"] = " ".join(recipe.languages)
        return [word for option, value in options.items() if value for word in (option, value)]

    def own_vectors(self, selection: str) -> list[str]:
        """Return the file of the vectors that a base gives for a selection, or nothing."""
        made = _vectors_of(self.selections[selection])
        return [self.plan.paths.language_vectors(made.name)] if made else []

    @cached_property
    def vectors(self) -> dict[str, LanguageVectors]:
        """Return all vectors that bases give, by name: of selections, and of similarities that tables ask for."""
        made = [_vectors_of(recipe) for recipe in self.selections.values()]
        made += [self._of_table(study, spec) for study in self.plan.studies for spec in self._asking(study)]
        return {one.name: one for one in made if one}

    def _asking(self, study: str) -> list[dict]:
        chosen = self.plan.studies[study]
        return [spec for spec in (*chosen.figures.values(), *chosen.tables.values()) if spec.get("vectors_of")]

    def _of_table(self, study: str, spec: dict) -> LanguageVectors:
        """Return the vectors that a table compares languages by: of its base, on all languages of the first source."""
        chosen = self.plan.studies[study]
        wanted = spec["vectors_of"]
        names = [run.base.name for run in chosen.runs.values() if wanted in (run.base.name, run.base.listed)]
        if not names:
            raise InputError(f"{chosen.file}: vectors_of: no run of the study has the base '{wanted}'")
        source = next(iter(chosen.recipes.values())).source
        return LanguageVectors(names[0], source, in_table_order(self.plan.sources[source].languages))

    def similarity(self, study: str, spec: dict) -> str:
        """Return the similarities that a figure or table reads: with those by a base's vectors if it asks for them."""
        paths = self.plan.paths
        return paths.model_similarity(self._of_table(study, spec).name) if spec.get("vectors_of") else paths.similarity

    def reports(self, vectors: str) -> list[str]:
        """Return the reports of the rows that vectors are made of."""
        one = self.vectors[vectors]
        return [self.plan.paths.report(one.source, code) for code in one.languages]


def _vectors_of(recipe: Recipe) -> LanguageVectors | None:
    base = recipe.selection.get("base")
    return LanguageVectors(base, recipe.source, recipe.languages) if base else None
