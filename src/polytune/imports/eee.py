"""Every Eval Ever: the shared layout of evaluation results (a JSON file per record, schema 0.2).

Read and written after the published JSON schema (`eval.schema.json` of github.com/evaleval/every_eval_ever, 0.2.2);
records of its converter for lm-evaluation-harness have the harness's task names, as ours do.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

from polytune.errors import InputError, shown
from polytune.files import read_json, sha256_file
from polytune.imports.printed import Printed, ResultFile, measure_name

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
    printed = [
        _read_result(result, f"{path}: evaluation_results[{number}]")
        for number, result in enumerate(content["evaluation_results"])
    ]
    library = content.get("eval_library") or {}
    version = str(library.get("version", "")) if library.get("name") in ("lm_eval", "lm-eval") else ""
    return ResultFile(path, sha256_file(path), tuple(printed), "" if version == "unknown" else version)


def _read_result(result: Any, place: str) -> Printed:
    name = _get(result, "evaluation_name")
    score = _get(result, "score_details", "score")
    if not isinstance(name, str) or isinstance(score, bool) or not isinstance(score, int | float):
        raise InputError(f"{place}: evaluation_name is {shown(name)}, score {shown(score)}; expected text and a number")
    config = _get(result, "metric_config") or {}
    described = str(config.get("metric_id") or config.get("evaluation_description") or config.get("metric_name") or "")
    parts = FILTERED.match(described)
    metric, filter_name = (parts["metric"], parts["filter"]) if parts else (described, "none")
    uncertainty = _get(result, "score_details", "uncertainty") or {}
    stderr, items = _get(uncertainty, "standard_error", "value"), uncertainty.get("num_samples")
    details = _get(result, "score_details", "details") or {}
    return Printed(
        task=name.partition("/")[0],
        measure=measure_name({"accuracy": "acc", "": "acc"}.get(metric, metric), filter_name),
        value=float(score),
        line=1,
        stderr=math.nan if stderr is None else float(stderr),
        version=str(details.get("task_version", "")),
        shots=str(details.get("shots", "")),
        items=items if isinstance(items, int) else 0,
    )


def _get(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value
