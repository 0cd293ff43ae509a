"""Every Eval Ever: the shared layout of evaluation results (a JSON file per record, schema 0.2 or 0.3).

Read after the published JSON schema (`eval.schema.json` of the package every-eval-ever, 0.3.0; of 0.2 it reads the
same keys). Records of its converter for lm-evaluation-harness have the harness's task names, as ours do, and say the
harness's name of the metric in the description: since 0.3 `metric_id` is another name, and has no filter.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from polytune.errors import InputError, shown
from polytune.files import read_json, sha256_file
from polytune.imports.printed import Printed, ResultFile, count_of, measure_name, number_of

NEEDED = ("schema_version", "evaluation_id", "model_info", "evaluation_results")
FILTERED = re.compile(r"^(?P<metric>.+?) \(filter: (?P<filter>.+)\)$")
CONVERTED = re.compile(r"^[\w-]+( \(filter: .+\))?$")
"""A description that the converter for the harness wrote, and nobody in words."""


def read_record(path: Path) -> ResultFile | None:
    """Return the results of a record, None if the file is JSON of another sort.

    Raises `InputError` naming file and key for a result without name or score.
    """
    content = read_json(path)
    if not isinstance(content, dict) or "evaluation_results" not in content:
        return None
    if lacking := [key for key in NEEDED if key not in content]:
        raise InputError(f"{path}: no record of Every Eval Ever: the key '{lacking[0]}' is missing")
    results = content["evaluation_results"]
    if not isinstance(results, list):
        raise InputError(f"{path}: evaluation_results is {shown(results)}, expected a list")
    harness = _get(content, "eval_library", "name") in ("lm_eval", "lm-eval")
    places = (f"{path}: evaluation_results[{number}]" for number in range(len(results)))
    printed = [_read_result(result, harness, place) for result, place in zip(results, places, strict=True)]
    version = str(_get(content, "eval_library", "version") or "") if harness else ""
    return ResultFile(path, sha256_file(path), tuple(printed), "" if version == "unknown" else version)


def _read_result(result: Any, harness: bool, place: str) -> Printed:
    name = _get(result, "evaluation_name")
    if not isinstance(name, str):
        raise InputError(f"{place}: evaluation_name is {shown(name)}, expected text")
    names = [_get(result, "metric_config", key) for key in ("metric_id", "evaluation_description", "metric_name")]
    if harness and CONVERTED.match(str(names[1] or "")):
        names.insert(0, names[1])
    described = str(next(filter(None, names), ""))
    parts = FILTERED.match(described)
    metric, filter_name = (parts["metric"], parts["filter"]) if parts else (described, "none")
    stderr = _get(result, "score_details", "uncertainty", "standard_error", "value")
    return Printed(
        task=name.partition("/")[0],
        measure=measure_name({"accuracy": "acc", "": "acc"}.get(metric, metric), filter_name),
        value=number_of(_get(result, "score_details", "score"), f"{place}: the score"),
        line=1,
        stderr=number_of(stderr, f"{place}: the standard error"),
        version=str(_get(result, "score_details", "details", "task_version") or ""),
        shots=str(_get(result, "score_details", "details", "shots") or ""),
        items=count_of(_get(result, "score_details", "uncertainty", "num_samples")),
    )


def _get(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value
