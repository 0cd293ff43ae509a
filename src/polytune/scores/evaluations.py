"""The result files of `polytune evaluate`, read strictly: same harness, same tasks, same items, or no table."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from polytune.errors import InputError
from polytune.files import read_json, sha256_file


@dataclass(frozen=True)
class Score:
    """One measure of one language (or a mean of languages): mean over `items`, its standard error NaN if unknown."""

    value: float
    stderr: float
    items: int
    shared: int | None = None
    """How many of the items are independent, if not all: translations and turns of one question succeed together."""

    @property
    def clusters(self) -> int:
        """Return the number of independent items."""
        return self.items if self.shared is None else self.shared


@dataclass(frozen=True)
class Evaluation:
    """One result file. `scores` and `groups` are by metric; `scores` also by language (our code)."""

    path: Path
    scores: dict[str, dict[str, Score]]
    groups: dict[str, float]
    versions: dict[str, Any]
    digest: str
    imported: bool = False
    """Whether it is what `polytune import` has read, rounded as it was printed."""

    @property
    def samples(self) -> Path:
        """Return the file of its items."""
        return self.path.with_name(f"{self.path.stem}.samples.parquet")


def read_evaluation(path: Path, name: str) -> Evaluation:
    """Read one result file, in the harness's layout with the header `polytune` that says which task is which language.

    Only metrics of the filter `none` keep their plain name (`acc`); the others are called `metric,filter`. Raises
    `InputError` if the file is not of that layout, holds a task that its header does not name, or a value that is
    not finite.
    """
    content = read_json(path)
    for key in ("results", "configs", "versions", "n-shot", "n-samples"):
        if key not in content:
            raise InputError(f"{path}: not a result of lm-evaluation-harness: key '{key}' is missing")
    header = content.get("polytune", {})
    if not header.get("tasks"):
        raise InputError(f"{path}: key 'polytune.tasks' is missing: not a result of polytune evaluate; evaluate again")
    languages = {task: language for language, task in header["tasks"].items()}
    found = [task for task in content["results"] if task in content["configs"]]  # the others are the harness's groups
    for task in found:
        if task not in languages:
            raise InputError(f"{path}: task '{task}' does not belong to '{name}' (its tasks: {', '.join(languages)})")
    if not found:
        raise InputError(f"{path}: no task of '{name}' among: {', '.join(content['results'])}")
    scores: dict[str, dict[str, Score]] = {}
    versions: dict[str, Any] = {"lm-eval": harness_version(content, path)}
    for task in found:
        items = int(content["n-samples"][task]["effective"])
        versions[task] = {
            "version": content["versions"][task],
            "shots": content["n-shot"][task],
            "items": items,
            "hash": content.get("task_hashes", {}).get(task),  # of every item's prompt and answer
        }
        for metric, value, stderr in _metrics(content["results"][task], f"{path}: results.{task}"):
            scores.setdefault(metric, {})[languages[task]] = Score(value, stderr, items)
    groups = content.get("groups", {})
    group = groups.get(header.get("benchmark"), groups.get(name, {}))
    printed = {metric: value for metric, value, _ in _metrics(group, f"{path}: groups.{name}")}
    return Evaluation(Path(path), scores, printed, versions, sha256_file(path))


def harness_version(content: dict, path: Path | str) -> str:
    """Return the version of lm-evaluation-harness that wrote a result; raises `InputError` if it does not say."""
    recorded = content.get("lm_eval_version") or content.get("polytune", {}).get("provenance", {}).get(
        "libraries", {}
    ).get("lm-eval")
    if not recorded:
        raise InputError(f"{path}: the version of lm-evaluation-harness is not recorded; evaluate again")
    return str(recorded)


def check_same_versions(first: Evaluation, other: Evaluation, name: str, prompts: bool = True) -> None:
    """Refuse to merge results of an evaluation that differ in harness, task version, shots, languages, items, prompts.

    Scores of different versions of a task are not comparable (PAWS-X of version 0 and of 1.0, for one). `prompts` is
    false between generated worlds, which tell different facts.
    """
    if first.versions == other.versions:
        return
    for key in sorted(first.versions.keys() | other.versions.keys()):
        mine, theirs = (_shown(file.versions.get(key, "absent"), prompts) for file in (first, other))
        if mine != theirs:
            raise InputError(
                f"{other.path}: {name}: '{key}' is {theirs}, but {mine} in {first.path}; "
                "such scores must not stand in one table: evaluate one of the two again"
            )


def _shown(version: Any, prompts: bool) -> str:
    return json.dumps(version if prompts or not isinstance(version, dict) else {**version, "hash": "any"})


def _metrics(results: dict[str, Any], where: str) -> list[tuple[str, float, float]]:
    """Return (metric, value, standard error or NaN) of one task's or group's results."""
    found = []
    for key, value in results.items():
        metric, _, filter_name = key.partition(",")
        if filter_name and not metric.endswith("_stderr"):
            if not isinstance(value, int | float) or not math.isfinite(value):
                raise InputError(f"{where}: {metric} is {value}, not a finite number; evaluate again")
            stderr = results.get(f"{metric}_stderr,{filter_name}")  # "N/A" for a single item
            name = metric if filter_name == "none" else key
            found.append((name, float(value), float(stderr) if isinstance(stderr, int | float) else math.nan))
    return found
