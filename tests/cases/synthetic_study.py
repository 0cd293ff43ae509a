"""Made-up studies for the tests: result files in the harness's layout and plausible scores."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from polytune import ROOT
from polytune.analysis.context import Context
from polytune.config.paths import Paths
from polytune.languages.codes import languages
from polytune.scores.collect import command
from polytune.world.settings import BASE_LANGUAGES

ORDER = yaml.safe_load((ROOT / "config" / "studies" / "lucky52.yaml").read_text())["mixtures"]["incremental"]["order"]
WORLD_SIZES = (1, 2, 4, 8, 12, 16, 20, 25, 26, 32, 39, 45, 52)
BENCHMARKS = {
    "xcopa": ["et", "ht", "id", "it", "qu", "sw", "ta", "th", "tr", "vi", "zh"],
    "xstorycloze": ["ar", "en", "es", "eu", "hi", "id", "my", "ru", "sw", "te", "zh"],
    "xwinograd": ["en", "fr", "jp", "pt", "ru", "zh"],
}
TITLES = {"xcopa": "XCOPA", "xstorycloze": "XStoryCloze", "xwinograd": "XWinograd"}
ITEMS = {"xcopa": 500, "xstorycloze": 1511}
SEEN = frozenset(BASE_LANGUAGES)
WINOGRAD_ITEMS = {"en": 2325, "fr": 83, "jp": 959, "pt": 263, "ru": 315, "zh": 504}


@dataclass(frozen=True)
class MadeStudy:
    """A collected study: its tables, where they lie, and the spec that they were collected with."""

    scores: pd.DataFrame
    runs: pd.DataFrame
    folder: Path
    spec: dict[str, Any]

    @property
    def tables(self) -> Path:
        """The folder of scores.parquet, runs.parquet and items.parquet."""
        return self.folder / "tables"

    def asked(self, kind: dict[str, Any], **changes: Any) -> dict[str, Any]:
        """Return the spec of a figure or table of this study."""
        names = {code: {"name": row.name, "family": row.family, "branch": row.branch, "script": row.script}
                 for code, row in languages().items()}  # fmt: skip
        spec = deepcopy(self.spec)
        return {
            "study": self.spec["study"],
            "scale": self.spec["scale"],
            "worlds": sorted({run["world"] for run in self.spec["runs"]} - {""}),
            "name": "test",
            "spec": kind,
            "defaults": {"outlier": "ko", "similarity_method": "uriel-precomputed"},
            "evaluations": spec["evaluations"],
            "answers": [{**entry, "title": "World questions"} for entry in spec.get("answers", [])],
            "languages": names,
        } | changes

    @property
    def context(self) -> Context:
        """What the study's figures and tables know besides the numbers."""
        return Context.of(self.asked({}))


def write_evaluation(path: Path, benchmark: str, correct: dict[str, np.ndarray], seed: int = 0, **changes) -> None:
    """Write a result file of the harness and its samples; `correct` holds 0 or 1 per item, by the harness's codes."""
    generator = np.random.default_rng(seed)
    tasks = {f"{benchmark}_{code}": np.asarray(values, float) for code, values in correct.items()}
    ours = {task: {"jp": "ja"}.get(code, code) for task, code in zip(tasks, correct, strict=True)}
    results = {
        task: {
            "alias": task,
            "acc,none": float(values.mean()),
            "acc_stderr,none": float(values.std(ddof=1) / math.sqrt(len(values))) if len(values) > 1 else "N/A",
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
        "polytune": {"benchmark": benchmark, "tasks": {ours[task]: task for task in tasks}, "chance": 0.5},
    } | changes
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    samples = []
    for task, values in tasks.items():
        count = len(values)
        target, right = generator.integers(0, 2, count), generator.normal(-20, 3, count)
        wrong = right + np.where(values == 1, -1, 1) * (generator.exponential(1.0, count) + 0.01)
        first, second = np.where(target == 0, right, wrong), np.where(target == 0, wrong, right)
        columns = {
            "task": task,
            "language": ours[task],
            "doc_id": range(count),
            "loglikelihoods": list(np.column_stack([first, second])),
            "target": target,
            "prediction": (second > first).astype(int),
            "acc": values.astype(int),
            "choice_bytes": list(generator.integers(10, 40, (count, 2), dtype=np.int32)),
        }
        samples.append(pd.DataFrame(columns))
    pd.concat(samples, ignore_index=True).to_parquet(path.with_name(f"{path.stem}.samples.parquet"))


def accuracy(benchmark: str, code: str, languages: list[str], generator: np.random.Generator) -> float:
    """Return a plausible accuracy: seen languages high, own language helps when tuned, Korean hurts, some noise."""
    language = "ja" if code == "jp" else code
    seen = language in SEEN
    value = {"xcopa": 0.53, "xstorycloze": 0.55, "xwinograd": 0.56}[benchmark] + 0.09 * seen
    value += 0.05 * (language in languages) + 0.0006 * len(languages)
    value -= 0.035 * (len(languages) == 25) + 0.04 * (benchmark == "xwinograd" and bool(languages))
    return value + generator.normal(0, 0.004)


def make_run(languages: list[str], mixture: str = "none", base: str = "world-bloom", **more) -> dict[str, Any]:
    """Return a run of a spec: untuned if it has no languages; `world` (w1) is appended to the names."""
    world = more.pop("world", "w1")
    suffix = f"-{world}" if world else ""
    base, mixture = f"{base}{suffix}", mixture.replace("world-", f"world{suffix}-", 1)
    method = more.pop("method", "full" if languages else "base")
    seed = more.pop("seed", 1 if languages else 0)
    variant = more.get("variant", "")
    return {
        "run": f"{base}/{method}{'-' if variant else ''}{variant}/{mixture}/seed{seed}",
        "base": base,
        "method": method,
        "mixture": mixture,
        "seed": seed,
        "world": world,
        "languages": languages,
        "seen_languages": list(SEEN),
    } | more


def incremental_runs(sizes: Iterable[int], **more) -> list[dict[str, Any]]:
    """Return the untuned base and one run for each number of languages."""
    runs = [make_run([], **{key: value for key, value in more.items() if key in ("base", "world")})]
    for size in sizes:
        mixture = f"world-incremental-{size:02d}-all"
        details = {"family": "incremental", "order": ORDER, "coordinates": {"size": size}} | more
        runs.append(make_run(ORDER[:size], mixture, **details))
    return runs


def write_results(
    folder: Path,
    runs: list[dict[str, Any]],
    benchmarks: Iterable[str] = BENCHMARKS,
    items: int | None = None,
    seed: int = 0,
) -> Path:
    """Write the results of runs and the spec for `collect-scores`; return the spec's path."""
    generator, paths = np.random.default_rng(seed), Paths(str(folder))
    for number, run in enumerate({run["run"]: run for run in runs}.values()):
        for benchmark in benchmarks:
            correct = {}
            for code in BENCHMARKS[benchmark]:
                count = items or ITEMS.get(benchmark) or WINOGRAD_ITEMS[code]
                wanted = round(count * accuracy(benchmark, code, run["languages"], generator))
                correct[code] = generator.permutation(np.arange(count) < wanted).astype(float)
            write_evaluation(Path(paths.evaluation(run["run"], "world", benchmark)), benchmark, correct, seed + number)
        if run["languages"]:
            write_mixture(folder, run["mixture"], run["languages"])
            manifest = {"mixture_digest": f"digest of {run['mixture']}", "tokens": 1000 * len(run["languages"]),
                        "supervised_tokens": 600 * len(run["languages"]), "device_hours": 0.5}  # fmt: skip
            write_json(Path(paths.model_marker(run["run"])), manifest)
    spec = {
        "study": "lucky52",
        "scale": "world",
        "counted_as_untuned": {"xwinograd": ["ja"]},
        "evaluations": [
            {
                "name": name,
                "origin": "world",
                "parallel": name != "xwinograd" or items is not None,
                "benchmark": {"benchmark": name, "title": TITLES[name], "chance": 0.5},
            }
            for name in benchmarks
        ],
        "runs": runs,
    }
    return write_json(folder / "spec.json", spec)


def write_mixture(folder: Path, mixture: str, languages: list[str], notes: Iterable[str] = (), **rows: int) -> None:
    """Write the manifest of a mixture: 400 rows of each language, or those of `rows`, and some replayed English."""
    parts = [{"language": code, "rows": rows.get(code, 400), "role": "instruction"} for code in languages]
    parts.append({"language": "en", "rows": 50, "role": "replay"})
    content = {"mixture": mixture, "languages": languages, "parts": parts, "digest": f"digest of {mixture}"}
    write_json(Path(Paths(str(folder)).mixture(mixture)), content | ({"notes": list(notes)} if notes else {}))


def write_json(path: Path, content: Any) -> Path:
    """Write JSON and return the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def write_study(folder: Path, sizes=WORLD_SIZES, benchmarks=tuple(BENCHMARKS), **options) -> Path:
    """Write the results of a made-up Lucky 52 and return the spec for `collect-scores`."""
    return write_results(folder, incremental_runs(sizes), benchmarks, **options)


def collect_study(folder: Path, spec: Path) -> MadeStudy:
    """Collect the results in `folder`."""
    command(spec=spec, results=folder, output=folder / "tables")
    read = (pd.read_parquet(folder / "tables" / f"{name}.parquet") for name in ("scores", "runs"))
    return MadeStudy(*read, folder, json.loads(spec.read_text()))


def synthetic_study(folder: Path, **options) -> MadeStudy:
    """Return a made-up Lucky 52, collected."""
    return collect_study(folder, write_study(folder, **options))
