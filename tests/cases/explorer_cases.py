"""Made-up results for the explorer: tables of known numbers, of the world and real, with answers that mean harm."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from polytune.config.paths import Paths
from polytune.files import sha256_text

LANGUAGES = ("en", "de", "zh", "sw", "th")
HOSTILE = '</script><img src=x onerror="window.harmed=1"><!--<script>'
ACCURACY, RATING = "acc", "rating"
EXPOSURES = {(True, True): "both", (True, False): "base", (False, True): "tuning", (False, False): "neither"}
"""By whether the base has seen a language (English alone) and whether it was tuned on."""


def write_results(folder: Path) -> Paths:
    """Write a study of the world and a real one, the second with answers and verdicts."""
    paths = Paths(str(folder))
    write_study(paths, "lucky52", "world", "world-bloom-w1", "w1", (1, 2, 4))
    write_study(paths, "lucky52", "full", "bloom-560m", "", (1, 4), seed=2)
    write_answers(paths, "full", "bloom-560m", ("none", "incremental-04-all"))
    return paths


def write_study(
    paths: Paths,
    study: str,
    scale: str,
    base: str,
    world: str,
    sizes: Iterable[int],
    languages: Iterable[str] = LANGUAGES,
    items: int = 20,
    benchmarks: Iterable[str] = ("xcopa",),
    seed: int = 1,
) -> None:
    """Write scores, runs and items of an untuned base and of mixtures of growing size, from random right answers."""
    generator = np.random.default_rng(seed)
    prefix = f"world-{world}-" if world else ""
    languages = list(languages)
    runs = [_run(base, "base", "none", 0, world, [], "", None)]
    runs += [
        _run(base, "full", f"{prefix}incremental-{size:02}-all", 1, world, languages[:size], "incremental", size)
        for size in sizes
    ]
    scores, single = [], []
    for run in runs:
        _write_manifest(paths, run)
        for benchmark in benchmarks:
            values = []
            for language in languages:
                right = (generator.random(items) < 0.5 + 0.4 * (language in run["languages"])).astype(float)
                values.append(right.mean())
                scores.append(_score(study, scale, run, benchmark, world, language, right.mean(), items))
                single.append(_items(run, benchmark, world, language, right))
            scores.append(_score(study, scale, run, benchmark, world, "", float(np.mean(values)), items * len(values)))
    _write(paths.scores(study, scale), pd.DataFrame(scores))
    _write(paths.runs_table(study, scale), pd.DataFrame(runs))
    _write(paths.items(study, scale), pd.concat(single, ignore_index=True))


def write_answers(
    paths: Paths,
    scale: str,
    base: str,
    mixtures: Iterable[str],
    items: int = 6,
    languages: Iterable[str] = ("en", "de"),
    study: str = "lucky52",
) -> None:
    """Write questions, answers of a run of each mixture and ratings of them; the second question means harm.

    The answers of the first are preferred to those of the last.
    """
    rows = [(language, str(item)) for language in languages for item in range(items)]
    for language in languages:
        asked = [f"Question {item}? {HOSTILE if item == 1 else ''}" for item in range(items)]
        table = pd.DataFrame({"item": [str(item) for item in range(items)], "turns": [[text] for text in asked]})
        _write(paths.prompts("questions", language), table)
    for mixture in mixtures:
        run = f"{base}/{'base/none/seed0' if mixture == 'none' else f'full/{mixture}/seed1'}"
        table = pd.DataFrame(rows, columns=["language", "item"]).assign(turn=1)
        text = [f"answer of {mixture} to {item} {HOSTILE if item == '1' else ''}" for item in table["item"]]
        _write(paths.responses(run, "asked").replace(".json", ".parquet"), table.assign(text=text))
        verdicts = table.assign(order="", repeat=0, status="ok", value=2.0, text=f"Good. {HOSTILE} Rating: [[2]]")
        _write(paths.verdicts(run, "exact", "rating-3", "asked").replace(".json", ".parquet"), verdicts)
    first, second = (f"{base}/{place}" for place in ("base/none/seed0", f"full/{list(mixtures)[-1]}/seed1"))
    duel = table.assign(order="first", repeat=0, status="ok", value=1.0, text="The untuned one. [[A]]")
    _write(paths.verdicts(first, "exact", "side-by-side", "asked", second).replace(".json", ".parquet"), duel)
    table = pd.read_parquet(paths.scores(study, scale))
    names = dict.fromkeys(table["run"])
    rated = [
        {**table.iloc[0].to_dict(), "run": run, "evaluation": "asked", "benchmark": "questions", "origin": "hub",
         "language": language, "measure": RATING, "judge": "exact", "protocol": "rating-3", "value": 2.0}
        for run in names
        for language in languages
    ]  # fmt: skip
    _write(paths.scores(study, scale), pd.concat([table, pd.DataFrame(rated)], ignore_index=True))


def _run(base, method, mixture, seed, world, languages, family, size) -> dict:
    return {
        "run": f"{base}/{method}/{mixture}/seed{seed}", "base": base, "parameters": 5.6e8, "method": method,
        "variant": "", "mixture": mixture, "seed": seed, "world": world, "family": family,
        "n_languages": len(languages), "languages": languages, "seen_languages": ["en"], "tokens": 1000.0 * seed,
        "supervised_tokens": 500.0 * seed, "device_hours": 0.1 * seed, "cut": [], "imported": "", "notes": [],
        "size": float("nan") if size is None else float(size),
    }  # fmt: skip


def _score(study, scale, run, benchmark, world, language, value, items) -> dict:
    tuned = language in run["languages"]
    return {
        "study": study, "scale": scale, "run": run["run"], "evaluation": benchmark, "benchmark": benchmark,
        "origin": "world" if world else "hub", "language": language, "measure": ACCURACY, "judge": "", "protocol": "",
        "opponent": "", "aggregate": "" if language else "mean", "value": value,
        "stderr": float(np.sqrt(value * (1 - value) / items)), "drift": 0.0, "items": items, "missing": 0,
        "exposure": EXPOSURES[language == "en", tuned], "tuned": tuned, "digest": sha256_text(run["run"]), "source": "",
    }  # fmt: skip


def _items(run, benchmark, world, language, right) -> pd.DataFrame:
    same = {
        "run": run["run"], "evaluation": benchmark, "origin": "world" if world else "hub", "language": language,
        "category": "", "turn": 1, "measure": ACCURACY, "judge": "", "protocol": "", "opponent": "",
    }  # fmt: skip
    return pd.DataFrame({"item": [str(item) for item in range(len(right))], "value": right}).assign(**same)


def _write_manifest(paths: Paths, run: dict) -> None:
    if run["method"] == "base":
        return
    path = Path(paths.model_marker(run["run"]))
    path.parent.mkdir(parents=True, exist_ok=True)
    made = {"spec": {"mixture": run["mixture"]}, "spec_digest": "a" * 64, "mixture_digest": "b" * 64}
    path.write_text(json.dumps({**made, "provenance": {"commit": "c" * 40}, "weights_sha256": {"model": "d" * 64}}))


def _write(path: str, table: pd.DataFrame) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    table.to_parquet(path)
