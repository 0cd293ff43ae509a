"""The results file in the harness's own layout, and the samples table beside it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from polytune.errors import InputError
from polytune.evaluation.tasks import harness_tasks_folder
from polytune.files import atomic_path


def build_results(
    evaluated: dict[str, Any], configurations: dict[str, dict[str, Any]], header: dict[str, Any]
) -> dict[str, Any]:
    """Return the content of `{benchmark}.json` from what `lm_eval.evaluator.evaluate` returned.

    `configurations` are the tasks' files by language (our codes); `header` becomes the key `polytune`. What the harness
    would write of the machine (paths, addresses of functions) is replaced by what the task files say. A standard error
    that does not exist (of one item; the harness says "N/A") is null. Raises `InputError` for numbers that are not
    finite: they are no result, whatever the accuracy that follows from them.
    """
    from lm_eval.utils import hash_string

    samples = evaluated["samples"]
    for task, items in samples.items():
        for item in items:
            values = [response[0] for response in item["filtered_resps"]]
            if not all(map(math.isfinite, values)):
                raise InputError(
                    f"{task}: item {item['doc_id']}: its log-likelihoods are {', '.join(map(str, values))}: the model "
                    "computes no finite numbers (broken weights, or a precision that overflows: try --precision fp32)"
                )
    results = {key: value for key, value in evaluated.items() if key != "samples"}
    for key in ("results", "groups"):
        results[key] = {name: _finite(name, metrics) for name, metrics in results[key].items()}
    results["configs"] = {
        configuration["task"]: _public_configuration(configuration) for configuration in configurations.values()
    }
    results["config"] = {"model": "polytune", "model_args": None, "limit": None}
    results["lm_eval_version"] = header["digests"]["versions"]["lm-eval"]
    results["transformers_version"] = header["digests"]["versions"]["transformers"]
    results["task_hashes"] = {
        task: hash_string("".join(row["doc_hash"] + row["prompt_hash"] + row["target_hash"] for row in rows))
        for task, rows in samples.items()
    }
    results["polytune"] = header
    return results


def write_samples(path: Path, samples: dict[str, list[dict[str, Any]]], languages: dict[str, str]) -> None:
    """Write one row per item (docs/evaluation.md, "What comes out").

    `languages` maps tasks to our codes. `target` and `prediction` are numbers of choices, from 0; for a task with one
    continuation and several contexts (XWinograd) a choice is a context. `loglikelihoods` and `choice_bytes` (UTF-8
    bytes of what is scored, the delimiter before it included) have a value per choice.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = []
    for task, items in samples.items():
        for item in items:
            values = [float(response[0]) for response in item["filtered_resps"]]
            choices = len(values) // 2 if "acc_mutual_info" in item else len(values)  # then each choice alone follows
            if item["acc"] not in (0, 1):
                raise InputError(
                    f"{task}: item {item['doc_id']}: acc is {item['acc']}; a multiple choice is right or wrong"
                )
            rows.append(
                {
                    "task": task,
                    "language": languages[task],
                    "doc_id": item["doc_id"],
                    "loglikelihoods": values[:choices],
                    "target": item["gold"],
                    "prediction": max(range(choices), key=values.__getitem__),
                    "acc": int(item["acc"]),
                    "choice_bytes": [len(text.encode()) for _, text in item["arguments"][:choices]],
                }
            )
    words = pa.dictionary(pa.int32(), pa.string())
    schema = {
        "task": words, "language": words, "doc_id": pa.int32(), "loglikelihoods": pa.list_(pa.float64()),
        "target": pa.int8(), "prediction": pa.int8(), "acc": pa.int8(), "choice_bytes": pa.list_(pa.int32()),
    }  # fmt: skip
    with atomic_path(path) as temporary:
        pq.write_table(pa.Table.from_pylist(rows, pa.schema(schema)), temporary, compression="zstd")


def summary(results: dict[str, Any]) -> str:
    """Return one line: accuracy over all and by language."""
    tasks, name = results["polytune"]["tasks"], results["polytune"]["benchmark"]
    accuracies = [f"{language} {results['results'][task]['acc,none']:.3f}" for language, task in tasks.items()]
    left_out = sum(results["polytune"]["left_out"].values())
    note = f"; {left_out} rows without text left out by the task" if left_out else ""
    return f"accuracy {results['groups'][name]['acc,none']:.3f} ({', '.join(accuracies)}){note}"


def _finite(name: str, metrics: dict[str, Any]) -> dict[str, Any]:
    """Return the metrics of a task or group, null where a standard error does not exist."""
    found = dict(metrics)
    for key, value in metrics.items():
        if key.partition(",")[0].endswith("_stderr") and (value == "N/A" or value != value):
            found[key] = None
        elif isinstance(value, float) and not math.isfinite(value):
            raise InputError(f"{name}: {key} is {value}, which is no result")
    return found


def _public_configuration(configuration: dict[str, Any]) -> dict[str, Any]:
    """Return a task's configuration with its file named relative to the harness or to the data root."""
    root, source = harness_tasks_folder(), Path(configuration["metadata"]["config_source"])
    named = f"lm_eval/tasks/{source.relative_to(root)}" if source.is_relative_to(root) else f"tasks/{source.name}"
    return {**configuration, "num_fewshot": 0, "metadata": {**configuration["metadata"], "config_source": named}}
