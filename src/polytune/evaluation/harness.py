"""Run the harness on one benchmark with a loaded model."""

from __future__ import annotations

import logging
import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polytune.config.benchmarks import Benchmark
from polytune.errors import InputError
from polytune.evaluation.documents import Documents
from polytune.evaluation.tasks import evaluated_split, load_tasks

if TYPE_CHECKING:
    from lm_eval.api.model import LM
    from lm_eval.api.task import ConfigurableTask


def prepare_environment() -> None:
    """Set what the harness and its libraries read when they are imported: offline, without bars of their own."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["HF_DATASETS_OFFLINE"] = "1"
    os.environ["TQDM_DISABLE"] = "1"  # the default of bars; ours say otherwise
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    # The harness warns for every task about defaults that its own task files rely on.
    logging.getLogger("lm_eval").setLevel(logging.ERROR)


def register_model_class() -> None:
    """Tell the harness where its model class `polytune` is; it is imported when it is asked for."""
    import lm_eval.models  # noqa: F401 (registers the harness's own, which it does only as long as there are none)
    from lm_eval.api.registry import model_registry

    if "polytune" not in model_registry:
        model_registry.register("polytune", target="polytune.evaluation.model:PolytuneLM")


def evaluate_benchmark(
    lm: LM, benchmark: Benchmark, data: Path, configurations: dict[str, dict[str, Any]], limit: int | None
) -> dict[str, Any]:
    """Return what `lm_eval.evaluator.evaluate` returns, samples included; every sample has its target choice as `gold`.

    `configurations` are the tasks by language (`tasks.list_tasks`), `limit` the number of items per task (None: all).
    """
    from lm_eval.evaluator import evaluate

    _remember_templates()
    loaded = load_tasks(benchmark, data, configurations)
    golds = {}
    for configuration in configurations.values():
        task = loaded["tasks"][configuration["task"]]
        _process_documents_once(task, evaluated_split(configuration))
        golds[task.task_name] = _find_targets(task, data / benchmark.hub_id)
    evaluated = evaluate(lm=lm, task_dict=loaded, limit=limit, log_samples=True)
    for task_name, samples in evaluated["samples"].items():
        for sample in samples:
            sample["gold"] = golds[task_name][sample["doc_id"]]
    return evaluated


def _remember_templates() -> None:
    """Compile each prompt template once: the harness does it for every document, which takes most of its time."""
    from lm_eval import utils

    if not hasattr(utils.env.from_string, "cache_info"):
        utils.env.from_string = cache(utils.env.from_string)


def _process_documents_once(task: ConfigurableTask, split: str) -> None:
    """Replace a task's rows by the result of its `process_docs`, which the harness computes at every access."""
    if task.config.process_docs is not None:
        documents = task.eval_docs
        task.dataset = {split: Documents(list(documents), documents.column_names)}
        task.config.process_docs = None


def _find_targets(task: ConfigurableTask, directory: Path) -> list[int]:
    """Return the number of the right choice of every document.

    Raises `InputError` where it is no number of a choice: the harness would only warn, or silently count it as wrong.
    """
    choices = len(task.doc_to_choice(task.eval_docs[0]))
    targets = []
    for number, document in enumerate(task.eval_docs):
        # tasks with several contexts and one continuation (XWinograd) keep the answer in the harness's `doc_to_text`
        target = task.doc_to_text(document) if task.multiple_input else task.doc_to_target(document)
        if not isinstance(target, int) or not 0 <= target < choices:
            raise InputError(
                f"{directory}: {task.config.dataset_name}, item {number}: the answer is {target!r}; "
                f"it must name one of {choices} choices (an unlabelled split?)"
            )
        targets.append(target)
    return targets
