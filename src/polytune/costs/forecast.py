"""`polytune plan`: what the configured studies will need, before anything is submitted."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Annotated

import typer

from polytune.config.settings import load_config
from polytune.costs.assumptions import GIGA, Assumptions, Device
from polytune.costs.cost_table import Forecast, show, show_errors
from polytune.costs.jobs import list_outputs
from polytune.costs.manifests import evaluations
from polytune.costs.operations import Calibration, checkpoint_bytes, model_bytes, training_memory
from polytune.files import read_json
from polytune.readers.yaml import read_yaml
from polytune.study.expand import Run
from polytune.study.locations import Locations
from polytune.study.plan import Plan, load_plan

CONFIG = Path("config/config.yaml")
FETCHING = {
    "models": "fetch_base",
    "tokenizers": "fetch_tokenizer",
    "sources": "fetch_source",
    "benchmarks": "fetch_benchmark",
}


def command(
    targets: Annotated[
        list[str] | None, typer.Argument(help="Studies or files, as for snakemake; default all that are configured.")
    ] = None,
    configfile: Annotated[list[Path] | None, typer.Option(help="Configuration on top of config/config.yaml.")] = None,
    device: Annotated[
        str, typer.Option(help="Device of config/costs.yaml; default: LUMI's, or cpu at scale world.")
    ] = "",
) -> None:
    """Show jobs, device-hours, node-hours, memory, disk and price of what is still to be made."""
    config = read_config(configfile or [])
    outputs = list_outputs(targets or [], configfile or [])
    assumptions = Assumptions()
    chosen = assumptions.device(device or ("cpu" if config["scale"] == "world" else "mi250x-gcd"))
    finished = assumptions.finished(Path(config["storage"]["results"]))
    calibration = Calibration(finished)
    forecaster = Forecaster(config, load_plan(config), assumptions, chosen, calibration)
    print(show(forecaster.forecast(lambda path: outputs.get(str(path)))))
    print(show_errors(calibration, Calibration(assumptions.published()), chosen))


def read_config(files: list[Path]) -> dict:
    """Return the checked configuration: `config/config.yaml` with further files on top, as the workflow merges them."""
    values: dict = {}
    for file in [CONFIG, *files]:
        _merge(values, read_yaml(file) or {})
    return load_config(values)


def _merge(below: dict, above: dict) -> None:
    for key, value in above.items():
        if isinstance(value, dict) and isinstance(below.get(key), dict):
            _merge(below[key], value)
        else:
            below[key] = value


class Forecaster:
    """Adds up what a plan needs on one kind of device."""

    def __init__(
        self, config: dict, plan: Plan, assumptions: Assumptions, device: Device, calibration: Calibration
    ) -> None:
        self.config, self.plan, self.assumptions, self.calibration = config, plan, assumptions, calibration
        self.locations = Locations(config, plan)
        self.results = Path(config["storage"]["results"])
        self.result = Forecast(device)
        self.seconds_of_evaluation = defaultdict(list)
        for run, benchmark, header in evaluations(self.results):
            self.seconds_of_evaluation[run.split("/")[0], benchmark].append(sum(header["seconds"].values()))

    def forecast(self, is_due: Callable[[Path], bool | None]) -> Forecast:
        """Return the forecast; `is_due` says of an output whether it is to be made, None if it is not asked for."""
        self.is_due = is_due
        for base, run in self.plan.pretraining.items():
            self._add("write_pretraining_spec", self.results / "bases" / f"{base}.spec.json")
            self._add_training("pretrain_base", run, self.results / "bases" / base / "manifest.json")
        for run in self.plan.runs.values():
            if run.spec is not None:
                folder = self.results / "runs" / run.path
                self._add("write_spec", folder / "spec.json")
                self._add_training(f"train_{run.spec['method']}", run, folder / "model/manifest.json")
            for benchmark in self.plan.benchmarks[run.path]:
                self._add_evaluation(run, benchmark)
        self._add_data()
        for marker in map(Path, self.locations.fetched()):
            folder, name = marker.relative_to(self.locations.resources).parts[:2]
            size = 2 * self.assumptions.model(name).parameters if folder == "models" else 0
            self._add(FETCHING[folder], marker, size)
        for study in self.plan.studies.values():
            self._add("list_runs", self.results / "scores" / f"{study.name}.runs.json")
            self._add("collect_scores", self.results / "scores" / f"{study.name}.parquet")
            for name in study.figures:
                self._add("draw_figure", self.results / "studies" / study.name / "figures" / f"{name}.pdf")
            for name in study.tables:
                self._add("build_table", self.results / "studies" / study.name / "tables" / f"{name}.csv")
        return self.result

    def _add(self, rule: str, output: Path, disk_bytes: float = 0.0, data_rows: float = 0.0) -> bool:
        """Count a job if it is asked for; return whether it is still to be done."""
        due = self.is_due(output)
        if due is None:
            return False
        row = self.result.rows[rule]
        row.jobs += 1
        row.disk_gb += disk_bytes / GIGA
        if not due:
            row.done += 1
            return False
        seconds = self.assumptions.core_seconds(rule, data_rows)
        row.core_hours += seconds / 3600
        row.longest_hours = max(row.longest_hours, seconds / 3600)
        return True

    def _add_training(self, rule: str, run: Run, manifest: Path) -> None:
        hyper, method = run.spec["hyperparameters"], run.spec["method"]
        model = self.assumptions.model(run.base)
        rank = hyper.get("lora", {}).get("r", 0)
        if not self._add(rule, manifest, model_bytes(model, method, hyper["precision"], rank)):
            return
        device, devices = self.result.device, run.nodes * run.devices_per_node
        operations = model.operations(method, self.tokens(run) * hyper["epochs"])
        achieved = self.assumptions.achieved(self.calibration, rule, run.base, device, run.nodes, devices)
        hours = operations / (achieved * devices) / 3600
        nodes = math.ceil(devices / device.per_node) if method == "full" else devices / device.per_node
        memory = training_memory(
            model,
            method,
            hyper["precision"],
            self.config["training"]["zero_stage"],
            devices,
            self.config["training"]["micro_batch_tokens"],
        )
        row = self.result.rows[rule]
        row.device_hours += hours * devices
        row.node_hours += hours * nodes
        row.longest_hours = max(row.longest_hours, hours)
        row.memory_gb = max(row.memory_gb, memory / GIGA)
        checkpoints = checkpoint_bytes(model, method, hyper["precision"], rank) / GIGA
        self.result.checkpoints_gb = max(self.result.checkpoints_gb, checkpoints)
        if memory / GIGA > device.memory_gb:
            self.result.too_large.append(run.path)

    def _add_evaluation(self, run: Run, benchmark: str) -> None:
        output = self.results / "runs" / run.path / "evaluations" / f"{benchmark}.json"
        if not self._add("evaluate", output):
            return
        plain, device = self.locations.benchmark(benchmark)[0], self.result.device
        model = self.assumptions.model(run.base)
        if measured := self.seconds_of_evaluation.get((run.base, benchmark)):
            seconds = median(measured)
        else:
            size = self.assumptions.benchmark(plain)
            achieved = self.assumptions.achieved(self.calibration, "evaluate", run.base, device)
            computing = model.operations("evaluation", size["items"] * size["tokens_per_item"]) / achieved
            seconds = self.assumptions.loading_seconds(model, device) + computing
        row = self.result.rows["evaluate"]
        row.device_hours += seconds / 3600
        row.node_hours += seconds / 3600 / device.per_node
        row.longest_hours = max(row.longest_hours, seconds / 3600)
        row.memory_gb = max(row.memory_gb, 2 * model.parameters / GIGA)

    def _add_data(self) -> None:
        """Add reading, tokenising and mixing; each language of a source once per tokenizer."""
        if self.config["scale"] == "world":
            self._add("build_world", Path(self.locations.world) / "world.json")
        if any(study.tables for study in self.plan.studies.values()):
            self._add("build_similarity", self.results / "languages/similarity.parquet")
        selections = sorted({file for name in self.plan.recipes for file in self.locations.selection(name)})
        if selections:
            self._add("build_vectors", self.results / "languages/vectors.parquet")
        for selection in selections:
            self._add("select_languages", Path(selection))
        parts = {part for name in self.plan.recipes for part in self.plan.mixture_languages(name)}
        for source, language in sorted(parts):
            rows = self.assumptions.rows(source)
            self._add("read_source", self.results / "data" / source / f"{language}.parquet", data_rows=rows)
        stores = {
            (run.tokens, *part)
            for run in [*self.plan.runs.values(), *self.plan.pretraining.values()]
            if run.spec is not None
            for part in self.plan.mixture_languages(run.mixture)
        }
        for tokens, source, language in sorted(stores):
            rows = self.assumptions.rows(source)
            size = 4 * rows * self.assumptions.tokens_per_row(source)
            self._add("tokenize_source", self.store(tokens, source, language), size, rows)
        for name in self.plan.recipes:
            self._add("build_mixture", self.results / "mixtures" / f"{name}.json")

    def store(self, tokens: str, source: str, language: str) -> Path:
        """Return the index of a token store."""
        return self.results / "tokens" / tokens / source / language / "index.json"

    def tokens(self, run: Run) -> float:
        """Return the tokens of one epoch: counted where the data is tokenised, else assumed."""
        mixture = self.results / "mixtures" / f"{run.mixture}.json"
        if mixture.exists():
            rows = [(part["source"], part["language"], part["rows"]) for part in read_json(mixture)["parts"]]
        else:
            rows = self.expected_rows(run.mixture)
        total = 0.0
        for source, language, count in rows:
            index = self.store(run.tokens, source, language)
            if index.exists():
                store = read_json(index)
                length = store["tokens"] / max(store["rows"], 1)
            else:
                length = self.assumptions.tokens_per_row(source)
            total += count * min(length, run.spec["hyperparameters"]["max_length_tokens"])
        return total

    def expected_rows(self, mixture: str) -> list[tuple[str, str, float]]:
        """Return (source, language, rows) of a mixture whose data has not been read."""
        recipe = self.plan.recipes[mixture]
        available = self.assumptions.rows(recipe.source)
        amount, count = recipe.amount, len(recipe.languages)
        if "total_rows" in amount:
            each = amount["total_rows"] / count
        elif "share" in amount:
            each = amount["share"] * available
        else:
            each = available if amount["rows"] == "all" else min(amount["rows"], available)
        rows = [(recipe.source, language, each) for language in recipe.languages]
        if recipe.replay:
            languages = recipe.replay["languages"]
            rows += [
                (recipe.replay["source"], language, recipe.replay["rows"] / len(languages)) for language in languages
            ]
        return rows
