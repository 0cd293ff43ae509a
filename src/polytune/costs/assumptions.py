"""The numbers that a forecast starts from: `config/costs.yaml`, and the training hours that papers publish."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from polytune import ROOT
from polytune.config.benchmarks import Evaluation
from polytune.config.paths import Paths
from polytune.config.tables import bases
from polytune.costs.manifests import trainings
from polytune.costs.operations import Calibration, Finished, Model
from polytune.errors import InputError, nearest
from polytune.machine import memory_bytes
from polytune.readers.yaml import read_yaml

GIGA = 1e9


@dataclass(frozen=True)
class Device:
    """A kind of device; `achieved_tflops` is given where a peak says nothing (a CPU)."""

    key: str
    names: tuple[str, ...]
    per_node: int
    unit: str
    memory_gb: float = 0.0
    on_cpu: bool = False
    peak_tflops: float | None = None
    achieved_tflops: float | None = None
    start_seconds: float | None = None
    billed: float | None = None
    billed_unit: str = ""


class Assumptions:
    """`config/costs.yaml` with the sizes of the bases: those of `config/bases.tsv`, and `models` of the plan."""

    def __init__(self, models: Mapping[str, Model] | None = None, file: Path = ROOT / "config/costs.yaml") -> None:
        self.content = read_yaml(file)
        self.devices = {
            key: Device(key, **{**entry, "names": tuple(entry["names"])})
            for key, entry in self.content["devices"].items()
        }
        here = memory_bytes() / GIGA  # a CPU is this machine's
        self.devices = {
            key: replace(device, memory_gb=here) if device.on_cpu else device for key, device in self.devices.items()
        }
        rows = bases().values()
        self.models = {
            row.base: Model(row.parameters, row.architecture, row.layers, row.hidden) for row in rows if row.parameters
        } | dict(models or {})

    def device(self, key: str) -> Device:
        """Return a device of the table; an unknown one is an `InputError`."""
        if key not in self.devices:
            raise InputError(
                f"--device: '{key}' is not in config/costs.yaml{nearest(key, self.devices)}; there are: "
                f"{', '.join(self.devices)}"
            )
        return self.devices[key]

    def device_named(self, name: str) -> str:
        """Return the key of the device that torch calls `name`; a name of no device is a CPU's."""
        return next((key for key, device in self.devices.items() if any(part in name for part in device.names)), "cpu")

    def model(self, base: str) -> Model:
        """Return the sizes of a base."""
        if base not in self.models:
            raise InputError(f"config/bases.tsv: base '{base}': parameters is '-', so its costs cannot be known")
        return self.models[base]

    def tokens_per_row(self, source: str) -> float:
        """Return the mean tokens of a row of a source that is not tokenised yet."""
        return self._source(source)["tokens_per_row"]

    def rows(self, source: str) -> int:
        """Return the rows per language of a source that is not read yet."""
        return self._source(source)["rows"]

    def _source(self, source: str) -> dict:
        known = self.content["sources"]
        if source not in known:
            raise InputError(f"config/costs.yaml: sources: no entry '{source}'; say its rows and tokens_per_row there")
        return known[source]

    def core_seconds(self, rule: str, data_rows: float = 0.0) -> float:
        """Return what a job of a rule without a device takes on one core."""
        known = self.content["core_seconds"].get(rule, {})
        return known.get("job", 0) + known.get("thousand_rows", 0) * data_rows / 1000

    def loading_seconds(self, model: Model, device: Device) -> float:
        """Return how long an evaluation takes until its model is loaded."""
        start = self.content["evaluation"]
        imports = start["start_seconds"] if device.start_seconds is None else device.start_seconds
        return imports + 2 * model.parameters / GIGA / start["read_gb_per_second"]

    def published(self) -> list[Finished]:
        """Return the trainings whose hours papers state, in operations of this model and seconds."""
        with open(ROOT / "config/published/training-hours.csv", encoding="utf-8") as lines:
            rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
        found = []
        for row in rows:
            tokens = int(row["rows"]) * self.tokens_per_row("bactrian-x")
            operations = self.model(row["base"]).operations(row["method"], tokens)
            hours = (float(row["hours_low"]) + float(row["hours_high"])) / 2
            count = int(row["devices"])
            rule = f"train_{row['method']}"
            found.append(Finished(rule, row["base"], row["device"], count, operations, hours * 3600 * count))
        return found

    def finished(self, paths: Paths) -> list[Finished]:
        """Return the finished trainings of known bases below a results folder."""
        return [
            Finished(
                rule,
                manifest["base"],
                self.device_named(manifest["device"]),
                manifest["devices"],
                self.models[manifest["base"]].operations(manifest["method"], manifest["tokens"]),
                manifest["wall_seconds"] * manifest["devices"],
            )
            for _, rule, manifest in trainings(paths)
            if manifest["base"] in self.models
        ]

    def benchmark(self, one: Evaluation, counted: tuple[int, int] | None) -> tuple[float, float]:
        """Return the items of a language of an evaluation's benchmark, in the mean, and the tokens of one.

        `counted` are rows and bytes of the user's own files, which go first; tokens are those of the table, if it has
        the benchmark.
        """
        name, languages = one.benchmark.benchmark, len(one.benchmark.languages)
        if one.origin == "world" and (made := self.content["world_benchmarks"].get(name)):
            return made["items"], made["tokens_per_item"]
        known = self.content["benchmarks"].get(name)
        if known is None and counted is None:
            raise InputError(f"config/costs.yaml: benchmarks: no entry '{name}', and no files of it to be counted")
        rows, size = counted or (known["items"], 0)
        tokens = known["tokens_per_item"] if known else size / max(rows, 1) / self.content["bytes_per_token"]
        return rows / languages, tokens

    def achieved(
        self, calibration: Calibration, rule: str, base: str, device: Device, nodes: int = 1, devices: int = 1
    ) -> float:
        """Return the operations per second of one device of several, from finished runs, else from published hours."""
        known = calibration.achieved(rule, base, device.key, devices)
        if known is not None:
            return known  # with whatever was lost between its devices
        shares = self.content["parallel_efficiency"]
        kept = 1.0 if devices == 1 else shares["one_node"] if nodes == 1 else shares["many_nodes"]
        if device.achieved_tflops is not None:
            return device.achieved_tflops * 1e12 * kept
        published = self.published()
        measured_on = self.devices[published[0].device]
        elsewhere = Calibration(published).achieved(rule, base, measured_on.key, 1)
        return elsewhere * device.peak_tflops / measured_on.peak_tflops * kept
