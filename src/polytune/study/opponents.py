"""Against whom the answers of a run are set, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from polytune.study.expand import Run, Study


def opponents(
    study: Study, run: Run, against: str, languages: tuple[str, ...], own: bool = False
) -> dict[str, tuple[str, ...]]:
    """Return whom the answers of a run are set against, each in which languages.

    `base`: its untuned base. `monolingual`: of each language, the run tuned on it alone. A family's key: its runs, with
    `own` of each language the one tuned on it. All are of the same base, method and seed.
    """
    same = {
        path: other
        for path, other in study.runs.items()
        if other.base.name == run.base.name
        and (other.spec is None or run.spec is None or (other.method, other.seed) == (run.method, run.seed))
    }
    if against == "base":
        return {path: languages for path, other in same.items() if other.spec is None}
    tuned = {path: study.recipes[other.mixture] for path, other in same.items() if other.spec is not None}
    if against != "monolingual":
        members = {recipe.name for recipe in study.families[against]}
        tuned = {path: recipe for path, recipe in tuned.items() if recipe.name in members}
        if not own:
            return dict.fromkeys(tuned, languages)
    return {
        path: recipe.languages
        for path, recipe in tuned.items()
        if recipe.family == "monolingual" and recipe.languages[0] in languages
    }
