"""From a study file to its mixtures and runs: the one place where a study's text becomes names, without its data."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from polytune.config.benchmarks import Evaluation
from polytune.errors import InputError, nearest
from polytune.languages.codes import say_meant
from polytune.mixtures.families import Recipe, check_family, expand_family, in_table_order
from polytune.study.answers import Judged, Responses, expand_judged, expand_responses
from polytune.study.chosen import name_vector_base
from polytune.study.completeness import complete
from polytune.study.evaluations import expand_evaluations
from polytune.study.imports import Import, find_imports
from polytune.study.layers import check_layers
from polytune.study.names import with_codes
from polytune.study.outside import Outside, Source, UsedBase, World, find_base, find_source
from polytune.study.overlay import apply_overlay
from polytune.study.tokenization import Tokenization, find_tokenization, template_digest

UNTUNED = ("base", "none", 0)  # method, mixture and seed in the path of a base that was not tuned


@dataclass(frozen=True)
class Run:
    """One base model, tuned by one method on one mixture with one seed; or the base itself (no `spec`)."""

    base: UsedBase
    method: str
    mixture: str
    seed: int
    variant: str = ""
    spec: dict | None = None
    tokens: Tokenization | None = None
    nodes: int = 1
    devices_per_node: int = 1
    template: str = ""
    """Template that the run is prompted with: what it was tuned with, for a base that of the runs tuned from it."""

    @property
    def path(self) -> str:
        """Return the folder of the run below `runs/`: `{run}` in every rule."""
        return f"{self.base.name}/{self.method}/{self.mixture}/seed{self.seed}"


@dataclass
class Study:
    """A study at one scale: its mixtures, runs and what is drawn from them."""

    name: str
    title: str
    file: str
    scale: str
    worlds: list[World]
    recipes: dict[str, Recipe] = field(default_factory=dict)
    families: dict[str, list[Recipe]] = field(default_factory=dict)
    """The recipes of every entry of `mixtures`; one mixture may belong to several."""
    sources: dict[str, Source] = field(default_factory=dict)
    runs: dict[str, Run] = field(default_factory=dict)
    evaluations: dict[str, list[Evaluation]] = field(default_factory=dict)
    """What each run is evaluated on, by the run's path."""
    answers: dict[str, dict[str, Responses]] = field(default_factory=dict)
    """What each run is asked, by the run's path and the name of the responses."""
    judged: dict[str, Judged] = field(default_factory=dict)
    imports: dict[str, Import] = field(default_factory=dict)
    analysis: dict = field(default_factory=dict)
    figures: dict[str, dict] = field(default_factory=dict)
    tables: dict[str, dict] = field(default_factory=dict)

    def is_of(self, run: Run, families: Collection[str] | None) -> bool:
        """Return whether a run is tuned on a mixture of some keys of `mixtures` (None: of any), or untuned."""
        if families is None or run.spec is None:
            return True
        return any(recipe.name == run.mixture for family in families for recipe in self.families[family])


def expand_study(content: dict, config: dict, outside: Outside) -> Study:
    """Return the study of a checked study file at the configured scale."""
    content = with_codes(content)
    where, overlay = content["file"], content.pop("world")
    listed = content
    if config["scale"] == "world":
        content = apply_overlay(content, overlay, where)
    seeds = overlay.get("worlds", [config["world"]["seed"]])
    if not content["runs"] and not content["imports"]:
        raise InputError(f"{where}: the study has neither 'runs' nor 'imports': nothing would be shown")
    scale = config["scale"] if content["runs"] else "full"  # what was measured elsewhere is of no world
    worlds = [World(seed, config["world"]["size"]) for seed in seeds] if scale == "world" else []
    sections = {name: content[name] for name in ("analysis", "figures", "tables")}
    study = Study(content["study"], content["title"], where, scale, worlds, **sections)
    study.imports = find_imports(content, where)
    for world in worlds or [None]:
        recipes = _expand_mixtures(study, content, world)
        responses = expand_responses(content["evaluation"], world, recipes, where)
        study.judged = expand_judged(content["evaluation"], responses, recipes, where)
        for number, entry in enumerate(content["runs"]):
            for run in _expand_runs(entry, recipes, world, config, f"{where}: runs[{number}]"):
                evaluations = expand_evaluations(content["evaluation"], world, config, outside, where)
                _add_run(study, run, evaluations, f"{where}: runs[{number}]")
                if responses:
                    study.answers.setdefault(run.path, _ask(responses, run, study))
    if study.judged:  # no verdict without what is known of the judge
        study.tables = {"judge-checks": {"build": "judge_checks"}, **study.tables}
    used = {run.mixture for run in study.runs.values()}
    study.recipes = {name: complete(recipe, study) for name, recipe in study.recipes.items() if name in used}
    check_layers(listed, overlay, where)
    return study


def _add_run(study: Study, run: Run, evaluations: list[Evaluation], where: str) -> None:
    """Add a run; another run under the same name is an error that says what differs."""
    known = study.runs.setdefault(run.path, run)
    if known.spec != run.spec:
        raise InputError(
            f"{where}: the run '{run.path}' is in an earlier entry too, with {differences(known.spec, run.spec)}; give "
            "one of the two entries a 'variant', so that both have a name"
        )
    study.evaluations.setdefault(run.path, evaluations)


def _ask(responses: dict[str, Responses], run: Run, study: Study) -> dict[str, Responses]:
    """Return what a run is asked, with its template."""
    template = {"template": run.template, "template_digest": template_digest(run.template)}
    return {name: replace(one, **template) for name, one in responses.items() if study.is_of(run, one.mixtures)}


def differences(first: dict, other: dict) -> str:
    """Return the settings that two specs have differently, each with both values."""
    mine, theirs = ({**spec, **spec["hyperparameters"], "hyperparameters": None} for spec in (first, other))
    keys = [key for key in {**mine, **theirs} if mine.get(key) != theirs.get(key)]
    return ", ".join(f"{key} {mine.get(key)} instead of {theirs.get(key)}" for key in keys)


# --- mixtures -------------------------------------------------------------------------------------------------------


def _expand_mixtures(study: Study, content: dict, world: World | None) -> dict[str, list[Recipe]]:
    """Return the recipes of every entry of `mixtures` by its key, and add them to the study."""
    found = {}
    for key, options in content["mixtures"].items():
        where = f"{study.file}: mixtures.{key}"
        recipes = found[key] = list(_recipes(key, dict(options), content, world, study, where))
        for recipe in recipes:
            known = study.recipes.get(recipe.name)
            if known is not None and known.content() != recipe.content():
                raise InputError(
                    f"{where}: the mixture '{recipe.name}' is in an earlier entry too, with other rows: "
                    f"{_recipe_differences(known, recipe)}; two things cannot have one name"
                )
            study.recipes.setdefault(recipe.name, recipe)
        study.families.setdefault(key, []).extend(recipes)
    return found


def _recipe_differences(first: Recipe, other: Recipe) -> str:
    mine, theirs = first.content(), other.content()
    return ", ".join(f"{key} {mine[key]} and {theirs[key]}" for key in mine if mine[key] != theirs[key])


def _recipes(key: str, options: dict, content: dict, world: World | None, study: Study, where: str) -> Iterator[Recipe]:
    check_family(options, where)
    name = options.get("source")
    if name not in content["sources"]:
        known = content["sources"]
        raise InputError(f"{where}.source: '{name}' is not one of the study's sources: {', '.join(known)}")
    source = find_source(name, world, f"{where}.source")
    study.sources[source.name] = source
    chosen = content["sources"][name]["languages"]
    offered = source.languages if chosen == "all" else chosen
    if strange := [code for code in offered if code not in source.languages]:
        raise InputError(
            f"{study.file}: sources.{name}.languages: '{name}' has no '{strange[0]}'"
            f"{say_meant(strange[0])}; it has: {', '.join(source.languages)}"
        )
    options["source"], options["replay"] = source.name, _replay(options.get("replay", {}), world, study, where)
    name_vector_base(options, content["runs"], world, f"{where}.base")
    for recipe in expand_family(key, options, offered, where):
        for code in recipe.languages:
            if code not in offered:
                raise InputError(
                    f"{where}: source '{name}' has no rows in '{code}'{say_meant(code)}; it has {', '.join(offered)}"
                )
        yield recipe


def _replay(replay: dict, world: World | None, study: Study, where: str) -> dict:
    """Return what is replayed, with the source's name and its languages."""
    if not replay:
        return {}
    source = find_source(replay["source"], world, f"{where}.replay.source")
    study.sources[source.name] = source
    languages = replay.get("languages") or source.languages
    for code in languages:
        if code not in source.languages:
            raise InputError(
                f"{where}.replay.languages: source '{replay['source']}' has no rows in '{code}'"
                f"{say_meant(code)}; it has {', '.join(source.languages)}"
            )
    return {**replay, "source": source.name, "languages": list(in_table_order(languages))}


# --- runs -----------------------------------------------------------------------------------------------------------


def _expand_runs(
    entry: dict, recipes: dict[str, list[Recipe]], world: World | None, config: dict, where: str
) -> Iterator[Run]:
    names = [entry["mixtures"]] if isinstance(entry["mixtures"], str) else entry["mixtures"]
    for name in names:
        if name not in recipes:
            raise InputError(
                f"{where}.mixtures: no family '{name}'{nearest(name, recipes)}; there are: {', '.join(recipes)}"
            )
    chosen = [recipe for name in names for recipe in recipes[name]]
    largest = max(recipe.size for recipe in chosen)
    variant = entry.get("variant", "")
    method = entry["method"] + (f"-{variant}" if variant else "")
    for name in entry["bases"]:
        base = find_base(name, world, f"{where}.bases")
        yield Run(base, *UNTUNED, template=base.row.template or entry["hyperparameters"].get("template", ""))
        for recipe in chosen:
            nodes, devices, hyperparameters = _resolve_batch(entry, recipe.size, largest, where)
            hyperparameters["template"] = base.row.template or hyperparameters["template"]
            if base.row.architecture == "decoder":
                hyperparameters.pop("max_source_length_tokens", None)  # which only encoders read
            tokens = find_tokenization(base, hyperparameters["template"], f"{where}.hyperparameters.template")
            wanted = config["training"]["devices"]
            for seed in entry["seeds"]:
                spec = {
                    "base": base.name,
                    "base_tokenizer": base.row.tokenizer,
                    "architecture": base.row.architecture,
                    "method": entry["method"],
                    "mixture": recipe.name,
                    "seed": seed,
                    "hyperparameters": hyperparameters,
                }
                places = {"nodes": 1 if wanted else nodes, "devices_per_node": wanted or devices}
                yield Run(base, method, recipe.name, seed, variant, spec, tokens, **places, template=tokens.template)


def nodes_for(languages: int, largest: int, first: int, last: int) -> int:
    """Return the nodes of a run: from `first` (one language) to `last` (`largest` languages), evenly rounded.

    Lucky 52, section 3.1: "from 2 to 10 nodes with the increase in the number of languages"; the steps are not given.
    """
    return first + round((last - first) * (languages - 1) / max(largest - 1, 1))


def _resolve_batch(entry: dict, count: int, largest: int, where: str) -> tuple[int, int, dict[str, Any]]:
    """Return nodes, devices per node and the hyperparameters with a global batch."""
    hyperparameters = dict(entry["hyperparameters"])
    for name in ("learning_rate", "epochs", "max_length_tokens", "template"):
        if name not in hyperparameters:
            raise InputError(f"{where}.hyperparameters: the key '{name}' is missing")
    if entry["method"] == "full":
        hyperparameters.pop("lora", None)
    elif "lora" not in hyperparameters:
        raise InputError(f"{where}.hyperparameters: method 'lora' needs the key 'lora' with r and alpha")
    batch = entry.get("batch")
    if (batch is None) == ("global_batch_rows" not in hyperparameters):
        raise InputError(f"{where}: exactly one of 'batch' and 'hyperparameters.global_batch_rows' is needed")
    if batch is None:
        return 1, 1, hyperparameters
    nodes = nodes_for(count, largest, *batch["nodes"])
    devices = nodes * batch["devices_per_node"]
    hyperparameters["global_batch_rows"] = batch["rows_per_device"] * batch["accumulation"] * devices
    return nodes, batch["devices_per_node"], hyperparameters
