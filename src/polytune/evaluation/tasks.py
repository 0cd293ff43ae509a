"""The harness's own tasks on local data.

The task files are the installed harness's (and those of the data root's `tasks/` folder); nothing of them is copied.
Only where the rows come from is replaced, through the harness's `custom_dataset` hook, and only the folders that are
needed are indexed: the index of all bundled tasks takes seconds.
"""

from __future__ import annotations

from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polytune.config.benchmarks import Benchmark, select_tasks
from polytune.errors import InputError
from polytune.evaluation.documents import find_files, read_documents

if TYPE_CHECKING:
    from lm_eval.tasks.manager import TaskDict

OWN_TASKS = "tasks"
"""Folder of a data root with task files of its own, for languages that the harness has none for."""


def harness_tasks_folder() -> Path:
    """Return the installed harness's folder of task files, without importing the harness."""
    spec = find_spec("lm_eval")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("lm_eval is not installed", name="lm_eval")
    return Path(spec.origin).parent / "tasks"


def task_folders(benchmark: Benchmark, data: Path) -> list[Path]:
    """Return the folders whose task files count for a benchmark; later ones override."""
    folders = [harness_tasks_folder() / benchmark.harness_folder]
    if (data / OWN_TASKS).is_dir():
        folders.append(data / OWN_TASKS)
    return folders


def task_files(benchmark: Benchmark, data: Path) -> list[Path]:
    """Return every file in the benchmark's task folders that can change what a task does."""
    found = []
    for folder in task_folders(benchmark, data):
        found += sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return found


def list_tasks(benchmark: Benchmark, data: Path, languages: list[str] | None) -> dict[str, dict[str, Any]]:
    """Return the task configurations to evaluate by language (our codes), their includes resolved, functions as names.

    Reads YAML only: no harness code is imported. Raises `InputError` for an unknown language or a task without a file.
    """
    configurations: dict[str, dict[str, Any]] = {}
    for folder in task_folders(benchmark, data):
        for path in sorted(folder.rglob("*.yaml")):
            content = _read_task_file(path)
            if isinstance(content.get("task"), str):
                content["metadata"] = {**(content.get("metadata") or {}), "config_source": str(path)}
                configurations[content["task"]] = content
    where = " and ".join(_shown(folder) for folder in task_folders(benchmark, data))
    chosen = select_tasks(benchmark, sorted(configurations), languages, where)
    if not chosen:
        raise InputError(
            f"{where}: no task files named '{benchmark.task_prefix}...' for benchmark {benchmark.benchmark}"
        )
    return {language: configurations[task] for language, task in chosen.items()}


def evaluated_split(configuration: dict[str, Any]) -> str:
    """Return the split that the harness evaluates: `test_split`, else `validation_split`."""
    return configuration.get("test_split") or configuration["validation_split"]


def data_files(benchmark: Benchmark, data: Path, configurations: dict[str, dict[str, Any]]) -> list[Path]:
    """Return the data files that the tasks read."""
    return [
        path
        for configuration in configurations.values()
        for path in find_files(data / benchmark.hub_id, configuration["dataset_name"], evaluated_split(configuration))
    ]


def load_tasks(benchmark: Benchmark, data: Path, configurations: dict[str, dict[str, Any]]) -> TaskDict:
    """Build the harness's task objects, in a group that is named like the benchmark, with their rows loaded."""
    from lm_eval.api.group import Group
    from lm_eval.config.group import AggMetricConfig
    from lm_eval.tasks import TaskManager

    manager = TaskManager(include_path=task_folders(benchmark, data), include_defaults=False)
    members = []
    for configuration in configurations.values():
        split = evaluated_split(configuration)
        read = partial(
            _load_split, data / benchmark.hub_id, configuration["dataset_name"], split, benchmark.columns,
            bool(configuration.get("process_docs")),
        )  # fmt: skip
        # Zero-shot: an empty list of examples keeps the harness from reading the training split for them.
        members.append({"task": configuration["task"], "custom_dataset": read, "fewshot_config": {"samples": []}})
    tasks = manager.load([{"group": benchmark.benchmark, "task": members}])["tasks"]
    group = Group(benchmark.benchmark, aggregate_metric_list=[AggMetricConfig("acc", weight_by_size=True)])
    for task in tasks.values():
        task.set_config(key="num_fewshot", value=0)
        group.add(task)
    return {"tasks": tasks, "groups": {group.name: group}, "group_map": {group.name: group.child_names}}


def _load_split(directory: Path, config: str, split: str, columns: tuple[str, ...], processed: bool, **_metadata: Any):
    """Return `{split: rows}`; a task that processes its rows gets a `datasets.Dataset`, whose methods it may use."""
    documents = read_documents(directory, config, split, columns)
    if not processed:
        return {split: documents}
    from datasets import Dataset

    return {split: Dataset.from_list(list(documents))}


def _read_task_file(path: Path) -> dict[str, Any]:
    """Read a task file with its includes, leaving `!function` names as text."""
    import yaml

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        """YAML with the harness's one tag."""

    Loader.add_constructor("!function", lambda loader, node: loader.construct_scalar(node))
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=Loader)
    except yaml.YAMLError as error:
        raise InputError(f"{path}: not valid YAML: {error}") from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: not a task file: its top level must be a mapping")
    includes = content.pop("include", [])
    merged: dict[str, Any] = {}
    for include in [includes] if isinstance(includes, str) else includes:
        merged |= _read_task_file(path.parent / include)
    return merged | content


def _shown(folder: Path) -> str:
    """Return a folder as a message names it: the harness's without the path of the installation."""
    root = harness_tasks_folder()
    return f"lm_eval/tasks/{folder.relative_to(root)}" if folder.is_relative_to(root) else str(folder)
