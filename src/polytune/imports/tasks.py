"""Which benchmark and language a task of the harness is."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from polytune.config.benchmarks import Benchmark
from polytune.errors import InputError
from polytune.languages.codes import from_task_code

FORMER = {"xstory_cloze_": "xstorycloze_", "pawsx_": "paws_", "xstory_cloze": "xstorycloze", "paws-x": "pawsx"}
"""What version 0.3 of the harness called tasks and groups (or, of these, their beginnings)."""


@dataclass(frozen=True)
class Wanted:
    """A benchmark that is imported, under the name that its results have; languages (ours) default to the table's."""

    name: str
    benchmark: Benchmark
    languages: tuple[str, ...] = ()

    @property
    def expected(self) -> tuple[str, ...]:
        """Return the languages (ours) that a whole result has."""
        scheme = self.benchmark.code_scheme
        return self.languages or tuple(from_task_code(code, scheme) for code in self.benchmark.languages)

    def task(self, language: str) -> str:
        """Return the harness's name of one language's task."""
        codes = {from_task_code(code, self.benchmark.code_scheme): code for code in self.benchmark.languages}
        return self.benchmark.task_prefix + codes.get(language, language)


@dataclass
class Tasks:
    """Finds tasks by name; `unknown` are those of no benchmark that is wanted, by how often they were asked for."""

    wanted: Collection[Wanted]
    unknown: dict[str, int] = field(default_factory=dict)
    _found: dict[str, tuple[Wanted, str] | None] = field(default_factory=dict)

    def find(self, task: str) -> tuple[Wanted, str] | None:
        """Return what a task is of and its language (ours; empty for a group), None if it is not wanted."""
        if task not in self._found:
            self._found[task] = next(self._candidates(task), None)
        if self._found[task] is None:
            self.unknown[task] = self.unknown.get(task, 0) + 1
        return self._found[task]

    def _candidates(self, task: str) -> Iterable[tuple[Wanted, str]]:
        start = next((old for old in FORMER if task.startswith(old)), "")
        name = FORMER.get(start, "") + task.removeprefix(start)
        for wanted in self.wanted:
            row = wanted.benchmark
            if name in (row.benchmark, row.harness_folder):
                yield wanted, ""
            elif name.startswith(row.task_prefix):
                try:
                    language = from_task_code(name.removeprefix(row.task_prefix), row.code_scheme)
                except InputError:  # another task that begins like this one
                    continue
                if language in wanted.expected:
                    yield wanted, language
