"""The plan: everything that the configured studies need, shared things once.

The workflow asks the plan what to make and from what; rules hold no logic of their own. Every setting that decides a
result is in a spec (`polytune.study.specs`), whose file is named by its content.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

from polytune.analysis.asked import caption
from polytune.config.benchmarks import Evaluation
from polytune.config.kinds import Kind
from polytune.config.paths import FIGURE_FORMATS, TABLE_FORMATS, Paths
from polytune.config.settings import load_study
from polytune.errors import InputError
from polytune.figures.kinds import FIGURES
from polytune.files import write_json
from polytune.mixtures.families import Recipe
from polytune.study import specs
from polytune.study.check import check_study
from polytune.study.chosen import Chosen
from polytune.study.earlier import Earlier, Key, asked_evaluations, earlier_evaluations, merge
from polytune.study.expand import Run, Study, differences, expand_study
from polytune.study.local import check_own_files
from polytune.study.outside import Outside, Place, Source, UsedBase, World
from polytune.study.owed import Owed
from polytune.study.pretraining import expand_pretraining
from polytune.study.tokenization import Reading, Tokenization, read_alike
from polytune.tables.kinds import TABLES


class Plan:
    """What the configured studies need; `begun`: for a job of a workflow that runs. `InputError` for a wrong study."""

    def __init__(self, config: dict, begun: bool = False) -> None:
        self.config, self.begun = config, begun
        self.paths = Paths(**config["storage"])
        self.outside = Outside(config, self.paths)
        self.studies: dict[str, Study] = {}
        self.answers = Owed(self)
        self.chosen = Chosen(self)
        for name in config["studies"]:
            study = expand_study(load_study(name), config, self.outside)
            if study.name in self.studies:
                raise InputError(f"configuration: studies: the study '{study.name}' is listed twice")
            check_study(study)
            self.studies[study.name] = study
        # conflicts between studies are said now
        _ = self.recipes, self.runs, self.answers.responses, self.chosen.vectors
        check_own_files(self)

    # --- what the studies share ---

    @cached_property
    def recipes(self) -> dict[str, Recipe]:
        """Return all mixtures by name; two different mixtures under one name are an error."""
        merged = {run.mixture: recipe for run, recipe in self._pretraining.values()}
        for study in self.studies.values():
            for name, recipe in study.recipes.items():
                if name in merged and merged[name].content() != recipe.content():
                    raise InputError(
                        f"{study.name}: the mixture '{name}' is another one than in an earlier study; give the family "
                        "another key in one of the two study files"
                    )
                merged.setdefault(name, recipe)
        return merged

    @cached_property
    def runs(self) -> dict[str, Run]:
        """Return all runs by path; the same path with other hyperparameters is an error."""
        merged: dict[str, Run] = {}
        for study in self.studies.values():
            for path, run in study.runs.items():
                known = merged.setdefault(path, run)
                if known.spec != run.spec:
                    raise InputError(
                        f"{study.name}: the run '{path}' has other hyperparameters than in an earlier study "
                        f"({differences(known.spec, run.spec)}); give one of the two 'runs' entries a 'variant'"
                    )
        return merged

    @cached_property
    def tuned(self) -> dict[str, Run]:
        """Return the runs that are trained."""
        return {path: run for path, run in self.runs.items() if run.spec}

    @cached_property
    def bases(self) -> dict[str, UsedBase]:
        """Return all bases by name."""
        return {run.base.name: run.base for run in self.runs.values()}

    @cached_property
    def worlds(self) -> dict[str, World]:
        """Return all generated worlds by name."""
        return {world.name: world for study in self.studies.values() for world in study.worlds}

    @cached_property
    def sources(self) -> dict[str, Source]:
        """Return all sources by name."""
        found = {name: source for study in self.studies.values() for name, source in study.sources.items()}
        return found | {base.texts.name: base.texts for base in self.bases.values() if base.texts}

    @cached_property
    def _pretraining(self) -> dict[str, tuple[Run, Recipe]]:
        worlds = {name: base for name, base in self.bases.items() if base.world and not self.outside.given_base(base)}
        return {name: expand_pretraining(base) for name, base in worlds.items()}

    @cached_property
    def pretraining(self) -> dict[str, Run]:
        """Return the pre-training run of every base of a generated world, by the base's name."""
        return {name: run for name, (run, _) in self._pretraining.items()}

    @cached_property
    def tokenizations(self) -> dict[str, Tokenization]:
        """Return every tokenization in use, by the folder of its token stores."""
        return {run.tokens.name: run.tokens for run in (*self.tuned.values(), *self.pretraining.values())}

    @cached_property
    def readings(self) -> dict[Reading, list[str]]:
        """Return the paths of the runs that read the same rows at the same length."""
        return read_alike(self.tuned)

    @cached_property
    def asked(self) -> dict[str, dict[Key, Evaluation]]:
        """Return the evaluations that the configured studies ask for, by run path."""
        return asked_evaluations(self.studies.values())

    @cached_property
    def earlier(self) -> dict[str, dict[Key, Earlier]]:
        """Return what each run owes besides, since studies that are not configured now asked for it."""
        return {path: earlier_evaluations(self, path, asked) for path, asked in self.asked.items()}

    @cached_property
    def owed(self) -> dict[str, list[Evaluation]]:
        """Return the evaluations that each run owes, over all studies and from earlier ones, by run path."""
        return {path: merge(asked, self.earlier[path]) for path, asked in self.asked.items()}

    @cached_property
    def owed_sets(self) -> list[tuple[list[Evaluation], list[str]]]:
        """Return every distinct set of owed evaluations with the paths of the runs that owe it, the largest first.

        Rules list their outputs by name, so each set is a rule of its own.
        """
        sets: dict[tuple, list[str]] = {}
        for path, evaluations in self.owed.items():
            sets.setdefault(tuple((one.origin, one.name) for one in evaluations), []).append(path)
        ordered = sorted(sets.values(), key=lambda paths: (-len(paths), paths))
        return [(self.owed[paths[0]], paths) for paths in ordered]

    @property
    def numbered_rules(self) -> dict[str, int]:
        """Return how many rules share a name, all but the first with a number behind it."""
        batches = {"generate": self.answers.batches, "judge": self.answers.judge_batches}
        return {name: len(found) for name, found in {"evaluate_run": self.owed_sets, **batches}.items()}

    @cached_property
    def model_specs(self) -> dict[str, dict]:
        """Return the specs of mixtures, bases and runs by what they are about."""
        return specs.model_specs(self)

    @cached_property
    def specs(self) -> dict[str, dict]:
        """Return the spec of every result by what it is about."""
        return specs.build_specs(self)

    def spec(self, about: str) -> str:
        """Return the file of the spec of one result."""
        return self.paths.spec(about, specs.spec_digest(self.specs[about]))

    def write_spec(self, about: str, path: str) -> None:
        """Write the spec of one result and remove those before it."""
        for older in Path(path).parent.glob("*.json"):
            older.unlink()
        write_json(path, self.specs[about])

    @cached_property
    def disagreements(self) -> list[str]:
        """Return the specs of results that are there, but were asked to be something else: those files are missing.

        A missing file that a finished job was made from is no reason for Snakemake to run it again, unless it
        remembers the job's inputs; asked for as a target, it is.
        """
        made = [about for about in self.specs if Path(specs.result_of(self, about)).exists()]
        return [spec for about in made if not Path(spec := self.spec(about)).exists()]

    # --- what is made from what ---

    def parts(self, mixture: str) -> list[tuple[str, str]]:
        """Return (source, language) of every part that a mixture may have, replay included."""
        recipe = self.recipes[mixture]
        found = [(recipe.source, code) for code in recipe.languages]
        return found + [(recipe.replay["source"], code) for code in recipe.replay.get("languages", ())]

    def reports(self, mixture: str) -> list[str]:
        """Return the report of every source and language in a mixture, and of those that decide its complete rows."""
        recipe = self.recipes[mixture]
        parts = self.parts(mixture) + [(recipe.source, code) for code in recipe.complete_languages]
        return [self.paths.report(*part) for part in dict.fromkeys(parts)]

    def selection(self, mixture: str) -> list[str]:
        """Return the file that names the languages of a mixture whose languages are chosen, or nothing."""
        name = self.recipes[mixture].selection_name
        return [self.paths.selection(name)] if name else []

    def token_indexes(self, run: Run) -> list[str]:
        """Return the token stores that a training reads."""
        return [self.paths.token_index(run.tokens.name, *part) for part in self.parts(run.mixture)]

    def model(self, path: str) -> Place:
        """Return where the model of a run lies: the tuned model, or the base itself."""
        run = self.runs[path]
        if run.spec is None:
            return self.outside.base(run.base)
        return Place(self.paths.model(path), self.paths.model_marker(path))

    def adapter_base(self, path: str) -> list[str]:
        """Return the option that names the base of an adapter; full weights need none."""
        run = self.runs[path]
        adapter = run.spec is not None and run.spec["method"] == "lora"
        return ["--base", self.outside.base(run.base).path] if adapter else []

    def data_options(self, path: str) -> list[str]:
        """Return where the data of a run's evaluations lies, as options."""
        return [word for one in self.owed[path] for word in ("--data", f"{one.origin}/{one.name}={one.directory}")]

    def kind(self, study: str, section: str, name: str) -> Kind:
        """Return the kind of a figure or table (`section`: figures or tables)."""
        chosen = self.studies[study]
        return FIGURES[chosen.figures[name]["draw"]] if section == "figures" else TABLES[chosen.tables[name]["build"]]

    def caption(self, study: str, section: str, name: str) -> str:
        """Return what the report says below a figure or table."""
        chosen = self.studies[study]
        content = self.specs[f"{section}/{study}/{chosen.scale}/{name}"]
        kinds, key = (FIGURES, "draw") if section == "figures" else (TABLES, "build")
        return caption(kinds, key, content)

    def kind_files(self, study: str, section: str, name: str) -> dict[str, str]:
        """Return the files that a figure's or table's kind needs besides the scores, by the option that names each."""
        spec = getattr(self.studies[study], section)[name]
        needed = {"similarity": self.chosen.similarity(study, spec), "vectors": self.paths.vectors}
        return {f"--{need}": needed[need] for need in self.kind(study, section, name).needs if need in needed}

    def rows_input(self, source: str, language: str) -> str:
        """Return what one language of a source is read from: the spec of a given file, else the marker of its place."""
        about = f"data/{source}/{language}"
        return self.spec(about) if about in self.specs else self.source(source, language).marker

    def tokenizer(self, tokens: str) -> Place:
        """Return where the tokenizer of a tokenization lies."""
        return self.outside.tokenizer(self.tokenizations[tokens].tokenizer, self.bases.values())

    def source(self, source: str, language: str) -> Place:
        """Return the file of one language of a source."""
        return self.outside.source(self.sources[source], language)

    def data_markers(self, path: str) -> list[str]:
        """Return the markers of the data that a run is evaluated on."""
        world, found = self.runs[path].base.world, []
        for one in self.owed[path]:
            found.append(self.outside.benchmark_data(one.origin, one.benchmark, world, "evaluation").marker)
        return sorted({marker for marker in found if marker})

    def fetched(self) -> list[str]:
        """Return the markers of everything that `polytune prefetch` has to fetch for the configured studies."""
        markers = [self.outside.base(base).marker for base in self.bases.values()]
        markers += [self.tokenizer(name).marker for name in self.tokenizations]
        parts = {part for run in self.tuned.values() for part in self.parts(run.mixture)}
        markers += [self.source(*part).marker for part in sorted(parts)]
        markers += [marker for path in self.owed for marker in self.data_markers(path)]
        markers += self.answers.fetched()
        return [marker for marker in dict.fromkeys(markers) if marker.startswith(f"{self.paths.resources}/")]

    def evaluation_files(self, study: str) -> list[str]:
        """Return the evaluation files of a study."""
        owed = self.studies[study].evaluations.items()
        return [self.paths.evaluation(path, one.origin, one.name) for path, mine in owed for one in mine]

    def figure_files(self, study: str) -> list[str]:
        one = self.studies[study]
        return [f"{self.paths.figure(study, one.scale, name)}.{end}" for name in one.figures for end in FIGURE_FORMATS]

    def table_files(self, study: str) -> list[str]:
        one = self.studies[study]
        return [f"{self.paths.table(study, one.scale, name)}.{end}" for name in one.tables for end in TABLE_FORMATS]

    def targets(self, studies: Iterable[str]) -> list[str]:
        """Return evaluations, scores, figures and tables of studies.

        Evaluations are asked for by name, since a deleted one is to be made again although the figures are there.
        """
        found = []
        for study in studies:
            found += [*self.evaluation_files(study), *self.answers.files(study)]
            scores = self.paths.scores(study, self.studies[study].scale)
            found += [scores, *self.figure_files(study), *self.table_files(study)]
        return list(dict.fromkeys([*found, *self.disagreements]))
