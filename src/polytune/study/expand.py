"""From a study file to its mixtures and runs: the one place where a study's text becomes names.

No data is read here, so the job graph of a whole study is known within a moment.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field

from polytune.config.settings import table_row
from polytune.errors import InputError, nearest
from polytune.languages.codes import language
from polytune.mixtures.families import Recipe, expand_family
from polytune.world.settings import settings_of_size

UNTUNED = ("base", "none", 0)  # method, mixture and seed in the path of a base that was not tuned


@dataclass(frozen=True)
class Run:
    """One base model, tuned by one method on one mixture with one seed; or the base itself."""

    base: str
    method: str
    mixture: str
    seed: int
    languages: tuple[str, ...] = ()
    spec: dict | None = None
    nodes: int = 1
    devices_per_node: int = 1

    @property
    def path(self) -> str:
        """Return the folder of the run below `runs/`."""
        return f"{self.base}/{self.method}/{self.mixture}/seed{self.seed}"

    @property
    def tokens(self) -> str:
        """Return the folder of its token stores below `tokens/`: tokenizer and template."""
        return f"{self.spec['base_tokenizer']}-{self.spec['hyperparameters']['template']}"


@dataclass
class Study:
    """A study at one scale: its mixtures, runs and what is drawn from them."""

    name: str
    title: str
    scale: str
    recipes: dict[str, Recipe]
    runs: list[Run]
    benchmarks: list[str]
    analysis: dict
    figures: dict[str, dict]
    tables: dict[str, dict]
    families: dict[str, list[str]] = field(default_factory=dict)
    analysis_of_paper: dict = field(default_factory=dict)  # without the overlay of the generated world


def expand_study(content: dict, config: dict) -> Study:
    """Return the study of a checked study file at the configured scale."""
    where = content["file"]
    overlay = content.pop("world")
    analysis_of_paper = dict(content["analysis"])
    if config["scale"] == "world":
        content = _overlay(content, overlay, where)
    recipes, families = {}, {}
    for key, options in content["mixtures"].items():
        expanded = _expand_mixtures(key, options, content, where, config["world"]["size"])
        families[key] = [recipe.name for recipe in expanded]
        recipes.update({recipe.name: recipe for recipe in expanded})
    runs: dict[str, Run] = {}
    for number, entry in enumerate(content["runs"]):
        for run in _expand_runs(entry, recipes, families, f"{where}: runs[{number}]", config):
            runs[run.path] = run
    for name in content["evaluation"]["benchmarks"]:
        table_row("benchmarks", name, f"{where}: evaluation.benchmarks")
    used = {run.mixture for run in runs.values()}
    return Study(
        name=content["study"],
        title=content["title"],
        scale=config["scale"],
        recipes={name: recipe for name, recipe in recipes.items() if name in used},
        runs=list(runs.values()),
        benchmarks=list(content["evaluation"]["benchmarks"]),
        analysis=content["analysis"],
        figures=content["figures"],
        tables=content["tables"],
        families=families,
        analysis_of_paper=analysis_of_paper,
    )


def _overlay(content: dict, overlay: dict, where: str) -> dict:
    """Return the study with the values of its world overlay."""
    content = deepcopy(content)
    for name in overlay["mixtures"]:
        if name not in content["mixtures"]:
            raise InputError(
                f"{where}: world.mixtures.{name}: the study has no such family{nearest(name, content['mixtures'])}"
            )
    for name, options in content["mixtures"].items():
        changes = overlay["mixtures"].get(name, {})
        if {"rows", "total_rows", "share"} & changes.keys():
            for amount in ("rows", "total_rows", "share"):
                options.pop(amount, None)
        options.update(changes)
        options["source"] = overlay["sources"].get(options["source"], options["source"])
    content["analysis"].update(overlay["analysis"])
    content["sources"] = {overlay["sources"].get(name, name): value for name, value in content["sources"].items()}
    for number, entry in enumerate(content["runs"]):
        try:
            entry["bases"] = [overlay["bases"][base] for base in entry["bases"]]
        except KeyError as error:
            raise InputError(
                f"{where}: runs[{number}].bases: {error} has no counterpart in world.bases, e.g. 'world-bloom'"
            ) from None
        entry["hyperparameters"].update(overlay["hyperparameters"])
        if "global_batch_rows" in overlay["hyperparameters"]:
            entry.pop("batch", None)
        entry["seeds"] = overlay.get("seeds", entry["seeds"])
    return content


def source_languages(source: str, where: str, world_size: str) -> list[str]:
    """Return the languages that `config/sources.tsv` lists for a source, or that a world of this size has for it."""
    row = table_row("sources", source, where)
    if row["languages"] == "world":
        settings = settings_of_size(world_size, seed=0)
        texts = row["location"].endswith(":texts")
        return list(settings.base_languages if texts else settings.languages)
    return row["languages"].split()


def _check_language(code: str, where: str) -> None:
    try:
        language(code)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def _expand_mixtures(key: str, options: dict, content: dict, where: str, world_size: str) -> list[Recipe]:
    options = dict(options)
    spot = f"{where}: mixtures.{key}"
    family, source = options.pop("family"), options.pop("source")
    if source not in content["sources"]:
        known = content["sources"]
        raise InputError(f"{spot}.source: '{source}' is not one of the study's sources: {', '.join(known)}")
    offered = content["sources"][source]["languages"]
    offered = source_languages(source, spot, world_size) if offered == "all" else offered
    for name in ("order", "languages"):
        for code in options.get(name, []):
            _check_language(code, f"{spot}.{name}")
            if code not in offered:
                raise InputError(
                    f"{spot}.{name}: source '{source}' has no rows in '{code}'; it has {', '.join(offered)}"
                )
        repeated = {code for code in options.get(name, []) if options[name].count(code) > 1}
        if repeated:
            raise InputError(f"{spot}.{name}: {', '.join(sorted(repeated))} stands twice")
    if "replay" in options:
        replay = options["replay"] = dict(options["replay"])
        replay.setdefault("languages", source_languages(replay["source"], f"{spot}.replay.source", world_size))
    needed = {"incremental": ("order", "sizes"), "percent": ("languages", "percents"), "monolingual": ("languages",)}
    for name in needed.get(family, ()):
        if name not in options:
            raise InputError(f"{spot}: family '{family}' needs the key '{name}'")
    return expand_family(key, family, source, options, spot)


def _expand_runs(entry: dict, recipes: dict[str, Recipe], families: dict[str, list[str]], where: str, config: dict):
    if entry["mixtures"] not in families:
        raise InputError(
            f"{where}.mixtures: no family '{entry['mixtures']}'{nearest(entry['mixtures'], families)}; "
            f"there are: {', '.join(families)}"
        )
    names = families[entry["mixtures"]]
    longest = max(len(recipes[name].languages) for name in names)
    method = entry["method"] + (f"-{entry['variant']}" if "variant" in entry else "")
    for base in entry["bases"]:
        row = table_row("bases", base, f"{where}.bases")
        yield Run(base, *UNTUNED)
        for name in names:
            count = len(recipes[name].languages)
            nodes, devices, hyperparameters = _resolve_batch(entry, count, longest, where)
            for seed in entry["seeds"]:
                spec = {
                    "base": base,
                    "base_tokenizer": row["tokenizer"],
                    "architecture": row["architecture"],
                    "method": entry["method"],
                    "mixture": name,
                    "seed": seed,
                    "hyperparameters": hyperparameters,
                }
                wanted = config["training"]["devices"]
                yield Run(
                    base,
                    method,
                    name,
                    seed,
                    recipes[name].languages,
                    spec,
                    nodes=1 if wanted else nodes,
                    devices_per_node=wanted or devices,
                )


def nodes_for(languages: int, largest: int, first: int, last: int) -> int:
    """Return the nodes of a run: from `first` (one language) to `last` (`largest` languages), evenly rounded.

    Lucky 52, section 3.1: "from 2 to 10 nodes with the increase in the number of languages"; the steps are not given.
    """
    return first + round((last - first) * (languages - 1) / max(largest - 1, 1))


def _resolve_batch(entry: dict, count: int, longest: int, where: str) -> tuple[int, int, dict]:
    """Return nodes, devices per node and the hyperparameters with a global batch."""
    hyperparameters = dict(entry["hyperparameters"])
    required = ("learning_rate", "epochs", "max_length_tokens", "template")
    for name in required:
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
    nodes = nodes_for(count, longest, *batch["nodes"])
    devices = nodes * batch["devices_per_node"]
    hyperparameters["global_batch_rows"] = batch["rows_per_device"] * batch["accumulation"] * devices
    return nodes, batch["devices_per_node"], hyperparameters
