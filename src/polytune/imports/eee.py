"""Every Eval Ever: the shared layout of evaluation results (a JSON file per record, schema 0.2).

Read and written after the published JSON schema (`eval.schema.json` of github.com/evaleval/every_eval_ever, 0.2.2);
records of its converter for lm-evaluation-harness have the harness's task names, as ours do.
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
    printed = [_read_result(result, f"{path}: evaluation_results[{place}]") for place, result in enumerate(results)]
    harness = _get(content, "eval_library", "name") in ("lm_eval", "lm-eval")
    version = str(_get(content, "eval_library", "version") or "") if harness else ""
    return ResultFile(path, sha256_file(path), tuple(printed), "" if version == "unknown" else version)


def _read_result(result: Any, place: str) -> Printed:
    name = _get(result, "evaluation_name")
    if not isinstance(name, str):
        raise InputError(f"{place}: evaluation_name is {shown(name)}, expected text")
    names = (_get(result, "metric_config", key) for key in ("metric_id", "evaluation_description", "metric_name"))
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
