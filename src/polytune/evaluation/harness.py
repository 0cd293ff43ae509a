"""Run the harness on one benchmark with a loaded model."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polytune.config.benchmarks import Benchmark
from polytune.errors import InputError, shown
from polytune.evaluation.documents import Documents
from polytune.evaluation.tasks import ROW, evaluated_split, load_tasks, read_rows

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
    lm: LM,
    benchmark: Benchmark,
    data: Path,
    configurations: dict[str, dict[str, Any]],
    documents: Mapping[str, Documents] | None = None,
) -> dict[str, Any]:
    """Return what `lm_eval.evaluator.evaluate` returns, samples included.

    Every sample has its target choice as `gold`, and as `doc_id` the number of its row in the split, from 0, also where
    the task leaves rows out. `configurations` are the tasks by language (`tasks.list_tasks`), `documents`
    the rows by language where they have been read already, all of a split or some.
    """
    from lm_eval.evaluator import evaluate

    _remember_templates()
    documents = documents or read_rows(benchmark, data, configurations)
    loaded = load_tasks(benchmark, data, configurations, documents)
    golds, rows = {}, {}
    for language, configuration in configurations.items():
        name = configuration["task"]
        task = loaded["tasks"][name]
        rows[name] = _process_documents_once(task, evaluated_split(configuration), documents[language])
        golds[name] = _find_targets(task, data / benchmark.hub_id)
    evaluated = evaluate(lm=lm, task_dict=loaded, log_samples=True)
    for name, samples in evaluated["samples"].items():
        for sample in samples:
            sample["gold"] = golds[name][sample["doc_id"]]
            sample["doc_id"] = rows[name][sample["doc_id"]]
    return evaluated


def _remember_templates() -> None:
    """Compile each prompt template once: the harness does it for every document, which takes most of its time."""
    from lm_eval import utils

    if not hasattr(utils.env.from_string, "cache_info"):
        utils.env.from_string = cache(utils.env.from_string)


def _process_documents_once(task: ConfigurableTask, split: str, given: Documents) -> Sequence[int]:
    """Replace a task's rows by the result of its `process_docs`, which the harness computes at every access.

    Returns each remaining row's number in the split; if the task makes rows of its own, their numbers in its list.
    """
    numbers = given.numbers
    if task.config.process_docs is not None:
        rows = list(task.task_docs)  # what the constructor made of them
        numbers = [row.pop(ROW) for row in rows] if all(ROW in row for row in rows) else range(len(rows))
        task.dataset = {split: Documents(rows, rows[0])}
        task.config.process_docs = None
    return numbers


def _find_targets(task: ConfigurableTask, directory: Path) -> list[int]:
    """Return the number of the right choice of every document.

    Their choices are remembered: the harness would render them three times more, which takes longer than reading them.
    Raises `InputError` for a document of which the task makes no choices, and where the answer is no number of a
    choice: the harness would end in its own error, only warn, or silently count it as wrong.
    """
    targets, remembered, render = [], {}, task.doc_to_choice
    for number, document in enumerate(task.eval_docs):
        where = f"{directory}: {task.config.dataset_name}, item {number}"
        try:
            choices = remembered[id(document)] = render(document)
            text, target = task.doc_to_text(document), task.doc_to_target(document)
        except Exception as error:  # the task files' own functions and templates, on the user's rows
            raise InputError(
                f"{where}: the task '{task.config.task}' makes no question of it: {type(error).__name__}: {error}"
            ) from error
        if task.multiple_input:  # several contexts and one continuation (XWinograd): the harness has the answer here
            target = text
        # a published benchmark may have an empty choice (TruthfulQA); whether it may is said in `columns`
        if not isinstance(choices, list) or not all(isinstance(choice, str) for choice in choices):
            raise InputError(f"{where}: its choices are {shown(choices)}; it must be a list of texts")
        if not isinstance(target, int) or not 0 <= target < len(choices):
            raise InputError(
                f"{where}: the answer is {target!r}; it must name one of {len(choices)} choices (an unlabelled split?)"
            )
        targets.append(target)
    task.doc_to_choice = lambda document, *given: remembered.get(id(document)) or render(document, *given)
    return targets
