"""Where everything lies: outside things (made by the world, given by the user, or fetched once) and results.

Each thing has a directory that programs read and a marker file that the workflow depends on: small, written last.
The rule files ask here, so that they hold no logic of their own.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from polytune.config.settings import read_table, table_row
from polytune.errors import InputError
from polytune.study.expand import Run
from polytune.study.plan import REAL, Plan

FIGURE_FORMATS = ("pdf", "svg", "png", "csv")
TABLE_FORMATS = ("csv", "md", "tex")
GENERATED = "world"  # `location` of what the generated world provides, optionally `world:{folder}`


@dataclass(frozen=True)
class Place:
    """A directory (or file pattern) and the file that says it is complete."""

    path: str
    marker: str


class Locations:
    """Answers where the bases, tokenizers, sources, benchmarks and results of a configuration lie."""

    def __init__(self, config: dict, plan: Plan):
        self.config = config
        self.plan = plan
        storage = config["storage"]
        self.results, self.resources = storage["results"], storage["resources"]
        self.world = f"{self.results}/world/seed{config['world']['seed']}"
        self._check_given()

    def _check_given(self) -> None:
        """Raise `InputError` for a given location that is not there or cannot be what it is said to be."""
        for name, path in self.config["locations"]["bases"].items():
            table_row("bases", name, "configuration: locations.bases")
            where = f"configuration: locations.bases.{name}: {path}"
            if not Path(path).is_dir():
                raise InputError(f"{where}: no such directory")
            if not (Path(path) / "config.json").is_file():
                raise InputError(f"{where}: holds no config.json, so it is no model directory")
            if not any(Path(path).glob("*.safetensors")):
                raise InputError(f"{where}: holds no weights (*.safetensors); only safetensors are loaded")
        for name, path in self.config["locations"]["sources"].items():
            table_row("sources", name, "configuration: locations.sources")
            if "{language}" not in path and not Path(path).is_dir():
                raise InputError(f"configuration: locations.sources.{name}: {path}: no such directory")
        for key, path in (
            ("locations.benchmarks", self.config["locations"]["benchmarks"]),
            ("real_benchmarks.directory", self.config["real_benchmarks"]["directory"]),
        ):
            if path and not Path(path).is_dir():
                raise InputError(f"configuration: {key}: {path}: no such directory")

    def base(self, base: str) -> Place:
        """Return where the weights of a base lie."""
        given = self.config["locations"]["bases"].get(base)
        if given:
            return Place(given, f"{given}/config.json")
        if table_row("bases", base, "bases")["location"].startswith(GENERATED):
            directory = f"{self.results}/bases/{base}"
        else:
            directory = f"{self.resources}/models/{base}"
        return Place(directory, f"{directory}/manifest.json")

    def base_config(self, base: str) -> str:
        """Return the folder with the configuration that a base of the generated world is pre-trained from."""
        architecture = table_row("bases", base, "bases")["architecture"]
        return f"{self.world}/base-config" + ("" if architecture == "decoder" else f"-{architecture}")

    def tokenizer(self, tokenizer: str) -> Place:
        """Return where a tokenizer lies: with a given base that has it, else generated, else fetched."""
        bases = [row for row in read_table("bases").values() if row["tokenizer"] == tokenizer]
        for row in bases:
            given = self.config["locations"]["bases"].get(row["base"])
            if given:
                return Place(given, f"{given}/tokenizer.json")
        if bases and bases[0]["location"].startswith(GENERATED):
            return Place(f"{self.world}/tokenizer", f"{self.world}/world.json")
        directory = f"{self.resources}/tokenizers/{tokenizer}"
        return Place(directory, f"{directory}/manifest.json")

    def source(self, source: str, language: str) -> Place:
        """Return the file of one language of a source."""
        row = table_row("sources", source, "sources")
        given = self.config["locations"]["sources"].get(source)
        if given:
            pattern = given if "{language}" in given else f"{given}/{row['file']}"
            return Place(pattern.format(language=language), pattern.format(language=language))
        if row["location"].startswith(GENERATED):
            directory, marker = f"{self.world}/{row['location'].partition(':')[2]}", f"{self.world}/world.json"
        elif row["location"] == "-":
            raise InputError(
                f"configuration: locations.sources.{source}: no directory is given; '{source}' cannot be fetched, name "
                f"the directory that holds {row['file']}"
            )
        else:
            directory = f"{self.resources}/sources/{source}"
            marker = f"{directory}/manifest.json"
        return Place(f"{directory}/{row['file'].format(language=language)}", marker)

    def fetched(self) -> list[str]:
        """Return the markers of everything that `polytune prefetch` has to fetch for the configured studies."""
        runs = [run for run in self.plan.runs.values() if run.spec is not None]
        markers = [self.base(run.base).marker for run in self.plan.runs.values()]
        markers += [self.tokenizer(one.tokenizer).marker for one in self.plan.tokenizations.values()]
        parts = {part for run in runs for part in self.plan.mixture_languages(run.mixture)}
        markers += [self.source(source, language).marker for source, language in sorted(parts)]
        markers += [self.benchmark(name)[1].marker for study in self.plan.studies.values() for name in study.benchmarks]
        return [marker for marker in dict.fromkeys(markers) if marker.startswith(f"{self.resources}/")]

    def source_kind(self, source: str) -> str:
        """Return the layout of a source's files."""
        return table_row("sources", source, "sources")["kind"]

    def benchmark(self, name: str) -> tuple[str, Place]:
        """Return the benchmark of `config/benchmarks.tsv` behind a name (`xcopa-real` is `xcopa`) and its data root."""
        if name.endswith(REAL):
            plain, directory = name.removesuffix(REAL), self.config["real_benchmarks"]["directory"]
        else:
            plain, directory = name, self.config["locations"]["benchmarks"]
        hub_id = table_row("benchmarks", plain, "benchmarks")["hub_id"]
        if directory:
            return plain, Place(directory, f"{directory}/{hub_id}/README.md")
        if self.config["scale"] == "world":
            return plain, Place(f"{self.world}/benchmarks", f"{self.world}/world.json")
        root = f"{self.resources}/benchmarks"
        return plain, Place(root, f"{root}/{hub_id}/manifest.json")

    def run(self, wildcards) -> Run:
        """Return the run that the wildcards base, method, mixture and seed name."""
        return self.plan.runs[f"{wildcards.base}/{wildcards.method}/{wildcards.mixture}/seed{wildcards.seed}"]

    def mixture_reports(self, mixture: str) -> list[str]:
        """Return the report of every source and language in a mixture, replay included."""
        parts = self.plan.mixture_languages(mixture)
        return [f"{self.results}/data/{source}/{code}.report.json" for source, code in parts]

    def selection(self, mixture: str) -> list[str]:
        """Return the file that names the languages of a mixture chosen by k-means, or nothing."""
        name = self.plan.recipes[mixture].selection
        return [f"{self.results}/languages/selections/{name}.json"] if name else []

    def tokens(self, run: Run) -> list[str]:
        """Return the token stores that a training reads."""
        parts = self.plan.mixture_languages(run.mixture)
        return [f"{self.results}/tokens/{run.tokens}/{source}/{code}/index.json" for source, code in parts]

    def model(self, run: Run) -> Place:
        """Return where the model of a run lies: the tuned model, or the base itself."""
        if run.spec is None:
            return self.base(run.base)
        folder = f"{self.results}/runs/{run.path}/model"
        return Place(folder, f"{folder}/manifest.json")

    def adapter_base(self, run: Run) -> str:
        """Return the option that names the base of an adapter; full weights need none."""
        if run.spec is None or run.spec["method"] != "lora":
            return ""
        return f"--base {shlex.quote(self.base(run.base).path)}"

    def benchmarks_together(self, run: Run, benchmark: str) -> str:
        """Return the benchmarks of this run that share this one's data folder, comma-separated."""
        root = self.benchmark(benchmark)[1].path
        owed = [self.benchmark(name) for name in self.plan.benchmarks[run.path]]
        return ",".join(name for name, place in owed if place.path == root)

    def evaluations(self, study: str) -> list[str]:
        """Return the evaluation files of a study."""
        chosen = self.plan.studies[study]
        runs = f"{self.results}/runs"
        return [f"{runs}/{run.path}/evaluations/{name}.json" for run in chosen.runs for name in chosen.benchmarks]

    def study_targets(self, study: str) -> list[str]:
        """Return the evaluations, figures and tables of a study; figures and tables in every format.

        Evaluations are asked for by name, since a deleted one is to be made again although the figures are there.
        """
        chosen, folder = self.plan.studies[study], f"{self.results}/studies/{study}"
        return self.evaluations(study) + [
            f"{folder}/{kind}/{name}.{ending}"
            for kind, names, endings in (
                ("figures", chosen.figures, FIGURE_FORMATS),
                ("tables", chosen.tables, TABLE_FORMATS),
            )
            for name in names
            for ending in endings
        ]
