"""The table of benchmarks (`config/benchmarks.tsv`): which of the harness's tasks they are, and their data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from polytune import ROOT
from polytune.errors import InputError, nearest
from polytune.files import read_tsv
from polytune.languages import codes

EVERY_TASK = "*"
"""In the column `languages`: every task with the benchmark's prefix, the data directory's own task files included."""


@dataclass(frozen=True)
class Benchmark:
    """One row of the table: a family of multiple-choice tasks, one per language."""

    benchmark: str
    harness_folder: str
    """Folder of the harness's task files, below `lm_eval/tasks`."""
    task_prefix: str
    """A task is this prefix followed by the harness's language code."""
    hub_id: str
    """Data set on the Hugging Face hub, as the harness's task files name it; also the folder below the data root."""
    revision: str
    split: str
    """The split that is evaluated."""
    chance: float
    """Accuracy of guessing."""
    languages: tuple[str, ...]
    """The harness's language codes, or `("*",)`."""
    columns: tuple[str, ...]
    """Columns of the data that the tasks read."""

    def language(self, task: str) -> str:
        """Return the language (our code) of a task of this benchmark: `xwinograd_jp` is `ja`."""
        return codes.from_task_code(task.removeprefix(self.task_prefix), self.benchmark)


def table_path() -> Path:
    """Return the path of the table in the checkout that Polytune runs from."""
    return ROOT / "config" / "benchmarks.tsv"


def benchmarks(path: Path | str | None = None) -> dict[str, Benchmark]:
    """Return every benchmark of the table by name, in the table's order."""
    table = {}
    for row in read_tsv(path or table_path()):
        lists = {column: tuple(row[column].split()) for column in ("languages", "columns")}
        table[row["benchmark"]] = Benchmark(**{**row, "chance": float(row["chance"]), **lists})
    return table


def find_benchmark(name: str, option: str = "--benchmark") -> Benchmark:
    """Return one benchmark; an unknown one is an `InputError` that names the nearest."""
    table = benchmarks()
    if name not in table:
        raise InputError(f"{option}: no benchmark '{name}'{nearest(name, table)}; there are: {', '.join(table)}")
    return table[name]


def select_tasks(chosen: Benchmark, available: list[str], languages: list[str] | None, where: str) -> dict[str, str]:
    """Return the tasks to evaluate by language (our codes), in the table's order.

    `available` are the names of all task files found, `languages` an optional subset of our codes, `where` names the
    places that were searched, for messages. Raises `InputError` for a language that the benchmark lacks and for a
    task that has no file.
    """
    if chosen.languages == (EVERY_TASK,):
        names = [name for name in available if name.startswith(chosen.task_prefix)]
    else:
        names = [chosen.task_prefix + code for code in chosen.languages]
    if missing := [name for name in names if name not in available]:
        raise InputError(f"{where}: no task file for '{missing[0]}'{nearest(missing[0], available)}")
    tasks = {chosen.language(name): name for name in names}
    if languages is None:
        return tasks
    for language in languages:
        if language not in tasks:
            hint = nearest(language, tasks)
            raise InputError(
                f"--languages: {chosen.benchmark} has no language '{language}'{hint}; it has: {' '.join(tasks)}"
            )
    return {language: task for language, task in tasks.items() if language in languages}
