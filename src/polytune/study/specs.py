"""Specs: what a result was asked to be, as a small file that is named by its content.

Every setting that decides a result stands in its spec, resolved to values: a job has it as an input. A changed setting
is then a missing file, whatever Snakemake remembers: after results were moved, in a second clone, without its records.
Where things lie is in no spec.
Settings that only use the hardware are resources of the rules and stand in no spec.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from polytune import ROOT
from polytune.analysis.published import published_source
from polytune.config.benchmarks import Evaluation
from polytune.config.judges import judges
from polytune.files import digest, sha256_file
from polytune.languages.codes import languages as language_table
from polytune.study.answer_specs import answers_of, build_answer_specs, null_rows, shown_answers
from polytune.study.given import files_of, fingerprint, identity, rows_digest
from polytune.study.imports import imported_evaluations, imported_runs

if TYPE_CHECKING:
    from polytune.study.expand import Study
    from polytune.study.plan import Plan

DIGITS = 12


def spec_digest(content: dict) -> str:
    """Return the name of a spec: 12 hexadecimal digits of its SHA-256."""
    return digest(content)[:DIGITS]


def spec_text(about: str, content: dict) -> str:
    """Return a spec as it is written, which Snakemake compares with what was written before.

    Keys are sorted: studies that share a run list its hyperparameters in orders of their own, and one of them alone
    must not train it again. Only the order of a figure's or table's options, of its labels, means something.
    """
    return json.dumps(content, indent=1, sort_keys=not about.startswith(("figures/", "tables/")))


def build_specs(plan: Plan) -> dict[str, dict]:
    """Return all specs of a plan by what they are about, which is also their folder below `specs/`."""
    found: dict[str, dict] = {}
    isos = {code: entry.iso639_3 for code, entry in language_table().items()}
    found["languages/vectors"] = {"iso639_3": isos}
    words = ROOT / "config/languages/basic-words.tsv"
    found["languages/similarity"] = {"iso639_3": isos, "words": rows_digest(words)}
    for name, recipe in plan.chosen.selections.items():
        found[f"selections/{name}"] = _selection(recipe)
    found |= {f"vectors/{name}": one.spec for name, one in plan.chosen.vectors.items()}
    found |= plan.model_specs
    for name, source in plan.sources.items():
        for language in source.languages:
            if file := plan.outside.given_source(source, language):
                found |= _given_rows(name, language, file, source.row.kind)
    for path, evaluations in plan.owed.items():
        earlier = plan.earlier[path]
        entries = [
            earlier[key].entry if (key := (one.origin, one.name)) in earlier else evaluation_entry(one)
            for one in evaluations
        ]
        found[f"evaluations/{path}"] = {"run": path, "evaluations": entries}
    found |= build_answer_specs(plan)
    for study in plan.studies.values():
        found |= _study_specs(plan, study)
    return found


def given_models(plan: Plan) -> dict[tuple[str, str], str]:
    """Return the model directories that the user named, by kind (`bases`, `judges`) and name."""
    asked = {one.judge for study in plan.studies.values() for one in study.judged.values()}
    found = {("bases", name): plan.outside.given_base(base) for name, base in plan.bases.items()}
    found |= {("judges", name): plan.outside.given_judge(judges()[name]) for name in sorted(asked)}
    return {about: folder for about, folder in found.items() if folder}


def model_specs(plan: Plan) -> dict[str, dict]:
    """Return the specs of what decides models: mixtures, bases and runs, and directories that the user named."""
    found = {f"mixtures/{name}": {"mixture": name, "recipe": one.content()} for name, one in plan.recipes.items()}
    found |= {f"bases/{name}": run.spec for name, run in plan.pretraining.items()}
    found |= {f"runs/{path}": run.spec for path, run in plan.tuned.items()}
    for (kind, name), folder in given_models(plan).items():
        found[f"given/{kind}/{name}"] = {"identity": identity(folder, plan.paths.given(kind, name))}
    return found


def _selection(recipe) -> dict:
    table = language_table()
    families = {code: table[code].family for code in recipe.languages} if recipe.selection["features"] == "fam" else {}
    own = recipe.selection["vectors"]
    return {
        **recipe.selection,
        "candidates": list(recipe.languages),
        "families": families,
        "vectors_digest": sha256_file(own) if own and Path(own).is_file() else "",
    }


def _given_rows(source: str, language: str, file: str, kind: str) -> dict[str, dict]:
    """Return the spec of one language of a given source; a replaced file has another size or time."""
    if not Path(file).is_file():
        return {}
    looks = fingerprint([Path(file)], Path(file).parent)
    return {f"data/{source}/{language}": {"kind": kind, "fingerprint": looks}}


def evaluation_entry(one: Evaluation) -> dict:
    """Return an evaluation as plain values; files of a given directory are known by names, sizes and times."""
    values = one.to_json()
    if one.origin == "directory":
        values["fingerprint"] = _look(f"{one.directory}/{one.benchmark.hub_id}")
    return values


@cache
def _look(folder: str) -> str:
    return fingerprint(files_of(Path(folder)), Path(folder))


def _study_specs(plan: Plan, study: Study) -> dict[str, dict]:
    """Return the specs of a study's scores, figures and tables."""
    about = f"{study.name}/{study.scale}"
    evaluations = study_evaluations(study)
    found = {f"scores/{about}": _scores(plan, study, evaluations)}
    found |= {f"imports/{study.name}/{name}": entry.spec for name, entry in study.imports.items()}
    table = language_table()
    told = ("name", "family", "branch", "script")
    names = {code: {key: getattr(entry, key) for key in told} for code, entry in table.items()}
    common = {
        "study": study.name,
        "scale": study.scale,
        "worlds": [world.name for world in study.worlds],
        "evaluations": evaluations,
        "answers": shown_answers(study),
        "languages": names,
    }
    defaults = {key: value for key, value in study.analysis.items() if key != "counted_as_untuned"}
    for kind, chosen in (("figures", study.figures), ("tables", study.tables)):
        for name, spec in chosen.items():
            content = {**common, "name": name, "spec": spec, "defaults": defaults}
            for option in ("published", "ratings", "shares"):
                if file := spec.get(option):
                    printed = ROOT / "config/published" / file
                    content[f"{option}_digest"] = rows_digest(printed)
                    if option != "ratings":  # the one word of its comments that is shown
                        content[f"{option}_source"] = published_source(printed)
                    content["called"] = {code: entry.names for code, entry in table.items()}  # in such files
            found[f"{kind}/{about}/{name}"] = content
    return found


def study_evaluations(study: Study) -> list[dict]:
    """Return the evaluations of a study once each, as scores, figures and tables know them."""
    found: dict[tuple[str, str], dict] = {}
    for evaluations in study.evaluations.values():
        for one in evaluations:
            row = {"benchmark": one.benchmark.benchmark, "title": one.benchmark.title, "chance": one.benchmark.chance}
            parallel = one.origin == "world" or one.benchmark.parallel
            entry = {"name": one.name, "origin": one.origin, "parallel": parallel, "benchmark": row}
            found.setdefault((one.origin, one.name), entry)
    return [*found.values(), *imported_evaluations(study.imports)]


def _scores(plan: Plan, study: Study, evaluations: list[dict]) -> dict:
    """Return what `polytune collect-scores` reads: the study's runs and what each was evaluated on.

    A run stands there once with each of the study's families that its mixture belongs to.
    """
    runs = []
    for path, run in study.runs.items():
        places, orders = [], []
        for family, recipes in study.families.items():
            mine = [recipe for recipe in recipes if recipe.name == run.mixture]
            places += [{"family": family, "coordinates": recipe.coordinates} for recipe in mine]
            orders += [list(recipe.order) for recipe in mine if recipe.order]
        described = {
            "run": path,
            "base": run.base.name,
            "method": run.method,
            "variant": run.variant,
            "mixture": run.mixture,
            "seed": run.seed,
            "world": run.base.world.name if run.base.world else "",
            "languages": [] if run.spec is None else None,
            "order": orders[0] if orders else None,
            "seen_languages": sorted(run.base.row.seen_languages),
            "parameters": run.base.row.parameters,
        }
        runs += [{**described, **place} for place in places or [{}]]
    runs += imported_runs(study.imports)
    return {
        "study": study.name,
        "scale": study.scale,
        "counted_as_untuned": study.analysis.get("counted_as_untuned", {}),
        "runs": runs + null_rows(plan, study),
        "answers": answers_of(plan, study),
        # how a benchmark is shown decides no score
        "evaluations": [
            {**entry, "benchmark": {"benchmark": entry["benchmark"]["benchmark"]}} for entry in evaluations
        ],
    }


def result_of(plan: Plan, about: str) -> str:
    """Return a file of the result that a spec is about."""
    stage, _, name = about.partition("/")
    if stage == "languages":
        return plan.paths.vectors if name == "vectors" else plan.paths.similarity
    if stage in ("scores", "figures", "tables"):
        study, scale, *rest = name.split("/")
        ending = {"scores": "", "figures": ".csv", "tables": ".csv"}[stage]
        return getattr(plan.paths, stage.removesuffix("s") if rest else stage)(study, scale, *rest) + ending
    if stage == "evaluations":
        files = [plan.paths.evaluation(name, one.origin, one.name) for one in plan.owed[name]]
        return next((file for file in files if Path(file).exists()), files[0])
    if stage in ("prompts", "responses", "losses", "identified", "verdicts"):
        return plan.answers.result_of(about)
    if stage in ("data", "given", "imports"):
        make = {"data": plan.paths.report, "given": plan.paths.given, "imports": plan.paths.import_marker}
        return make[stage](*name.split("/"))
    make = {
        "selections": plan.paths.selection,
        "vectors": plan.paths.language_vectors,
        "mixtures": plan.paths.mixture,
        "bases": plan.paths.base_marker,
    }
    return make.get(stage, plan.paths.model_marker)(name)
