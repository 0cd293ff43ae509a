"""The results file in the harness's own layout, and the samples table beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from polytune.evaluation.tasks import harness_tasks_folder
from polytune.files import atomic_path

SAMPLE_COLUMNS = ("task", "language", "doc_id", "loglikelihoods", "target", "prediction", "acc")


def build_results(
    evaluated: dict[str, Any], configurations: dict[str, dict[str, Any]], header: dict[str, Any]
) -> dict[str, Any]:
    """Return the content of `{benchmark}.json` from what `lm_eval.evaluator.evaluate` returned.

    `configurations` are the tasks' files by language (our codes); `header` becomes the key `polytune`. What the harness
    would write of the machine (paths, addresses of functions) is replaced by what the task files say.
    """
    from lm_eval.utils import hash_string

    samples = evaluated["samples"]
    results = {key: value for key, value in evaluated.items() if key != "samples"}
    results["configs"] = {
        configuration["task"]: _public_configuration(configuration) for configuration in configurations.values()
    }
    results["config"] = {"model": "polytune", "model_args": None, "limit": header["digests"]["options"]["limit"]}
    results["lm_eval_version"] = header["digests"]["versions"]["lm-eval"]
    results["transformers_version"] = header["digests"]["versions"]["transformers"]
    results["task_hashes"] = {
        task: hash_string("".join(row["doc_hash"] + row["prompt_hash"] + row["target_hash"] for row in rows))
        for task, rows in samples.items()
    }
    results["polytune"] = header
    return results


def write_samples(path: Path, samples: dict[str, list[dict[str, Any]]], languages: dict[str, str]) -> None:
    """Write one row per item: task, language (ours), doc_id, log-likelihood of each choice, target, prediction, acc.

    `languages` maps tasks to our codes. `target` and `prediction` are numbers of choices, from 0; for a task with one
    continuation and several contexts (XWinograd) a choice is a context.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows: dict[str, list] = {column: [] for column in SAMPLE_COLUMNS}
    for task, items in samples.items():
        for item in items:
            values = [float(response[0]) for response in item["filtered_resps"]]
            choices = len(values) // 2 if "acc_mutual_info" in item else len(values)  # then each choice alone follows
            rows["task"].append(task)
            rows["language"].append(languages[task])
            rows["doc_id"].append(item["doc_id"])
            rows["loglikelihoods"].append(values[:choices])
            rows["target"].append(item["gold"])
            rows["prediction"].append(max(range(choices), key=values.__getitem__))
            rows["acc"].append(int(item["acc"]))
    table = pa.table(
        {
            "task": pa.array(rows["task"]).dictionary_encode(),
            "language": pa.array(rows["language"]).dictionary_encode(),
            "doc_id": pa.array(rows["doc_id"], pa.int32()),
            "loglikelihoods": pa.array(rows["loglikelihoods"], pa.list_(pa.float64())),
            "target": pa.array(rows["target"], pa.int8()),
            "prediction": pa.array(rows["prediction"], pa.int8()),
            "acc": pa.array(rows["acc"], pa.int8()),
        }
    )
    with atomic_path(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def _public_configuration(configuration: dict[str, Any]) -> dict[str, Any]:
    """Return a task's configuration with its file named relative to the harness or to the data root."""
    root, source = harness_tasks_folder(), Path(configuration["metadata"]["config_source"])
    named = f"lm_eval/tasks/{source.relative_to(root)}" if source.is_relative_to(root) else f"tasks/{source.name}"
    return {**configuration, "num_fewshot": 0, "metadata": {**configuration["metadata"], "config_source": named}}
