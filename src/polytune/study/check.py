"""Figures, tables and the analysis of a study, checked word by word when planning."""

from __future__ import annotations

from collections.abc import Iterable

from polytune import ROOT
from polytune.analysis.choices import RUN_COORDINATES, SCORE_COORDINATES
from polytune.analysis.measures import MEASURES
from polytune.config.kinds import Allowed, Kinds, check_kind, check_value
from polytune.errors import InputError, nearest
from polytune.figures.kinds import FIGURES
from polytune.languages.codes import languages as language_table
from polytune.languages.codes import say_meant
from polytune.scores.runs import COLUMNS, SCORE_COLUMNS
from polytune.study.answer_specs import asked_in
from polytune.study.expand import Study
from polytune.study.imports import imported_runs
from polytune.study.references import check_reference
from polytune.study.specs import study_evaluations
from polytune.tables.kinds import TABLES


def check_study(study: Study) -> None:
    """Raise `InputError` for the first wrong word in the figures, tables and analysis of a study."""
    allowed = allowed_values(study)
    _check_coordinates(study)
    _check_analysis(study, allowed)
    for section, key, kinds, specs in (
        ("figures", "draw", FIGURES, study.figures),
        ("tables", "build", TABLES, study.tables),
    ):
        for name, spec in specs.items():
            where = f"{study.file}: {section}.{name}"
            kind = check_kind(kinds, key, spec, where, allowed, study.analysis)
            check_reference(study, kind, spec, where)


def allowed_values(study: Study) -> Allowed:
    """Return the values that options of the study's figures and tables may have, by their type's name."""
    coordinates = {name for recipes in study.families.values() for one in recipes for name in one.coordinates}
    asked = asked_in(study)
    judges = {one.judge for one in study.judged.values()}
    judges |= {one.identifier.identifier for one in asked.values() if one.identifier}
    imported = list(imported_runs(study.imports))
    coordinates |= {name for run in imported for name in run["coordinates"]}
    of_imports = {key: {run[key] for run in imported if run["languages"]} for key in ("family", "mixture", "method")}
    return {
        "Language": language_table(),
        "Evaluation": {entry["name"] for entry in study_evaluations(study)} | asked.keys(),
        "Measure": set(MEASURES),
        "Coordinate": {*RUN_COORDINATES, *SCORE_COORDINATES, *coordinates},
        "Family": {*study.families, *of_imports["family"]},
        "Mixture": _short(study, {*study.recipes, *of_imports["mixture"]}),
        "Base": _short(study, {*(run.base.name for run in study.runs.values()), *(run["base"] for run in imported)}),
        "Method": {run.method for run in study.runs.values() if run.spec} | of_imports["method"],
        "Judge": judges,
        "Protocol": {one.protocol for one in study.judged.values()} | {"language"},
        "Opponent": {one.against for one in study.judged.values()},
        "Published": {path.name for path in (ROOT / "config/published").glob("*.csv")},
    }


def _check_coordinates(study: Study) -> None:
    """Raise `InputError` for a coordinate that would mean two things in the tables of runs and scores."""
    for family, recipes in study.families.items():
        for name in (name for recipe in recipes for name in recipe.coordinates):
            if name in (*COLUMNS, *SCORE_COLUMNS):
                raise InputError(
                    f"{study.file}: mixtures.{family}.coordinates: '{name}' is a column of every study's runs or "
                    "scores; take another word"
                )


def _short(study: Study, names: Iterable[str]) -> set[str]:
    """Return names, also without the generated world that they carry."""
    found = set(names)
    for world in study.worlds:
        found |= {name.replace(f"-{world.name}", "", 1) for name in found}
    return found


def _check_analysis(study: Study, allowed: Allowed) -> None:
    """Raise `InputError` for a setting of the analysis that no kind in use has, or a value that is not allowed."""
    where = f"{study.file}: analysis"
    benchmarks = {entry["benchmark"]["benchmark"] for entry in study_evaluations(study)}
    options = {}
    for kinds, key, specs in ((FIGURES, "draw", study.figures), (TABLES, "build", study.tables)):
        options |= _options(kinds, key, specs)
    for name, value in study.analysis.items():
        if name == "counted_as_untuned":
            for benchmark in value:
                if benchmark not in benchmarks:
                    raise InputError(
                        f"{where}.counted_as_untuned: '{benchmark}' is no benchmark of the study"
                        f"{nearest(benchmark, benchmarks)}; it has: {', '.join(sorted(benchmarks))}"
                    )
                for code in value[benchmark]:
                    if code not in allowed["Language"]:
                        raise InputError(
                            f"{where}.counted_as_untuned.{benchmark}: no language '{code}'{say_meant(code)}"
                        )
        elif name in options:
            check_value(options[name], value, f"{where}.{name}", allowed)
        else:
            known = ["counted_as_untuned", *options]
            raise InputError(
                f"{where}: no figure or table of the study has an option '{name}'{nearest(name, known)}; "
                f"there are: {', '.join(known)}"
            )


def _options(kinds: Kinds, key: str, specs: dict[str, dict]) -> dict:
    """Return the types of all options of the kinds in use."""
    used = [kinds[spec[key]] for spec in specs.values() if spec.get(key) in kinds]
    return {name: kind.hint(name) for kind in used for name in kind.options}
