"""What a job costs, by its rule: a function each, and a table of core-seconds for the rest.

`Costs.of` takes a job of Snakemake's list. A rule that neither `FUNCTIONS` nor `core_seconds` of `config/costs.yaml`
knows is not costed, and said to be so.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from statistics import median

from polytune.config.paths import Paths
from polytune.costs.answers import generation, judgement, loss, on_one_device
from polytune.costs.assumptions import GIGA, Assumptions, Device
from polytune.costs.cost import Cost
from polytune.costs.jobs import Download, Evaluated, Job, Rows, Subject, Training, stem
from polytune.costs.local import count_items
from polytune.costs.manifests import evaluations, responses
from polytune.costs.operations import (
    Calibration,
    checkpoint_bytes,
    model_bytes,
    training_memory,
)
from polytune.files import read_json
from polytune.readers.counts import count_rows


class Costs:
    """The costs of jobs on one kind of device; `answer_devices` of them generate the answers of a job."""

    def __init__(
        self,
        assumptions: Assumptions,
        calibration: Calibration,
        device: Device,
        training: Mapping[str, int],
        paths: Paths,
        subjects: Mapping[str, Subject],
        answer_devices: int = 1,
    ) -> None:
        self.assumptions, self.calibration, self.device = assumptions, calibration, device
        self.answer_devices = answer_devices
        self.training, self.paths, self.subjects = training, paths, subjects
        self.seconds, self.loading = defaultdict(list), defaultdict(list)
        for run, _, name, header in evaluations(paths):
            base = run.split("/")[0]
            self.seconds[base, name].append(header["seconds"]["evaluation"])
            self.loading[base].append(header["seconds"]["loading"])
        self.answered = list(responses(paths))

    def of(self, job: Job, due: set[str]) -> Cost | None:
        """Return what a job takes if it runs, None if nobody says what its rule costs.

        `due` are all outputs that are to be made. Raises `InputError` for an assumption that is missing.
        """
        rule = self.family(job.rule)
        if rule in FUNCTIONS:
            return FUNCTIONS[rule](self, job, due)
        if rule in self.assumptions.content["core_seconds"]:
            return self.on_a_core(rule)
        return None

    def family(self, rule: str) -> str:
        """Return the rule that a generated one belongs to: the longest known name that it begins with, else itself."""
        known = [*FUNCTIONS, *self.assumptions.content["core_seconds"]]
        return max((name for name in known if rule == name or rule.startswith(f"{name}_")), key=len, default=rule)

    def on_a_core(self, rule: str, rows: float = 0.0, disk_bytes: float = 0.0) -> Cost:
        """Return the cost of a job without a device."""
        hours = self.assumptions.core_seconds(rule, rows) / 3600
        return Cost(core_hours=hours, longest_hours=hours, disk_gb=disk_bytes / GIGA)

    def subjects_of(self, paths: Iterable[str]) -> list[Subject]:
        """Return what outputs are about, each once."""
        names = dict.fromkeys(map(stem, paths))
        return [self.subjects[name] for name in names if name in self.subjects]

    # --- rows and tokens: counted where the data is, else assumed ---

    def rows(self, one: Rows) -> float:
        """Return the rows of one language of a source."""
        report = Path(self.paths.report(one.source, one.language))
        if report.exists():
            return read_json(report)["kept"]
        if one.count is not None:
            return one.count
        counted = count_rows(Path(one.file)) if one.file else None
        return counted[0] if counted else self.assumptions.rows(one.listed)

    def tokens_per_row(self, one: Rows, tokens: str) -> float:
        """Return the mean tokens of a row in the stores `tokens`."""
        index = Path(self.paths.token_index(tokens, one.source, one.language))
        if index.exists():
            store = read_json(index)
            return store["tokens"] / max(store["rows"], 1)
        counted = count_rows(Path(one.file)) if one.file else None
        if not counted:
            return self.assumptions.tokens_per_row(one.listed)
        rows, size = counted
        return size / max(rows, 1) / self.assumptions.content["bytes_per_token"]

    def language_of(self, source: str, language: str) -> Rows:
        """Return what the plan knows about one language of a source."""
        return self.subjects.get(stem(self.paths.report(source, language))) or Rows("", source, language, source)

    def tokens(self, run: Training) -> float:
        """Return the tokens of one epoch of a training."""
        longest, stores = run.run.spec["hyperparameters"]["max_length_tokens"], run.run.tokens.name
        return sum(count * min(self.tokens_per_row(one, stores), longest) for one, count in self.parts(run))

    def parts(self, run: Training) -> list[tuple[Rows, float]]:
        """Return the languages of a mixture with their rows: its manifest's, or what the recipe will select."""
        if Path(run.mixture).exists():
            parts = read_json(run.mixture)["parts"]
            return [(self.language_of(part["source"], part["language"]), part["rows"]) for part in parts]
        recipe, amount, size = run.recipe, run.recipe.amount, run.recipe.size
        found = []
        for one in (self.language_of(recipe.source, code) for code in recipe.languages[:size]):
            if "total_rows" in amount:
                count = amount["total_rows"] / size
            elif "share" in amount:
                count = amount["share"] * self.rows(one)
            else:
                count = self.rows(one) if amount["rows"] == "all" else min(amount["rows"], self.rows(one))
            found.append((one, count))
        replay = recipe.replay.get("languages", ())
        return found + [
            (self.language_of(recipe.replay["source"], code), recipe.replay["rows"] / len(replay)) for code in replay
        ]


def training(costs: Costs, job: Job, due: set[str]) -> Cost | None:
    """Return the cost of a training: operations of model and tokens over what the device achieves."""
    found = [one for one in costs.subjects_of(job.outputs) if isinstance(one, Training)]
    if not found:
        return None
    (one,), device, rule = found, costs.device, costs.family(job.rule)
    run, method, hyper = one.run, one.run.spec["method"], one.run.spec["hyperparameters"]
    base, devices = run.base.name, run.nodes * run.devices_per_node
    model, rank = costs.assumptions.model(base), hyper.get("lora", {}).get("r", 0)
    operations = model.operations(method, costs.tokens(one) * hyper["epochs"])
    achieved = costs.assumptions.achieved(costs.calibration, rule, base, device, run.nodes, devices)
    hours = operations / (achieved * devices) / 3600
    nodes = math.ceil(devices / device.per_node) if method == "full" else devices / device.per_node
    settings = method, hyper["precision"], costs.training["zero_stage"], devices, costs.training["micro_batch_tokens"]
    memory = training_memory(model, *settings, on_cpu=device.on_cpu) / GIGA
    others = "" if device.on_cpu else ", more devices or a higher training.zero_stage"
    keeps_best = "validation" in hyper and hyper["validation"].get("keep", "best") == "best"
    return Cost(
        device_hours=hours * devices,
        node_hours=hours * nodes,
        longest_hours=hours,
        memory_gb=memory,
        disk_gb=model_bytes(model, method, hyper["precision"], rank) / GIGA,
        checkpoints_gb=checkpoint_bytes(model, method, hyper["precision"], rank, keeps_best) / GIGA,
        # the processes of a CPU share its memory
        too_large=one.name if memory * (devices if device.on_cpu else 1) > device.memory_gb else "",
        remedy=f"use a smaller training.micro_batch_tokens{others}",
    )


def evaluation(costs: Costs, job: Job, due: set[str]) -> Cost | None:
    """Return the cost of the evaluations of a run that are still to be made: the model is loaded once for them."""
    everything = [one for one in costs.subjects_of(job.outputs) if isinstance(one, Evaluated)]
    if not everything:
        return None
    base, device = everything[0].base, costs.device
    missing = everything if everything[0].model in due else costs.subjects_of(job.due)
    model, loading = costs.assumptions.model(base), costs.loading[base]
    seconds = median(loading) if loading else costs.assumptions.loading_seconds(model, device)
    for one in missing:
        name, benchmark = one.evaluation.name, one.evaluation.benchmark
        if measured := costs.seconds[base, name]:
            seconds += median(measured)
            continue
        counted = count_items(Path(one.data), benchmark.split) if one.data else None
        items, tokens_per_item = costs.assumptions.benchmark(one.evaluation, counted)
        chosen = one.evaluation.languages
        languages = len(chosen if isinstance(chosen, tuple) else benchmark.languages)
        items = min(items, one.evaluation.items or math.inf) * languages
        achieved = costs.assumptions.achieved(costs.calibration, "evaluate_run", base, device)
        tokens = items * tokens_per_item
        seconds += model.operations("evaluation", tokens) / achieved
    return on_one_device(costs, base, seconds, "evaluation")


def rows_of_a_source(costs: Costs, job: Job, due: set[str]) -> Cost:
    """Return the cost of reading or tokenising one language of a source; token ids take 4 bytes at most."""
    rule, found = costs.family(job.rule), costs.subjects_of(job.outputs)
    if not found:
        return costs.on_a_core(rule)
    (one,) = found
    count = costs.rows(one)
    length = costs.tokens_per_row(one, one.tokens) if one.tokens else 0.0
    return costs.on_a_core(rule, count, 4 * count * length)


def fetching(costs: Costs, job: Job, due: set[str]) -> Cost:
    """Return the cost of a download: the disk that a model takes in 16 bits."""
    bases = [one.base for one in costs.subjects_of(job.outputs) if isinstance(one, Download)]
    size = sum(2 * costs.assumptions.model(base).parameters for base in bases)
    return costs.on_a_core(costs.family(job.rule), disk_bytes=size)


FUNCTIONS: dict[str, Callable[[Costs, Job, set[str]], Cost | None]] = {
    "pretrain_base": training,
    "train_full": training,
    "train_lora": training,
    "evaluate_run": evaluation,
    "read_source": rows_of_a_source,
    "tokenize_source": rows_of_a_source,
    "fetch": fetching,
    "generate": generation,
    "evaluate_loss": loss,
    "judge": judgement,
}
