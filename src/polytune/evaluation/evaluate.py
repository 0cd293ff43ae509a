"""`polytune evaluate`: evaluate a model on a benchmark with lm-evaluation-harness.

Nothing heavy is imported before it is known that something has to be computed, and no model is loaded before every row
of what is to be computed has been checked.
"""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import typer

from polytune.config.benchmarks import EVERY_TASK, Evaluation, find_benchmark
from polytune.config.settings import load_config, merge_config
from polytune.errors import InputError
from polytune.evaluation.cache import Cache
from polytune.evaluation.documents import Documents
from polytune.evaluation.plans import LIBRARIES, Options, Plan, plan_evaluation
from polytune.evaluation.results import build_results, summary, write_samples
from polytune.files import explain_failure
from polytune.languages.codes import split_languages
from polytune.machine import choose_device, is_out_of_memory
from polytune.models.directory import ModelDirectory

Precision = Literal["auto", "fp32", "bf16", "fp16"]


def command(
    model: Annotated[Path, typer.Option(help="Directory of full weights, or of an adapter that names its base.")],
    output: Annotated[Path, typer.Option(help="Results, in the harness's JSON layout.")],
    samples: Annotated[Path, typer.Option(help="Table with one row per item (parquet).")],
    benchmark: Annotated[str, typer.Option(help="Benchmark of config/benchmarks.tsv, or of --configfile.")] = "",
    data: Annotated[
        Path | None,
        typer.Option(
            help="Directory with data sets in folders named like their hub ids. Default: locations.benchmarks of "
            "--configfile."
        ),
    ] = None,
    loss: Annotated[
        str,
        typer.Option(
            help="Instead of a benchmark: files of instruction rows, {language} in their name; the loss on their "
            "outputs is measured, in nats per token."
        ),
    ] = "",
    template: Annotated[
        str, typer.Option(help="With --loss: prompt template. Default: the one that the model was tuned with.")
    ] = "",
    config: Annotated[
        Path | None,
        typer.Option("--configfile", help="Configuration that has the benchmark (own.benchmarks), or its data."),
    ] = None,
    base: Annotated[Path | None, typer.Option(help="Base of the adapter, instead of the one it names.")] = None,
    cache: Annotated[
        Path | None, typer.Option(help="Finished evaluations (default: .cache beside the output).")
    ] = None,
    languages: Annotated[
        str,
        typer.Option(
            help="Only these languages, comma-separated: by any names; all: also those that "
            "only task files have, as far as config/languages.tsv knows them. Default: the benchmark's."
        ),
    ] = "",
    items: Annotated[
        int | None,
        typer.Option(min=1, help="Only so many items of each language: a sample, the same in parallel languages."),
    ] = None,
    precision: Annotated[Precision, typer.Option(help="auto: fp32 on a CPU, the weights' own on a GPU.")] = "auto",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, ...")] = "auto",
    batch_tokens: Annotated[int, typer.Option(min=1, help="Tokens of a batch at most, padding included.")] = 8192,
) -> None:
    """Evaluate a model on a benchmark with lm-evaluation-harness, zero-shot; or its loss on rows of your own."""
    if bool(benchmark) == bool(loss):
        raise InputError("name what is measured: either --benchmark NAME --data DIR or --loss FILES")
    if loss:
        if any(option is not None for option in (data, config, cache)):
            raise InputError(
                "--loss: takes its rows from the files that it names; leave --data, --configfile, --cache out"
            )
        from polytune.evaluation.row_losses import RowLosses

        options = Options(precision, choose_device(device), batch_tokens)
        losses = RowLosses(loss, split_languages(languages, "--languages"), items, template)
        print(losses.measure(ModelDirectory.find(model, base), options, output, samples), file=sys.stderr)
        return
    if template:
        raise InputError("--template: belongs to --loss; a benchmark has the harness's own prompts")
    if config is not None:
        located = load_config(merge_config([config]), str(config))["locations"]["benchmarks"]
        data = data or (Path(located) if located else None)
    if data is None:
        raise InputError("--benchmark: the directory of its data is missing; name it: --data DIR")
    listed = tuple(code.strip() for code in languages.split(",") if code.strip())
    chosen = EVERY_TASK if listed == (EVERY_TASK,) else listed or None
    evaluation = Evaluation(benchmark, find_benchmark(benchmark), "directory", str(data), chosen, items)
    options = Options(precision, choose_device(device), batch_tokens)
    store = Cache(cache or output.parent / ".cache")
    faults = evaluate_all({(output, samples): evaluation}, ModelDirectory.find(model, base), options, store)
    if faults:
        raise InputError(faults[0][1])


def evaluate_all(
    evaluations: Mapping[tuple[Path, Path], Evaluation], model: ModelDirectory, options: Options, store: Cache
) -> list[tuple[str, str]]:
    """Compute what of these is not in the cache and deliver all to their files, (results, samples); return the faults.

    Everything is planned and its rows are read before the model is loaded, which happens only if something has to be
    computed. A fault, (evaluation, what is wrong), leaves the others as they are; what is finished stays in the cache.
    """
    model.digest  # noqa: B018 (a fault of the model is said once, not for every evaluation)
    faults: list[tuple[str, str]] = []
    waiting: list[tuple[tuple[Path, Path], Plan, dict[str, Documents]]] = []
    for files, evaluation in evaluations.items():
        name = f"{evaluation.origin}/{evaluation.name}"
        try:
            plan = plan_evaluation(evaluation, model, options)
            if not _deliver(store, plan, files, name):
                waiting.append((files, plan, plan.read_documents()))
        except (InputError, OSError) as error:
            faults.append((name, explain_failure(error) or str(error)))
    if not waiting:
        return faults
    try:
        evaluator = Evaluator(model, options)
    except InputError as error:
        return [*faults, ("model", str(error))]  # without it none of the others can be computed either
    for files, plan, documents in waiting:
        name = f"{plan.evaluation.origin}/{plan.evaluation.name}"
        try:
            if not _deliver(store, plan, files, name):  # two evaluations of one run may be the same
                evaluator.evaluate(plan, documents, store)
                _deliver(store, plan, files, name)
        except (InputError, OSError) as error:
            faults.append((name, explain_failure(error) or str(error)))
        except Exception as error:  # a lack of memory or a defect of ours: the others may still succeed
            if is_out_of_memory(error):
                faults.append(
                    (name, f"not enough memory; give the job more, or batches below {options.batch_tokens} tokens")
                )
                continue
            traceback.print_exc()
            faults.append((name, f"{type(error).__name__}: {error}"))
    return faults


def _deliver(store: Cache, plan: Plan, files: tuple[Path, Path], name: str) -> bool:
    """Copy the finished evaluation to its files and say what came out; return False if it is not finished."""
    results = store.find(plan.key)
    if results is None:
        return False
    store.deliver(plan.key, *files)
    print(f"{name}: {summary(results)}", file=sys.stderr, flush=True)
    return True


class Evaluator:
    """A loaded model."""

    def __init__(self, model: ModelDirectory, options: Options) -> None:
        from polytune.evaluation.harness import prepare_environment

        prepare_environment()
        started = time.monotonic()
        from polytune.evaluation.model import PolytuneLM

        self.options = options
        self.lm = PolytuneLM(
            str(model.directory),
            base=str(model.weights) if model.adapter else None,
            device=options.device,
            precision=options.precision,
            batch_tokens=options.batch_tokens,
        )
        self.seconds_loading = time.monotonic() - started

    def evaluate(self, plan: Plan, documents: dict[str, Documents], store: Cache) -> None:
        """Evaluate one benchmark and store results and samples."""
        from polytune.evaluation.harness import evaluate_benchmark
        from polytune.provenance import provenance

        started = time.monotonic()
        benchmark, configurations = plan.benchmark, plan.configurations
        evaluated = evaluate_benchmark(self.lm, benchmark, plan.data, configurations, documents)
        tasks = {language: configuration["task"] for language, configuration in configurations.items()}
        left_out = {
            language: len(documents[language]) - evaluated["n-samples"][task]["original"]
            for language, task in tasks.items()
        }
        header = {
            "benchmark": benchmark.benchmark,
            "tasks": tasks,
            "data": {"hub_id": benchmark.hub_id, "split": benchmark.split},
            "sample": plan.digests["options"]["limit"],
            "left_out": {language: count for language, count in left_out.items() if count},
            "model": self.lm.get_model_info(),
            "key": plan.key,
            "digests": plan.digests,
            "provenance": provenance(*LIBRARIES, "numpy"),
            "seconds": {
                "loading": round(self.seconds_loading, 3),
                "evaluation": round(time.monotonic() - started, 3),
            },
        }
        results = build_results(evaluated, configurations, header)
        languages = {task: language for language, task in tasks.items()}
        store.store(plan.key, results, lambda path: write_samples(path, evaluated["samples"], languages))
