"""What the options `reference` of figures and tables may name: values of the column that they compare by."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from polytune.analysis.choices import SCORE_COORDINATES
from polytune.config.kinds import Kind
from polytune.errors import InputError, nearest
from polytune.scores.spec import UNTUNED
from polytune.study.expand import Study
from polytune.study.imports import imported_runs


def check_reference(study: Study, kind: Kind, spec: Mapping[str, Any], where: str) -> None:
    """Raise `InputError` if a figure or table compares with what no run of the study is.

    Kinds that take a `reference` of another type than text are checked by that type. What is known only after the
    trainings (tokens, hours) is not checked; neither is which of the study's runs the figure or table chooses.
    """
    if "against" not in kind.options or "reference" not in kind.options or kind.hint("reference") is not str:
        return
    given = {**study.analysis, **spec}
    against = given.get("against", kind.options["against"].default)
    if against in SCORE_COORDINATES:
        place = f"{where}.against" if "against" in spec else f"{study.file}: analysis.against"
        raise InputError(f"{place}: '{against}' tells scores of one run apart; runs are compared by a column of theirs")
    known = list(dict.fromkeys(filter(None, _values(study, against))))
    if given["reference"] not in known and known:
        place = f"{where}.reference" if "reference" in spec else f"{study.file}: analysis.reference"
        raise InputError(
            f"{place}: no {against} '{given['reference']}'{nearest(given['reference'], known)}; "
            f"there are: {', '.join(known)}"
        )


def _values(study: Study, against: str) -> Iterator[str]:
    """Yield the values that the column has in the study's runs, as `analysis.contrasts.contrast_rows` writes them.

    Nothing is yielded for a column that is not known when planning. A number has both ways of writing it that its
    column may have: a column where some run has no number holds floats.
    """
    for run in _runs(study):
        if run["method"] == UNTUNED:
            if against in run or against in ("model", *_coordinates(study)):
                yield UNTUNED
        elif against == "model":
            yield from _models(run)
        elif against in run:
            yield from _written(run[against])
        elif against in run["coordinates"]:
            yield from _written(run["coordinates"][against])


def _runs(study: Study) -> Iterator[dict[str, Any]]:
    """Yield the columns of the table of runs that are known when planning, once for each family of a run."""
    for run in study.runs.values():
        world = run.base.world.name if run.base.world else ""
        row = {
            "base": _without_world(run.base.name, world),
            "parameters": run.base.row.parameters,
            "method": run.method,
            "variant": run.variant,
            "mixture": _without_world(run.mixture, world),
            "seed": run.seed,
            "world": world,
        }
        if run.spec is None:
            yield row | {"family": "", "n_languages": 0, "languages": (), "coordinates": {}}
            continue
        for family, recipes in study.families.items():
            for recipe in (one for one in recipes if one.name == run.mixture):
                languages = {"n_languages": recipe.size, "languages": recipe.order or recipe.languages}
                yield row | languages | {"family": family, "coordinates": recipe.coordinates}
    for run in imported_runs(study.imports):
        yield run | {"n_languages": len(run["languages"])}


def _coordinates(study: Study) -> set[str]:
    return {name for run in _runs(study) for name in run["coordinates"]}


def _models(run: Mapping[str, Any]) -> Iterator[str]:
    """Yield every short name that `analysis.choices.name_models` may give the run, whatever is compared with it."""
    size, method, variant = run["n_languages"], run["method"], run["variant"]
    for name in (run["languages"][0] if size == 1 else f"{size} languages", run["mixture"]):
        for before in ("", variant, method, f"{method} {variant}"):
            yield f"{before.strip()} {name}".strip()


def _written(value: Any) -> Iterator[str]:
    if isinstance(value, list | tuple):
        yield "-".join(map(str, value))
    elif value is not None:
        yield str(value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield f"{value:g}"


def _without_world(name: str, world: str) -> str:
    return re.sub(rf"-{re.escape(world)}(?=-|$)", "", name) if world else name
