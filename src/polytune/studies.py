"""From study files to what must be made: mixtures, runs, evaluations, figures and tables.

This is the one place where a study's text becomes names and paths; the workflow asks it, nothing below imports it.
No data is read here, so the job graph of a whole study is known within a moment.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import asdict, dataclass, field
from functools import cached_property

from polytune.errors import InputError, nearest
from polytune.files import digest
from polytune.languages.codes import language
from polytune.mixtures.families import Recipe, expand_family
from polytune.settings import ROOT, load_study, read_yaml, table_row

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
        return f"{self.spec['tokenizer']}-{self.spec['hyperparameters']['template']}"


@dataclass(frozen=True)
class Tokenization:
    """A tokenizer and a prompt template: together they decide the token ids of a source."""

    tokenizer: str
    template: str
    template_digest: str
    encoder_decoder: bool


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


@dataclass
class Plan:
    """Everything that the configured studies need, shared things once."""

    studies: dict[str, Study]

    @cached_property
    def recipes(self) -> dict[str, Recipe]:
        """Return all mixtures by name; two different mixtures under one name are an error."""
        merged: dict[str, Recipe] = {PRETRAINING.name: PRETRAINING} if self.pretraining else {}
        for study in self.studies.values():
            for name, recipe in study.recipes.items():
                if name in merged and merged[name].content() != recipe.content():
                    raise InputError(
                        f"{study.name}: the mixture '{name}' is another one than in an earlier study; give the family "
                        "another key in one of the two study files"
                    )
                merged[name] = recipe
        return merged

    @cached_property
    def runs(self) -> dict[str, Run]:
        """Return all runs by path; the same path with other hyperparameters is an error."""
        merged: dict[str, Run] = {}
        for study in self.studies.values():
            for run in study.runs:
                if run.path in merged and merged[run.path].spec != run.spec:
                    raise InputError(
                        f"{study.name}: the run '{run.path}' has other hyperparameters than in an earlier study; give "
                        "one of the two 'runs' entries a 'variant'"
                    )
                merged.setdefault(run.path, run)
        return merged

    @cached_property
    def benchmarks(self) -> dict[str, list[str]]:
        """Return the benchmarks that each run owes, over all studies, by run path."""
        owed: dict[str, list[str]] = {}
        for study in self.studies.values():
            for run in study.runs:
                owed.setdefault(run.path, [])
                owed[run.path] += [name for name in study.benchmarks if name not in owed[run.path]]
        return owed


    def recipe_content(self, mixture: str) -> dict:
        """Return the recipe of a mixture as plain values."""
        return asdict(self.recipes[mixture])

    def mixture_languages(self, mixture: str) -> list[tuple[str, str]]:
        """Return (source, language) of every part that a mixture may have, replay included."""
        recipe = self.recipes[mixture]
        parts = [(recipe.source, code) for code in recipe.languages]
        return parts + [(recipe.replay["source"], code) for code in recipe.replay.get("languages", ())]

    @cached_property
    def tokenizations(self) -> dict[str, Tokenization]:
        """Return every pair of tokenizer and template in use, by the folder of its token stores."""
        templates = read_yaml(ROOT / "config" / "templates.yaml")
        found = {}
        for run in [*self.runs.values(), *self.pretraining.values()]:
            if run.spec is None:
                continue
            name = run.spec["hyperparameters"]["template"]
            if name not in templates:
                raise InputError(
                    f"hyperparameters.template: no template '{name}' in config/templates.yaml{nearest(name, templates)}; "
                    f"there are: {', '.join(templates)}"
                )
            shape = run.spec["architecture"] == "encoder-decoder"
            found[run.tokens] = Tokenization(run.spec["tokenizer"], name, digest(templates[name]), shape)
        return found

    @cached_property
    def pretraining(self) -> dict[str, Run]:
        """Return the pre-training run of every base of the generated world, from `config/world.yaml`."""
        file = ROOT / "config" / "world.yaml"
        found = {}
        for base in dict.fromkeys(run.base for run in self.runs.values()):
            row = table_row("bases", base, "bases")
            if row["location"] != "world":
                continue
            hyperparameters = read_yaml(file)["pretraining"][base]
            spec = {
                "base": base,
                "tokenizer": row["tokenizer"],
                "architecture": row["architecture"],
                "method": "full",
                "mixture": PRETRAINING.name,
                "seed": 1,
                "hyperparameters": hyperparameters,
            }
            found[base] = Run(base, "full", PRETRAINING.name, 1, PRETRAINING.languages, spec)
        return found


def load_plan(config: dict) -> Plan:
    """Return the plan of a checked configuration; raises `InputError` for anything wrong in a study file."""
    return Plan({study.name: study for study in (expand_study(load_study(name), config) for name in config["studies"])})


def expand_study(content: dict, config: dict) -> Study:
    """Return the study of a checked study file at the configured scale."""
    where = content["file"]
    overlay = content.pop("world")
    if config["scale"] == "world":
        content = _overlay(content, overlay, where)
    recipes, families = {}, {}
    for key, options in content["mixtures"].items():
        expanded = _expand_mixtures(key, options, content, where)
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
    content["sources"] = {overlay["sources"].get(name, name): value for name, value in content["sources"].items()}
    for number, entry in enumerate(content["runs"]):
        try:
            entry["bases"] = [overlay["bases"][base] for base in entry["bases"]]
        except KeyError as error:
            raise InputError(
                f"{where}: runs[{number}].bases: {error} has no counterpart in world.bases; name one, e.g. 'world-bloom'"
            ) from None
        entry["hyperparameters"].update(overlay["hyperparameters"])
        if "global_batch_rows" in overlay["hyperparameters"]:
            entry.pop("batch", None)
        entry["seeds"] = overlay.get("seeds", entry["seeds"])
    return content


def source_languages(source: str, where: str) -> list[str]:
    """Return the languages that `config/sources.tsv` lists for a source."""
    return table_row("sources", source, where)["languages"].split()


def _check_language(code: str, where: str) -> None:
    try:
        language(code)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def _expand_mixtures(key: str, options: dict, content: dict, where: str) -> list[Recipe]:
    options = dict(options)
    spot = f"{where}: mixtures.{key}"
    family, source = options.pop("family"), options.pop("source")
    if source not in content["sources"]:
        known = content["sources"]
        raise InputError(f"{spot}.source: '{source}' is not one of the study's sources: {', '.join(known)}")
    offered = content["sources"][source]["languages"]
    offered = source_languages(source, spot) if offered == "all" else offered
    for name in ("order", "languages"):
        for code in options.get(name, []):
            _check_language(code, f"{spot}.{name}")
            if code not in offered:
                raise InputError(f"{spot}.{name}: source '{source}' has no rows in '{code}'; it has {', '.join(offered)}")
        repeated = {code for code in options.get(name, []) if options[name].count(code) > 1}
        if repeated:
            raise InputError(f"{spot}.{name}: {', '.join(sorted(repeated))} stands twice")
    if "replay" in options:
        replay = options["replay"] = dict(options["replay"])
        replay.setdefault("languages", source_languages(replay["source"], f"{spot}.replay.source"))
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
                    "tokenizer": row["tokenizer"],
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

    Lucky 52, section 3.1: "from 2 to 10 nodes with the increase in the number of languages"; the steps are not published.
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

