"""A made-up study of models set side by side with monolingual ones, as `pinch`: its answers and verdicts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from polytune.languages.codes import languages as language_table
from tests.cases.synthetic_answers import (
    RATINGS,
    answer_rows,
    answers_spec,
    verdict_rows,
    write_identified,
    write_responses,
    write_spec,
    write_verdicts,
)
from tests.cases.synthetic_study import MadeStudy, collect_study, make_run

ASKED = ("en", "es", "fr", "it", "ru", "zh")
SIDE_BY_SIDE = {"judge": "exact", "protocol": "side-by-side"}
PERCENTS = (0, 10, 50, 100)


def pinch_runs() -> list[dict[str, Any]]:
    """The base, a model of each language, percents of all of them, three pairs; one of French that is asked too."""
    runs = [make_run([])]
    for code in ASKED:
        runs.append(make_run([code], f"world-{code}-9-rows", family="monolingual", coordinates={"tuned_on": code}))
    for percent in PERCENTS:
        one = {"family": "percent", "coordinates": {"percent": percent}}
        name = f"world-percent-{percent}-9-rows" if percent else "world-en-9-rows"
        runs.append(make_run(list(ASKED) if percent else ["en"], name, **one))
    for pair in (("en", "zh"), ("es", "ru"), ("fr", "it")):
        name = "-".join(code for code in language_table() if code in pair)
        runs.append(make_run(sorted(pair), f"world-{name}-9-rows", family="pairs", coordinates={"pair": name}))
    return runs


def pinch_study(folder: Path, items: int = 30, seed: int = 1) -> MadeStudy:
    """Return the study, collected. A model is good in its languages, a little in others, and relatives help."""
    generator = np.random.default_rng(seed)
    runs = pinch_runs()
    unique = {run["run"]: run for run in runs}
    rows = answer_rows(ASKED, items)
    for path in unique:
        write_responses(folder, path, rows, 10)
        write_identified(folder, path, rows, rows["language"])
        write_verdicts(folder, path, [verdict_rows(rows, generator.integers(1, 4, len(rows)))])
    opponents: dict[str, dict[str, list[str]]] = {}
    meetings: dict[tuple[str, str], set[str]] = {}
    for path, other, code in _meetings(unique):
        opponents.setdefault(path, {})[other] = [code]
        meetings.setdefault(tuple(sorted((path, other))), set()).add(code)
    for (first, second), codes in meetings.items():
        met = answer_rows(sorted(codes), items)
        chance = [_chance(unique[first], unique[second], code) for code in met["language"]]
        orders = [verdict_rows(met, (generator.random(len(met)) < chance).astype(float), seat)
                  for seat in ("first", "second")]  # fmt: skip
        write_verdicts(folder, first, orders, second, "side-by-side")
    duels = {**SIDE_BY_SIDE, "against": "monolingual", "opponents": opponents}
    return collect_study(folder, write_spec(folder, runs, [answers_spec(ASKED, [RATINGS, duels])], study="pinch"))


def _meetings(runs: dict[str, dict]) -> Iterator[tuple[str, str, str]]:
    """Every run against the monolingual one of each language, but for itself."""
    singles = {run["languages"][0]: path for path, run in runs.items() if len(run["languages"]) == 1}
    for path in runs:
        for code, other in singles.items():
            if other != path:
                yield path, other, code


def _chance(first: dict, second: dict, code: str) -> float:
    """How often the first run is preferred in a language."""
    ability = [(code in run["languages"]) + 0.4 * bool(run["languages"]) for run in (first, second)]
    return 1 / (1 + np.exp(-2 * (ability[0] - ability[1])))
