"""What one evaluation will compute, and the key that its results depend on. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from polytune.config.benchmarks import Benchmark, Evaluation
from polytune.evaluation.documents import SAMPLE_SEED, Documents, sample
from polytune.evaluation.tasks import data_files, list_tasks, read_rows, task_digest
from polytune.files import digest, sha256_file
from polytune.models.directory import ModelDirectory

RESULTS_VERSION = 1
"""Part of every key. Raise it with a change of our code that changes numbers beyond rounding (scoring, models, which
rows are evaluated) or what a results file or a samples table holds: everything is then evaluated again. A change that
leaves results as they are must leave it as it is, too: the code itself is in no key."""

LIBRARIES = ("lm-eval", "torch", "transformers", "tokenizers")
"""Distributions whose version can change a result."""


@dataclass(frozen=True)
class Options:
    """What a user can choose about how to evaluate."""

    precision: str
    device: str
    batch_tokens: int


@dataclass(frozen=True)
class Plan:
    """One evaluation, resolved: everything that its results depend on."""

    evaluation: Evaluation
    configurations: dict[str, dict[str, Any]]
    """The harness's tasks by language (our codes)."""
    digests: dict[str, Any]
    """Digests of model, data and task files, versions and options."""

    @property
    def benchmark(self) -> Benchmark:
        """Return what is evaluated."""
        return self.evaluation.benchmark

    @property
    def data(self) -> Path:
        """Return the data root."""
        return Path(self.evaluation.directory)

    @property
    def key(self) -> str:
        """Return the key of the results in the cache."""
        return f"{self.benchmark.benchmark}-{digest(self.digests)[:32]}"

    def read_documents(self) -> dict[str, Documents]:
        """Return the rows to evaluate by language; raises `InputError` for what is wrong with any row of a split."""
        rows = read_rows(self.benchmark, self.data, self.configurations)
        return {language: sample(documents, self.evaluation.items) for language, documents in rows.items()}


def plan_evaluation(evaluation: Evaluation, model: ModelDirectory, options: Options) -> Plan:
    """Return the plan of an evaluation; raises `InputError` for what is missing.

    The key has what the results say and follow from, and nothing else: neither chance nor title of the benchmark, no
    batch size (which changes nothing beyond rounding), no place of a file.
    """
    benchmark, data = evaluation.benchmark, Path(evaluation.directory)
    configurations = list_tasks(benchmark, data, evaluation.languages)
    files = data_files(benchmark, data, configurations)
    digests = {
        "results_version": RESULTS_VERSION,
        "model": model.digest,
        "benchmark": {"benchmark": benchmark.benchmark, "hub_id": benchmark.hub_id, "columns": benchmark.columns},
        "data": digest({language: [sha256_file(path) for path in found] for language, found in files.items()}),
        "tasks": task_digest(benchmark, data, configurations),
        "versions": {name: version(name) for name in LIBRARIES},
        "options": {
            "languages": list(configurations),
            "limit": None if evaluation.items is None else {"items": evaluation.items, "seed": SAMPLE_SEED},
            "precision": options.precision,
            "device": options.device.split(":")[0],
        },
    }
    return Plan(evaluation, configurations, digests)
