"""The plan: everything that the configured studies need, shared things once.

The workflow asks the plan what to make; nothing below imports it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from functools import cached_property

from polytune import ROOT
from polytune.config.schema import check
from polytune.config.settings import load_study, table_row
from polytune.errors import InputError, nearest
from polytune.files import digest
from polytune.mixtures.families import Recipe
from polytune.readers.yaml import read_yaml
from polytune.study.expand import Run, Study, expand_study, source_languages

COLLECTED_WITH = ("parallel", "counted_as_untuned")  # settings of the analysis that decide what a score is
REAL = "-real"  # suffix of a benchmark, and of a derived study, on real data beside the generated world


@dataclass(frozen=True)
class Tokenization:
    """A tokenizer and a prompt template: together they decide the token ids of a source."""

    tokenizer: str
    template: str
    template_digest: str
    encoder_decoder: bool


@dataclass
class Plan:
    """Everything that the configured studies need, shared things once."""

    studies: dict[str, Study]
    world_size: str = "default"

    @cached_property
    def recipes(self) -> dict[str, Recipe]:
        """Return all mixtures by name; two different mixtures under one name are an error."""
        pretraining = pretraining_recipe(self.world_size)
        merged: dict[str, Recipe] = {pretraining.name: pretraining} if self.pretraining else {}
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

    def score_manifest(self, study: str, results: str) -> dict:
        """Return what `polytune collect-scores` reads: the study's runs and the files of their evaluations."""
        chosen = self.studies[study]
        runs = [
            {
                "run": run.path,
                "base": run.base,
                "method": run.method,
                "mixture": run.mixture,
                "seed": run.seed,
                "languages": list(run.languages),
                "evaluations": {
                    name.removesuffix(REAL): f"{results}/runs/{run.path}/evaluations/{name}.json"
                    for name in chosen.benchmarks
                },
            }
            for run in chosen.runs
        ]
        manifest = {"study": study, "scale": chosen.scale, "runs": runs}
        for key in COLLECTED_WITH:
            if key in chosen.analysis:
                manifest[key] = chosen.analysis[key]
        return manifest

    def table_settings(self, study: str) -> dict:
        """Return the settings of the analysis that tables use, without those that scores are collected with."""
        analysis = self.studies[study].analysis
        return {key: value for key, value in analysis.items() if key not in COLLECTED_WITH}

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
                    f"hyperparameters.template: no template '{name}' in config/templates.yaml"
                    f"{nearest(name, templates)}; there are: {', '.join(templates)}"
                )
            shape = run.spec["architecture"] == "encoder-decoder"
            found[run.tokens] = Tokenization(run.spec["base_tokenizer"], name, digest(templates[name]), shape)
        return found

    @cached_property
    def pretraining(self) -> dict[str, Run]:
        """Return the pre-training run of every base of the generated world, from `config/world.yaml`."""
        file = ROOT / "config" / "world.yaml"
        recipe = pretraining_recipe(self.world_size)
        found = {}
        for base in dict.fromkeys(run.base for run in self.runs.values()):
            row = table_row("bases", base, "bases")
            if row["location"] != "world":
                continue
            hyperparameters = check(read_yaml(file), "world", "config/world.yaml")["pretraining"][base]
            spec = {
                "base": base,
                "base_tokenizer": row["tokenizer"],
                "architecture": row["architecture"],
                "method": "full",
                "mixture": recipe.name,
                "seed": 1,
                "hyperparameters": hyperparameters,
            }
            found[base] = Run(base, "full", recipe.name, 1, recipe.languages, spec)
        return found


def pretraining_recipe(world_size: str) -> Recipe:
    """Return the mixture that the world's bases are pre-trained on: all texts of the world."""
    languages = tuple(source_languages("world-text", "pre-training", world_size))
    return Recipe("world-text-all", "parallel", "world-text", languages, {"rows": "all"})


def load_plan(config: dict) -> Plan:
    """Return the plan of a checked configuration; raises `InputError` for anything wrong in a study file."""
    studies = {}
    for name in config["studies"]:
        study = expand_study(load_study(name), config)
        if study.name in studies:
            raise InputError(f"configuration: studies: the study '{study.name}' is listed twice")
        studies[study.name] = study
        if config["real_benchmarks"]["directory"]:
            real = _on_real_benchmarks(study, config["real_benchmarks"])
            studies[real.name] = real
    return Plan(studies, config["world"]["size"])


def _on_real_benchmarks(study: Study, wanted: dict) -> Study:
    """Return the study's runs evaluated on real benchmarks, as a study with one table."""
    known = {run.mixture for run in study.runs}
    for name in wanted["mixtures"]:
        if name not in known:
            raise InputError(
                f"configuration: real_benchmarks.mixtures: '{name}' is no mixture of {study.name}"
                f"{nearest(name, known)}; there are: {', '.join(sorted(known))}"
            )
    for name in wanted["benchmarks"]:
        table_row("benchmarks", name, "configuration: real_benchmarks.benchmarks")
    chosen = [run for run in study.runs if run.spec is None or run.mixture in (wanted["mixtures"] or known)]
    return replace(
        study,
        name=study.name + REAL,
        title=f"{study.title} Models of scale '{study.scale}' on real benchmarks",
        runs=chosen,
        benchmarks=[name + REAL for name in wanted["benchmarks"]],
        analysis=study.analysis_of_paper,
        figures={},
        tables={"accuracy": {"build": "accuracy"}},
    )
