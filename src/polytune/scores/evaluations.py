"""The result files of lm-evaluation-harness, read strictly: same harness, same tasks, same items, or no table."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from polytune.config.settings import table_row
from polytune.errors import InputError
from polytune.files import read_json, sha256_file
from polytune.languages.codes import from_task_code


@dataclass(frozen=True)
class Score:
    """One metric of one language (or of the harness's group): mean over `items`, with its standard error."""

    value: float
    stderr: float
    items: int


@dataclass(frozen=True)
class Evaluation:
    """One result file. `scores` and `groups` are by metric; `scores` also by language (our code)."""

    path: Path
    scores: dict[str, dict[str, Score]]
    groups: dict[str, float]
    versions: dict[str, Any]
    digest: str


def read_evaluation(path: Path, benchmark: str) -> Evaluation:
    """Read one result file of the harness.

    Only metrics of the filter `none` keep their plain name (`acc`); the others are called `metric,filter`.
    Raises `InputError` if the file is not the harness's, or holds a task of another benchmark, or none.
    """
    content = read_json(path)
    for key in ("results", "configs", "versions", "n-shot", "n-samples"):
        if key not in content:
            raise InputError(f"{path}: not a result of lm-evaluation-harness: key '{key}' is missing")
    prefix = table_row("benchmarks", benchmark, str(path))["task_prefix"]
    scores: dict[str, dict[str, Score]] = {}
    versions: dict[str, Any] = {"lm-eval": harness_version(content, path)}
    for task, results in content["results"].items():
        if task not in content["configs"]:
            continue  # the harness's group row
        if not task.startswith(prefix):
            raise InputError(
                f"{path}: task '{task}' does not belong to '{benchmark}' (its tasks begin with '{prefix}')"
            )
        language = from_task_code(task.removeprefix(prefix), benchmark)
        items = int(content["n-samples"][task]["effective"])
        versions[task] = {
            "version": content["versions"][task],
            "shots": content["n-shot"][task],
            "items": items,
            "hash": content.get("task_hashes", {}).get(task),  # of every item's prompt and answer
        }
        for name, value, stderr in _metrics(results):
            scores.setdefault(name, {})[language] = Score(value, stderr, items)
    if not scores:
        raise InputError(f"{path}: no task of '{benchmark}' among: {', '.join(content['results'])}")
    groups = {name: value for name, value, _ in _metrics(content.get("groups", {}).get(benchmark, {}))}
    return Evaluation(Path(path), scores, groups, versions, sha256_file(path))


def harness_version(content: dict, path: Path | str) -> str:
    """Return the version of lm-evaluation-harness that wrote a result; raises `InputError` if it does not say."""
    recorded = content.get("lm_eval_version") or content.get("polytune", {}).get("provenance", {}).get(
        "libraries", {}
    ).get("lm-eval")
    if not recorded:
        raise InputError(f"{path}: the version of lm-evaluation-harness is not recorded; evaluate again")
    return str(recorded)


def check_same_versions(first: Evaluation, other: Evaluation, benchmark: str) -> None:
    """Refuse to merge results of a benchmark that differ in harness, task version, shots, languages, items or prompts.

    Scores of different versions of a task are not comparable (PAWS-X of version 0 and of 1.0, for one).
    """
    if first.versions == other.versions:
        return
    for key in sorted(first.versions.keys() | other.versions.keys()):
        mine, theirs = (json.dumps(file.versions.get(key, "absent")) for file in (first, other))
        if mine != theirs:
            raise InputError(
                f"{other.path}: {benchmark}: '{key}' is {theirs}, but {mine} in {first.path}; "
                "such scores must not stand in one table: evaluate one of the two again"
            )


def _metrics(results: dict[str, Any]) -> list[tuple[str, float, float]]:
    """Return (metric, value, standard error or NaN) of one task's or group's results."""
    found = []
    for key, value in results.items():
        metric, _, filter_name = key.partition(",")
        if filter_name and not metric.endswith("_stderr"):
            stderr = results.get(f"{metric}_stderr,{filter_name}")
            name = metric if filter_name == "none" else key
            found.append((name, float(value), float(stderr) if isinstance(stderr, int | float) else math.nan))
    return found
