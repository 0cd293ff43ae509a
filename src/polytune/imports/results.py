"""Result files of lm-evaluation-harness: version 0.3 (`acc` beside `acc_stderr`) and 0.4 (`acc,none`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from polytune.errors import InputError, shown
from polytune.files import sha256_file
from polytune.imports.printed import MISSING, Printed, ResultFile, count_of, measure_name, number_of
from polytune.readers.json import line_of, scan, skip_space
from polytune.readers.text import read_text

STDERR = "_stderr"
NO_METRIC = ("alias", "name", "samples", "sample_len", "sample_count", " ")
"""Keys of a task's results that are no metrics, in one version or another."""


def read_results(path: Path) -> ResultFile | None:
    """Return the results of a file, None if it is JSON of another sort (a model's configuration, for one).

    Raises `InputError` naming file and key for JSON that is broken or cut, and for values that are no numbers.
    """
    text = read_text(path)
    content, _ = scan(text, skip_space(text), str(path))
    if not isinstance(content, dict) or not isinstance(content.get("results"), dict):
        return None
    printed = []
    for task, metrics in content["results"].items():
        if not isinstance(metrics, dict):
            raise InputError(f"{path}: results.{task} is {shown(metrics)}, expected a mapping of metrics")
        line = line_of(text, max(0, text.find(f'"{task}"')))
        printed += _read_task(content, task, metrics, line, f"{path}: results.{task}")
    limit = _of_task(content, "config", "limit")
    return ResultFile(path, sha256_file(path), tuple(printed), _harness(content), "" if limit is None else str(limit))


def _read_task(content: dict, task: str, metrics: dict, line: int, place: str) -> list[Printed]:
    """Return the numbers of one task or group."""
    counts = _of_task(content, "n-samples", task)
    shots = _of_task(content, "n-shot", task)
    if shots is None:
        shots = _of_task(content, "config", "num_fewshot")
    version = _of_task(content, "versions", task)
    items = counts.get("effective") if isinstance(counts, dict) else metrics.get("sample_len")
    found = []
    for key, value in metrics.items():
        metric, _, filter_name = key.partition(",")
        if metric in NO_METRIC or metric.endswith(STDERR):
            continue
        stderr = metrics.get(f"{metric}{STDERR},{filter_name}" if filter_name else f"{metric}{STDERR}")
        found.append(
            Printed(
                task=task,
                measure=measure_name(metric, filter_name),
                value=number_of(value, f"{place}.{key}"),
                line=line,
                stderr=number_of(stderr, f"{place}: standard error of {key}"),
                version="" if version in MISSING else str(version),
                shots="" if shots is None else str(shots),
                items=count_of(items),
            )
        )
    return found


def _of_task(content: dict, key: str, task: str) -> Any:
    """Return what a table of the file says of a task (or a setting); older files lack some."""
    table = content.get(key)
    return table.get(task) if isinstance(table, dict) else None


def _harness(content: dict) -> str:
    """Return the harness's version, or the commit that older ones wrote instead."""
    own = content.get("polytune")
    libraries = own.get("provenance", {}).get("libraries", {}) if isinstance(own, dict) else {}
    version = content.get("lm_eval_version") or libraries.get("lm-eval")
    commit = content.get("git_hash")
    return str(version) if version else f"git {commit}" if commit else ""
