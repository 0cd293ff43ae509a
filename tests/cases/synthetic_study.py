"""A made-up Lucky 52 for the tests: result files in the harness's layout and plausible scores."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from polytune import ROOT
from polytune.config.bases import read_bases
from polytune.scores.collect import collect_scores
from polytune.scores.manifest import StudyRuns

ORDER = yaml.safe_load((ROOT / "config" / "studies" / "lucky52.yaml").read_text())["mixtures"]["incremental"]["order"]
WORLD_SIZES = (1, 2, 4, 8, 12, 16, 20, 25, 26, 32, 39, 45, 52)
BENCHMARKS = {
    "xcopa": ["et", "ht", "id", "it", "qu", "sw", "ta", "th", "tr", "vi", "zh"],
    "xstorycloze": ["ar", "en", "es", "eu", "hi", "id", "my", "ru", "sw", "te", "zh"],
    "xwinograd": ["en", "fr", "jp", "pt", "ru", "zh"],
}
ITEMS = {"xcopa": 500, "xstorycloze": 1511}
SEEN = read_bases(ROOT / "config" / "bases.tsv")["world-bloom"].seen_languages
WINOGRAD_ITEMS = {"en": 2325, "fr": 83, "jp": 959, "pt": 263, "ru": 315, "zh": 504}


def write_evaluation(path: Path, benchmark: str, correct: dict[str, np.ndarray], **changes) -> None:
    """Write a result file of the harness and its samples; `correct` holds 0 or 1 per item, by the harness's codes."""
    tasks = {f"{benchmark}_{code}": values for code, values in correct.items()}
    results = {
        task: {
            "alias": task,
            "acc,none": float(values.mean()),
            "acc_stderr,none": float(values.std(ddof=1) / math.sqrt(len(values))),
        }
        for task, values in tasks.items()
    }
    group = {"alias": benchmark, "acc,none": float(np.concatenate(list(tasks.values())).mean())}
    content = {
        "results": {**results, benchmark: group},
        "groups": {benchmark: group},
        "configs": {task: {"task": task} for task in tasks},
        "versions": dict.fromkeys(tasks, 1.0),
        "n-shot": dict.fromkeys(tasks, 0),
        "n-samples": {task: {"original": len(values), "effective": len(values)} for task, values in tasks.items()},
        "lm_eval_version": "0.4.13",
        "task_hashes": {task: f"hash of {task}" for task in tasks},
    } | changes
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    samples = [
        {"task": task, "language": {"jp": "ja"}.get(code, code), "doc_id": item, "acc": int(value)}
        for (task, values), code in zip(tasks.items(), correct, strict=True)
        for item, value in enumerate(values)
    ]
    pd.DataFrame(samples).to_parquet(path.with_name(f"{path.stem}.samples.parquet"))


def accuracy(benchmark: str, code: str, languages: list[str], generator: np.random.Generator) -> float:
    """Return a plausible accuracy: seen languages high, own language helps when tuned, Korean hurts, some noise."""
    language = "ja" if code == "jp" else code
    seen = language in SEEN
    value = {"xcopa": 0.53, "xstorycloze": 0.55, "xwinograd": 0.56}[benchmark] + 0.09 * seen
    value += 0.05 * (language in languages) + 0.0006 * len(languages)
    value -= 0.035 * (len(languages) == 25) + 0.04 * (benchmark == "xwinograd" and bool(languages))
    return value + generator.normal(0, 0.004)


def write_study(folder: Path, sizes=WORLD_SIZES, benchmarks=("xcopa", "xstorycloze", "xwinograd"), seed=0) -> Path:
    """Write the result files of a whole study and the list of its runs; return the list's path."""
    generator = np.random.default_rng(seed)
    runs = []
    for size in (0, *sizes):
        languages = ORDER[:size]
        mixture = f"world-incremental-{size:02d}-all" if size else "none"
        run = f"world-bloom/{'full' if size else 'base'}/{mixture}/seed{int(size > 0)}"
        files = {}
        for benchmark in benchmarks:
            path = folder / "runs" / run / "evaluations" / f"{benchmark}.json"
            correct = {}
            for code in BENCHMARKS[benchmark]:
                items = ITEMS.get(benchmark) or WINOGRAD_ITEMS[code]
                wanted = round(items * accuracy(benchmark, code, languages, generator))
                correct[code] = generator.permutation(np.arange(items) < wanted).astype(float)
            write_evaluation(path, benchmark, correct)
            files[benchmark] = str(path)
        runs.append(
            {
                "run": run,
                "base": "world-bloom",
                "method": "full" if size else "base",
                "mixture": mixture,
                "seed": int(size > 0),
                "languages": languages,
                "evaluations": files,
            }
        )
    manifest = folder / "runs.json"
    manifest.write_text(
        json.dumps(
            {
                "study": "lucky52",
                "scale": "world",
                "parallel": [name for name in benchmarks if name != "xwinograd"],
                "counted_as_untuned": {"xwinograd": ["ja"]},
                "runs": runs,
            }
        )
    )
    return manifest


def synthetic_scores(folder: Path, **options) -> pd.DataFrame:
    """Return the table of scores of a made-up study."""
    return collect_scores(StudyRuns.read(write_study(folder, **options)), ROOT / "config" / "bases.tsv")
