"""The paragraph of methods, written from the plan: words that a paper could use."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from polytune.judging.protocols import PROTOCOLS
from polytune.languages.codes import languages as language_table
from polytune.report.departures import in_words
from polytune.report.rows import listed
from polytune.report.studies import Reported
from polytune.study.answers import Responses
from polytune.study.expand import Run, Study
from polytune.study.outside import UsedBase

MANY = 12
"""Languages that are named; of more their number is said."""
METHODS = {"full": "All parameters were tuned", "lora": "Low-rank adapters (LoRA) were tuned"}
TEXTS = {"linear": "linear decay", "cosine": "cosine decay", "constant": "no decay"}


def write_methods(one: Reported, manifests: Mapping[str, dict]) -> list[str]:
    """Return the paragraphs of a study; `manifests` are those of its finished trainings. Without a plan, none."""
    study = one.study
    if study is None:
        return []
    tuned = {path: run for path, run in study.runs.items() if run.spec}
    planned = f"As planned; {len(manifests)} of {len(tuned)} models are tuned so far."
    parts = [
        planned if len(manifests) < len(tuned) else "",
        " ".join([*_world(study), *_bases(study)]),
        " ".join(_mixtures(study)) if tuned else "",
        *(" ".join(_tuning(group, study, manifests)) for group in _groups(tuned)),
        " ".join([*_benchmarks(study), *_prompts(study), *_judges(study), *_imports(study)]),
        _statistics(study, tuned),
    ]
    return [part for part in parts if part]


def _world(study: Study) -> list[str]:
    if not study.worlds:
        return []
    names = listed(f"{world.name} (seed {world.seed}, size {world.size})" for world in study.worlds)
    return [
        f"Everything was run on the generated world{'s' * (len(study.worlds) > 1)} {names}: artificial languages whose "
        "words and word order follow the family tree, neighbours and typology of real ones. No real language, and no "
        "model of the paper, was used."
    ]


def _bases(study: Study) -> list[str]:
    bases = {run.base.listed: run.base for run in study.runs.values()}
    return [f"Base models: {'; '.join(_base(base) for base in bases.values())}."] if bases else []


def _base(base: UsedBase) -> str:
    size = f"{base.row.parameters:,} parameters" if base.row.parameters else "size not stated"
    if base.world:
        kind = str((base.model or {}).get("model_type", base.row.architecture))
        seen = f"pre-trained on generated texts of {_languages(base.row.pretraining_languages)}"
        return f"{base.listed} (architecture {kind}, {size}, {seen})"
    revision = f", revision {base.row.revision}" if base.row.revision else ""
    return f"{base.listed} ({base.row.location}{revision}; {size})"


def _languages(codes: Sequence[str]) -> str:
    table = language_table()
    if len(codes) > MANY:
        return f"{len(codes)} languages"
    return listed((table[code].name if code in table else code for code in codes), most=MANY)


def _mixtures(study: Study) -> list[str]:
    used = {run.mixture for run in study.runs.values() if run.spec}
    told = []
    for key, recipes in study.families.items():
        recipes = [recipe for recipe in {recipe.name: recipe for recipe in recipes}.values() if recipe.name in used]
        if not recipes:
            continue
        sizes = sorted({recipe.size for recipe in recipes})
        span = f"{sizes[0]}" if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"
        languages = f"{span} language{'s' * (sizes[-1] > 1)}"
        count = f"{len(recipes)} mixtures of {languages} each" if len(recipes) > 1 else f"one mixture of {languages}"
        told.append(f"{key}: {count}, {_amounts(recipes)}{_replay(recipes[0].replay)}")
    sources = listed(dict.fromkeys(recipe.source for recipe in study.recipes.values()))
    return [f"Instruction data came from {sources}.", f"Mixtures: {'; '.join(told)}."]


def _amounts(recipes: Sequence[Any]) -> str:
    words = []
    for recipe in recipes:
        ((kind, amount),) = recipe.amount.items()
        if kind == "share":
            words.append(f"{100 * amount:g} % of the rows of each language")
        elif kind == "total_rows":
            words.append(f"{amount:,} rows in all")
        else:
            words.append("all rows of each language" if amount == "all" else f"{amount:,} rows of each language")
    return listed(words)


def _replay(replay: Mapping[str, Any]) -> str:
    return f", with {replay['rows']:,} rows of {replay['source']} replayed" if replay.get("rows") else ""


def _groups(tuned: Mapping[str, Run]) -> list[dict[str, Run]]:
    """Return the tuned runs that share everything but base, mixture and seed, as groups."""
    groups: dict[str, dict[str, Run]] = {}
    for path, run in tuned.items():
        hyperparameters = {
            key: value for key, value in run.spec["hyperparameters"].items() if key != "global_batch_rows"
        }
        groups.setdefault(json.dumps([run.method, hyperparameters], sort_keys=True), {})[path] = run
    return list(groups.values())


def _tuning(group: Mapping[str, Run], study: Study, manifests: Mapping[str, dict]) -> list[str]:
    runs = list(group.values())
    hyper = runs[0].spec["hyperparameters"]
    lora = hyper.get("lora") or {}
    how = METHODS[runs[0].spec["method"]]
    if lora:
        told = {"rank": lora.get("r"), "alpha": lora.get("alpha"), "dropout": lora.get("dropout")}
        told["in"] = lora.get("target_modules") or "query, key and value"
        how += f" ({in_words(told)})"
    bases = listed(dict.fromkeys(run.base.listed for run in runs), most=MANY)
    epochs, rate = hyper["epochs"], hyper["learning_rate"]
    batches = sorted({run.spec["hyperparameters"]["global_batch_rows"] for run in runs})
    batch = str(batches[0]) if len(batches) == 1 else f"{batches[0]} to {batches[-1]}"
    decay = TEXTS.get(hyper["scheduler"], hyper["scheduler"])
    if final := hyper.get("final_learning_rate_ratio"):
        decay += f" to {100 * final:g} % of it"
    warmup = f" after a warm-up over {100 * hyper['warmup_ratio']:g} % of updates" if hyper["warmup_ratio"] else ""
    seeds = sorted({run.seed for run in runs})
    told = [
        f"{how} for {epochs:g} epoch{'s' * (epochs != 1)} in {bases} ({len(runs)} runs, seed{'s' * (len(seeds) > 1)} "
        f"{listed(map(str, seeds))}) with AdamW (β₁ = {hyper['adam_beta1']:g}, β₂ = {hyper['adam_beta2']:g}, weight "
        f"decay {hyper['weight_decay']:g}) at a learning rate of {rate:g} with {decay}{warmup}, gradients clipped at a "
        f"norm of {hyper['max_gradient_norm']:g}, {batch} rows an update, at most {hyper['max_length_tokens']:,} "
        f"tokens a row in the template '{hyper['template']}', in {hyper['precision']}."
    ]
    weight = hyper.get("prompt_loss_weight", 0.0)
    told.append(
        f"The loss on prompts had a weight of {weight:g}." if weight else "The loss was taken on the responses alone."
    )
    if held := hyper.get("validation"):
        told.append(f"Rows held out for validation: {in_words(held)}.")
    updates = sorted(manifests[path]["updates"] for path in group if path in manifests)
    if updates:
        span = f"{updates[0]:,}" if updates[0] == updates[-1] else f"{updates[0]:,} to {updates[-1]:,}"
        known = "" if len(updates) == len(group) else f" in the {len(updates)} of {len(group)} runs that are finished"
        told.append(f"That came to {span} updates{known}.")
    return told


def _benchmarks(study: Study) -> list[str]:
    found = {(one.origin, one.name): one for owed in study.evaluations.values() for one in owed}
    if not found:
        return []
    places = {"world": "generated items", "directory": "items of a given directory", "hub": "items of the hub"}
    told = []
    for one in found.values():
        title = one.benchmark.title or one.name
        if isinstance(one.languages, tuple):
            languages = _languages(one.languages)
        else:
            languages = "all its languages" if one.languages else f"{len(one.benchmark.languages)} languages"
        limit = f", at most {one.items} items each" if one.items else ""
        told.append(f"{title} ({languages}{limit}; {places[one.origin]})")
    return [
        f"Models were evaluated without examples (zero-shot) by the tasks of lm-evaluation-harness on {listed(told)}."
    ]


def _prompts(study: Study) -> list[str]:
    found = {name: one for answers in study.answers.values() for name, one in answers.items()}
    told = []
    for one in found.values():
        warm = one.sampling.get("temperature")
        drawn = f"drawn at a temperature of {warm:g}" if warm else "greedily"
        who = f" The language of an answer was identified by {_identifier(one)}." if one.identifier else ""
        told.append(
            f"{one.items} questions of {one.prompts.row.title} were asked in {_languages(one.languages)} and answered "
            f"{drawn} in at most {one.sampling['max_new_tokens']} new tokens.{who}"
        )
    return list(dict.fromkeys(told))


def _identifier(one: Responses) -> str:
    own = " (the generated world's own lexicons)" if one.identifier.backend == "world" else ""
    return f"{one.identifier.identifier}{own}"


def _judges(study: Study) -> list[str]:
    told = []
    for one in study.judged.values():
        judge = f"the judge '{one.judge}'"
        if study.worlds and one.judge in ("exact", "biased"):
            judge += " (which knows the truth of the generated world; no language model)"
        scale = PROTOCOLS[one.protocol].scale
        if scale is None:
            own = ", of a family in each language the run tuned on it alone" if one.own else ""
            told.append(f"Answers were set beside those of '{one.against}'{own} in both orders by {judge}.")
        else:
            told.append(f"Answers were rated by {judge}, protocol '{one.protocol}'.")
    return list(dict.fromkeys(told))


def _imports(study: Study) -> list[str]:
    if not study.imports:
        return []
    return [f"Results measured elsewhere were imported: {listed(study.imports, most=MANY)}."]


def _statistics(study: Study, tuned: Mapping[str, Run]) -> str:
    seeds = {run.seed for run in tuned.values()}
    once = " Each model was trained once, so that intervals do not contain what other seeds would change."
    return (
        "Intervals are 95 % intervals over items, clustered by item where languages are parallel, and over seeds where "
        f"there are several.{once if len(seeds) == 1 else ''}"
    )
