"""The harness's own tasks on local data.

The task files are the installed harness's (and those of the data root's `tasks/` folder); nothing of them is copied.
Only where the rows come from is replaced, through the harness's `custom_dataset` hook, and only the folders that are
needed are indexed: the index of all bundled tasks takes seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polytune.config.benchmarks import EVERY_TASK, Benchmark
from polytune.errors import InputError, nearest
from polytune.evaluation.documents import Documents, find_files, read_documents
from polytune.files import digest, sha256_file
from polytune.languages import codes
from polytune.readers.text import say
from polytune.readers.yaml import read_mapping

if TYPE_CHECKING:
    from lm_eval.tasks.manager import TaskDict

OWN_TASKS = "tasks"
"""Folder of a data root with task files of its own, for languages that the harness has none for."""

ROW = "polytune_row"
"""Column that carries a row's number in the split through a task's `process_docs`, which may leave rows out."""


def harness_tasks_folder() -> Path:
    """Return the installed harness's folder of task files, without importing the harness."""
    spec = find_spec("lm_eval")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("lm_eval is not installed", name="lm_eval")
    return Path(spec.origin).parent / "tasks"


def task_folders(benchmark: Benchmark, data: Path) -> list[Path]:
    """Return the folders whose task files count for a benchmark; later ones override."""
    harness = harness_tasks_folder() / benchmark.harness_folder
    if not harness.is_dir():
        known = [path.name for path in harness_tasks_folder().iterdir() if path.is_dir()]
        hint = nearest(benchmark.harness_folder, known)
        raise InputError(f"{benchmark.benchmark}: harness_folder: no lm_eval/tasks/{benchmark.harness_folder}{hint}")
    return [folder for folder in (harness, data / OWN_TASKS) if folder.is_dir()]


def list_tasks(benchmark: Benchmark, data: Path, languages: Sequence[str] | str | None) -> dict[str, dict[str, Any]]:
    """Return the task configurations to evaluate by language (our codes), their includes resolved, functions as names.

    `languages` are codes (ours, the harness's or ISO 639-3), `all` for every task with the benchmark's prefix, or None
    for the languages of the benchmark. Reads YAML only: no harness code is imported. Raises `InputError` for an unknown
    language, a task without a file, and a task that is no multiple-choice task with the metric `acc`.
    """
    configurations = read_tasks(benchmark, data)
    where = " and ".join(_shown(folder) for folder in task_folders(benchmark, data))
    chosen = select_tasks(benchmark, sorted(configurations), languages, where)
    for task in chosen.values():
        _check_task(configurations[task])
    return {language: configurations[task] for language, task in chosen.items()}


def read_tasks(benchmark: Benchmark, data: Path) -> dict[str, dict[str, Any]]:
    """Return the configurations of all task files that count for a benchmark, by the task's name."""
    configurations: dict[str, dict[str, Any]] = {}
    for folder in task_folders(benchmark, data):
        for path in sorted(folder.rglob("*.yaml")):
            content = _read_task_file(path)
            if isinstance(content.get("task"), str):
                metadata = content.get("metadata")
                content["metadata"] = {**(metadata if isinstance(metadata, dict) else {}), "config_source": str(path)}
                configurations[content["task"]] = content
    return configurations


def select_tasks(
    benchmark: Benchmark, available: list[str], languages: Sequence[str] | str | None, where: str
) -> dict[str, str]:
    """Return the tasks to evaluate by language (our codes).

    `available` are the names of all task files, sorted; `where` names the places that were searched, for messages.
    """
    prefix = benchmark.task_prefix

    def is_known(task: str) -> bool:
        """Return whether the table of languages has the task's language: others can be no part of a choice."""
        try:
            return bool(codes.from_task_code(task.removeprefix(prefix), benchmark.code_scheme))
        except InputError:
            return False

    def is_called(task: str) -> bool:
        """Return whether a language is called so, though not in such names: then the file's name is a mistake."""
        return codes.known_code(task.removeprefix(prefix)) is not None

    names = [prefix + code for code in benchmark.languages]
    if languages is None:
        if missing := [name for name in names if name not in available]:
            raise InputError(f"{where}: no task file for '{missing[0]}'{nearest(missing[0], available)}")
    elif languages == EVERY_TASK:
        names = [name for name in available if name.startswith(prefix)]
        if unknown := [name for name in names if not is_known(name) and not is_called(name)]:
            names = [name for name in names if name not in unknown]
            say(
                f"{benchmark.benchmark}: left out, since config/languages.tsv has no such language: {' '.join(unknown)}"
            )
        if not names:
            raise InputError(f"{where}: no task files named '{prefix}...' for benchmark {benchmark.benchmark}")
    else:
        own = [name for name in available if name.startswith(prefix) and name not in names]
        names = [name for name in (*names, *filter(is_known, own)) if name in available]
    tasks: dict[str, str] = {}
    for name in names:
        language = codes.from_task_code(name.removeprefix(prefix), benchmark.code_scheme)
        if language in tasks:
            raise InputError(f"{where}: the tasks '{tasks[language]}' and '{name}' are both of language '{language}'")
        tasks[language] = name
    if languages is None or languages == EVERY_TASK:
        return tasks
    wanted = {find_language(benchmark, code, tasks) for code in languages}
    return {language: task for language, task in tasks.items() if language in wanted}


def find_language(benchmark: Benchmark, code: str, offered: Collection[str]) -> str:
    """Return our code of a language of the benchmark; `offered` are its languages, by our codes.

    Raises `InputError` that says which language was understood, or what was near.
    """
    try:
        language = codes.find_code(code)
    except InputError:
        language = ""
    if language in offered:
        return language
    hint = f"{codes.say_meant(code)}; it has: {' '.join(offered)}"
    raise InputError(f"languages: {benchmark.benchmark} has no language '{code}'{hint}")


def task_digest(benchmark: Benchmark, data: Path, configurations: dict[str, dict[str, Any]]) -> str:
    """Return a digest of what decides what the tasks do: their files' content, includes resolved, and Python code."""
    content = [
        {**task, "metadata": {key: value for key, value in task["metadata"].items() if key != "config_source"}}
        for task in configurations.values()
    ]
    code = [sha256_file(path) for folder in task_folders(benchmark, data) for path in sorted(folder.rglob("*.py"))]
    return digest({"tasks": content, "code": code})


def evaluated_split(configuration: dict[str, Any]) -> str:
    """Return the split that the harness evaluates: `test_split`, else `validation_split`."""
    return configuration.get("test_split") or configuration["validation_split"]


def data_files(benchmark: Benchmark, data: Path, configurations: dict[str, dict[str, Any]]) -> dict[str, list[Path]]:
    """Return the data files that the tasks read, by language."""
    return {
        language: find_files(data / benchmark.hub_id, configuration["dataset_name"], evaluated_split(configuration))
        for language, configuration in configurations.items()
    }


def read_rows(benchmark: Benchmark, data: Path, configurations: dict[str, dict[str, Any]]) -> dict[str, Documents]:
    """Return the rows that the tasks read, by language, all of them checked (`documents.read_documents`)."""
    return {
        language: read_documents(
            data / benchmark.hub_id, configuration["dataset_name"], evaluated_split(configuration), benchmark.fields
        )
        for language, configuration in configurations.items()
    }


def load_tasks(
    benchmark: Benchmark,
    data: Path,
    configurations: dict[str, dict[str, Any]],
    documents: Mapping[str, Documents],
) -> TaskDict:
    """Build the harness's task objects on these rows (`read_rows`), in a group that is named like the benchmark.

    Raises `InputError` for task files and rows that the harness cannot make tasks of.
    """
    from lm_eval.api.group import Group
    from lm_eval.config.group import AggMetricConfig
    from lm_eval.tasks import TaskManager

    manager = TaskManager(include_path=task_folders(benchmark, data), include_defaults=False)
    group = Group(benchmark.benchmark, aggregate_metric_list=[AggMetricConfig("acc", weight_by_size=True)])
    tasks = {}
    for language, configuration in configurations.items():
        give = _give(evaluated_split(configuration), documents[language], bool(configuration.get("process_docs")))
        # Zero-shot: an empty list of examples keeps the harness from reading the training split for them.
        examples = {"fewshot_split": None, "fewshot_config": {"samples": []}}
        member = {"task": configuration["task"], "custom_dataset": give, **examples}
        try:
            [task] = manager.load([{"group": benchmark.benchmark, "task": [member]}])["tasks"].values()
        except Exception as error:  # the task files' own functions and templates, on the user's rows
            raise InputError(
                f"{data / benchmark.hub_id}: {configuration['dataset_name']}: the harness cannot make the task "
                f"'{configuration['task']}' of these rows: {type(error).__name__}: {error}"
            ) from error
        task.set_config(key="num_fewshot", value=0)
        group.add(task)
        tasks[task.task_name] = task
    return {"tasks": tasks, "groups": {group.name: group}, "group_map": {group.name: group.child_names}}


def _give(split: str, documents: Documents, processed: bool) -> Callable[..., dict[str, Any]]:
    """Return what the harness calls with the task's metadata for its data.

    A task that processes its rows gets a `datasets.Dataset`, whose methods it may use, with the rows' numbers.
    """

    def give(**_metadata: Any) -> dict[str, Any]:
        if not processed:
            return {split: documents}
        from datasets import Dataset

        numbered = zip(documents.numbers, documents, strict=True)
        return {split: Dataset.from_list([{**row, ROW: number} for number, row in numbered])}

    return give


def _check_task(configuration: dict[str, Any]) -> None:
    """Refuse a task that this stage cannot evaluate, before the harness meets it."""
    where = f"{configuration['metadata']['config_source']}: task '{configuration['task']}'"
    if configuration.get("output_type") != "multiple_choice":
        raise InputError(f"{where}: output_type is {configuration.get('output_type')!r}; it must be multiple_choice")
    metrics = configuration.get("metric_list") or []
    if "acc" not in [metric.get("metric") for metric in metrics if isinstance(metric, dict)]:
        raise InputError(f"{where}: metric_list lacks the metric acc")
    name = configuration.get("dataset_name")
    if not isinstance(name, str) or not name:
        raise InputError(f"{where}: dataset_name is {name!r}; it must name a part of the data set, in quotes")
    split = configuration.get("test_split") or configuration.get("validation_split")
    if not isinstance(split, str):
        raise InputError(f"{where}: neither test_split nor validation_split names what is evaluated")


def _read_task_file(path: Path, including: tuple[Path, ...] = ()) -> dict[str, Any]:
    """Read a task file with its includes, leaving `!function` names as text."""
    if path in including:
        raise InputError(f"{path}: includes itself")
    content = read_mapping(path, ["!function"])
    includes = content.pop("include", None) or []
    merged: dict[str, Any] = {}
    for include in [includes] if isinstance(includes, str) else includes:
        merged |= _read_task_file(path.parent / str(include), (*including, path))
    return merged | content


def _shown(folder: Path) -> str:
    """Return a folder as a message names it: the harness's without the path of the installation."""
    root = harness_tasks_folder()
    return f"lm_eval/tasks/{folder.relative_to(root)}" if folder.is_relative_to(root) else str(folder)
