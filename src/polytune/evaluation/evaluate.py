"""`polytune evaluate`: evaluate a model on a benchmark with lm-evaluation-harness.

Nothing heavy is imported before it is known that something has to be computed.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from polytune.config.benchmarks import Benchmark, find_benchmark
from polytune.errors import InputError
from polytune.evaluation.cache import Cache, claim
from polytune.evaluation.tasks import data_files, list_tasks, task_files
from polytune.files import digest, sha256_file
from polytune.machine import choose_device
from polytune.models.directory import Checkpoint, find_checkpoint

LIBRARIES = ("lm-eval", "torch", "transformers", "tokenizers")
"""Distributions whose version can change a result."""


@dataclass(frozen=True)
class Options:
    """What a user can choose about how to evaluate."""

    languages: tuple[str, ...] | None
    limit: int | None
    precision: str
    device: str
    batch_tokens: int


@dataclass(frozen=True)
class Plan:
    """One benchmark, resolved: everything that its results depend on."""

    benchmark: Benchmark
    data: Path
    configurations: dict[str, dict[str, Any]]
    """The harness's tasks by language (our codes)."""
    digests: dict[str, Any]
    """Digests of model, data and task files, versions and options."""

    @property
    def key(self) -> str:
        """Return the key of the results in the cache."""
        return f"{self.benchmark.benchmark}-{digest(self.digests)[:32]}"


def plan_evaluation(name: str, checkpoint: Checkpoint, data: Path, options: Options) -> Plan:
    """Return the plan of a benchmark; raises `InputError` for what is missing, before anything heavy is imported."""
    chosen = find_benchmark(name)
    languages = list(options.languages) if options.languages else None
    configurations = list_tasks(chosen, data, languages)
    digests = {
        "model": checkpoint.digest,
        "data": digest([sha256_file(path) for path in data_files(chosen, data, configurations)]),
        "tasks": digest([sha256_file(path) for path in task_files(chosen, data)]),
        "code": digest([sha256_file(path) for path in sorted(Path(__file__).parent.glob("*.py"))]),
        "versions": {name: version(name) for name in LIBRARIES},
        "options": {
            "languages": list(configurations),
            "limit": options.limit,
            "precision": options.precision,
            "device": options.device.split(":")[0],
        },
    }
    return Plan(chosen, data, configurations, digests)


def command(
    model: Annotated[Path, typer.Option(help="Directory of full weights, or of an adapter that names its base.")],
    benchmark: Annotated[str, typer.Option(help="Benchmark of config/benchmarks.tsv.")],
    data: Annotated[Path, typer.Option(help="Directory with data sets in folders named like their hub ids.")],
    output: Annotated[Path, typer.Option(help="Results, in the harness's JSON layout.")],
    samples: Annotated[Path, typer.Option(help="Table with one row per item (parquet).")],
    together: Annotated[str, typer.Option(help="Further benchmarks of this run, to evaluate in this process.")] = "",
    base: Annotated[Path | None, typer.Option(help="Base of the adapter, instead of the one it names.")] = None,
    cache: Annotated[
        Path | None, typer.Option(help="Finished evaluations (default: .cache beside the output).")
    ] = None,
    languages: Annotated[str, typer.Option(help="Only these languages, comma-separated (default: all).")] = "",
    limit: Annotated[int | None, typer.Option(min=1, help="Only so many items per language.")] = None,
    precision: Annotated[
        Literal["auto", "fp32", "bf16", "fp16"], typer.Option(help="auto: fp32 on a CPU, the weights' own on a GPU.")
    ] = "auto",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, ...")] = "auto",
    batch_tokens: Annotated[int, typer.Option(min=1, help="Tokens of a batch at most, padding included.")] = 8192,
) -> None:
    """Evaluate a model on a benchmark with lm-evaluation-harness, zero-shot."""
    subset, others = _split_list(languages), [name for name in _split_list(together) if name != benchmark]
    if subset and others:
        raise InputError("--languages: not with --together, whose benchmarks have other languages")
    for name in others:
        find_benchmark(name, "--together")
    options = Options(tuple(subset) or None, limit, precision, choose_device(device), batch_tokens)
    checkpoint = find_checkpoint(model, base)
    plan = plan_evaluation(benchmark, checkpoint, data, options)
    store = Cache(cache or output.parent / ".cache")
    if store.has(plan.key):
        print(_summary(store.deliver(plan.key, output, samples)), file=sys.stderr)
        return
    with claim(store.directory, checkpoint.digest[:32], lambda: store.has(plan.key)) as mine:
        if not mine:
            print(_summary(store.deliver(plan.key, output, samples)), file=sys.stderr)
            return
        evaluator = Evaluator(checkpoint, options, store)
        evaluator.evaluate(plan)
        print(_summary(store.deliver(plan.key, output, samples)), file=sys.stderr)
        for name in others:
            try:
                further = plan_evaluation(name, checkpoint, data, options)
                if not store.has(further.key):
                    print(_summary(evaluator.evaluate(further)), file=sys.stderr)
            except InputError as error:  # the benchmark's own job will fail with it; this job's results are whole
                print(f"{name}: left to its own job: {error}", file=sys.stderr)


class Evaluator:
    """A loaded model and where its results go."""

    def __init__(self, checkpoint: Checkpoint, options: Options, store: Cache) -> None:
        from polytune.evaluation.harness import prepare_environment

        prepare_environment()
        started = time.monotonic()
        from polytune.evaluation.model import PolytuneLM

        self.checkpoint = checkpoint
        self.options = options
        self.store = store
        self.lm = PolytuneLM(
            str(checkpoint.directory),
            base=str(checkpoint.weights) if checkpoint.adapter else None,
            device=options.device,
            precision=options.precision,
            batch_tokens=options.batch_tokens,
        )
        self.seconds_loading = time.monotonic() - started

    def evaluate(self, plan: Plan) -> dict[str, Any]:
        """Evaluate one benchmark and store results and samples; return the results."""
        from polytune.evaluation.harness import evaluate_benchmark
        from polytune.evaluation.results import build_results, write_samples
        from polytune.provenance import provenance

        started = time.monotonic()
        chosen = plan.benchmark
        evaluated = evaluate_benchmark(self.lm, chosen, plan.data, plan.configurations, self.options.limit)
        languages = {configuration["task"]: language for language, configuration in plan.configurations.items()}
        header = {
            "benchmark": chosen.benchmark,
            "tasks": {language: task for task, language in languages.items()},
            "chance": chosen.chance,
            "data": {"hub_id": chosen.hub_id, "revision": chosen.revision, "split": chosen.split},
            "model": self.lm.get_model_info(),
            "key": plan.key,
            "digests": plan.digests,
            "provenance": provenance(*LIBRARIES, "numpy"),
            "seconds": {
                "loading": round(self.seconds_loading, 3),
                "evaluation": round(time.monotonic() - started, 3),
            },
        }
        results = build_results(evaluated, plan.configurations, header)
        self.store.store(plan.key, results, lambda path: write_samples(path, evaluated["samples"], languages))
        return results


def _split_list(text: str) -> list[str]:
    """Return the non-empty items of a comma-separated option."""
    return [item.strip() for item in text.split(",") if item.strip()]


def _summary(results: dict[str, Any]) -> str:
    """Return one line: accuracy by language and over all."""
    tasks, name = results["polytune"]["tasks"], results["polytune"]["benchmark"]
    accuracies = [f"{language} {results['results'][task]['acc,none']:.3f}" for language, task in tasks.items()]
    return f"{name}: accuracy {results['groups'][name]['acc,none']:.3f} ({', '.join(accuracies)})"
