"""Scores of a run as the hub's metadata of model cards has them (`model-index`): an entry per data set and language."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polytune.config.paths import Paths
from polytune.files import read_json
from polytune.scores.spec import IMPORTED

if TYPE_CHECKING:
    import pandas as pd

WORDS = {"acc": ("accuracy", "Accuracy")}
"""Measures that the hub has a name for, and how they are shown; others keep theirs."""
MEAN = "mean over languages"


def build_model_index(scores: pd.DataFrame, run: str, paths: Paths) -> list[dict[str, Any]]:
    """Return the value of the key `model-index` for the scores of one run; none: an empty list.

    Values are those of the table of scores: accuracy in [0, 1]. Every entry names the origin of the data, so that the
    generated world is told apart from a benchmark of the hub; judged values name judge, protocol and opponent.
    """
    from huggingface_hub.repocard_data import EvalResult, eval_results_to_model_index

    mine = scores[(scores["run"] == run) & scores["aggregate"].isin(["", "mean"]) & scores["value"].notna()]
    keys = ["evaluation", "origin", "language", "measure", "judge", "protocol", "opponent"]
    results = [EvalResult(**entry) for entry in _entries(mine.drop_duplicates(keys), run, paths)]
    return eval_results_to_model_index(run, results) if results else []


def _entries(scores: pd.DataFrame, run: str, paths: Paths) -> Iterator[dict[str, Any]]:
    """Yield the arguments of each result."""
    data: dict[tuple[str, str], dict[str, str]] = {}
    for score in scores.to_dict("records"):
        name, origin = score["evaluation"], score["origin"]
        if (name, origin) not in data:
            data[name, origin] = _data(paths, run, score)
        kind, shown = WORDS.get(score["measure"], (score["measure"], score["measure"].replace("_", " ")))
        language = score["language"] or MEAN
        judged = {key: score[key] for key in ("judge", "protocol", "opponent") if score[key]}
        sample = [score["evaluation"]] * (score["evaluation"] != score["benchmark"])
        told = f" ({', '.join([*sample, *judged.values()])})" if sample or judged else ""
        stderr = score["stderr"]
        yield {
            "task_type": "text-generation",
            "task_name": "free answers" if judged else "multiple choice",
            **data[name, origin],
            "dataset_config": language,
            "metric_type": kind,
            "metric_name": f"{shown}{told}, {language}",
            "metric_value": round(float(score["value"]), 6),
            "metric_args": {
                "items": int(score["items"]),
                **({} if math.isnan(stderr) else {"standard_error": round(float(stderr), 6)}),
                **judged,
            },
        }


def data_title(name: str, origin: str) -> str:
    """Return how others are told of data: nobody may take a benchmark of a generated world for the real one."""
    world = " of a generated world (artificial languages; says nothing about real ones)"
    return name + world if origin == "world" else name


def _data(paths: Paths, run: str, score: dict[str, Any]) -> dict[str, str]:
    """Return what the hub is told of the data: its id there, or that it is none of the hub's."""
    name, origin, benchmark = score["evaluation"], score["origin"], score["benchmark"]
    if origin == "world":
        return {
            "dataset_type": f"generated-world/{benchmark}",  # what differs in it is another data set for the hub
            "dataset_name": data_title(benchmark, origin),
        }
    file = Path(paths.evaluation(run, origin, name))
    told = read_json(file).get("polytune", {}).get("data", {}) if origin != IMPORTED and file.is_file() else {}
    found = {"dataset_type": told.get("hub_id") or benchmark, "dataset_name": benchmark}
    return found | ({"dataset_split": told["split"]} if told.get("split") else {})
