"""The table of a study's runs: what was trained, on what, and what it cost."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polytune.config.paths import Paths
from polytune.errors import InputError
from polytune.files import read_json
from polytune.scores.spec import RunSpec

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    "run", "base", "parameters", "method", "variant", "mixture", "seed", "world", "family", "n_languages", "languages",
    "seen_languages", "tokens", "supervised_tokens", "device_hours", "cut", "imported", "notes",
)  # fmt: skip
SCORE_COLUMNS = (
    "study", "scale", "evaluation", "benchmark", "origin", "language", "measure", "judge", "protocol", "opponent",
    "aggregate", "value", "stderr", "drift", "items", "clusters", "missing", "exposure", "tuned", "digest", "source",
    "model", "category", "turn",
)  # fmt: skip
"""What scores have besides: no coordinate may be called so, or a column would mean two things beside them."""
COSTS = ("tokens", "supervised_tokens", "device_hours")
"""What a model's manifest says about its training: tokens, those with a loss, hours times devices."""


def build_runs(runs: tuple[RunSpec, ...], paths: Paths) -> pd.DataFrame:
    """Return one row per run and family: `COLUMNS`, then the coordinates of the families.

    `languages` are those trained, as the mixture's manifest says, in the order of the family where it has one. A
    coordinate that a run lacks is NaN in a column of numbers and empty in one of words. The costs are 0 for an untuned
    base and NaN where the model's manifest is gone. `cut` lists source, language, rows, and how many answers of these
    were cut partly or wholly. `imported` is the import that a run comes from, empty for our own. `notes` say what a
    mixture lacks.
    """
    import pandas as pd

    rows = [_describe(run, paths) for run in runs]
    names = list(dict.fromkeys(name for run in runs for name in run.coordinates))
    table = pd.DataFrame(rows, columns=[*COLUMNS])
    for name in names:
        if name in (*COLUMNS, *SCORE_COLUMNS):
            raise InputError(
                f"runs: a coordinate must not be called '{name}': runs or scores have a column of that name"
            )
        values = [run.coordinates.get(name) for run in runs]
        given = [value for value in values if value is not None]
        numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in given)
        missing = math.nan if numbers else ""
        table[name] = [missing if value is None else value if numbers else _word(value) for value in values]
    return table


def _word(value: Any) -> str:
    """Return a coordinate that is no number as one word: `en-zh` for a pair."""
    return "-".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _describe(run: RunSpec, paths: Paths) -> dict[str, Any]:
    """Return the columns that every run has."""
    languages, notes = _trained(run, paths)
    return {
        "run": run.run,
        "base": run.base,
        "parameters": math.nan if run.parameters is None else float(run.parameters),
        "method": run.method,
        "variant": run.variant,
        "mixture": run.mixture,
        "seed": run.seed,
        "world": run.world,
        "family": run.family,
        "n_languages": len(languages),
        "languages": languages,
        "seen_languages": list(run.seen_languages),
        **_training(run, paths),
        "imported": run.imported,
        "notes": notes,
    }


def _trained(run: RunSpec, paths: Paths) -> tuple[list[str], list[str]]:
    """Return the languages with rows in the run's mixture, and what the manifest says that it lacks."""
    if run.untuned or run.imported:
        return list(run.languages or ()), []
    path = paths.mixture(run.mixture)
    manifest = read_json(path)
    filled = {part["language"] for part in manifest["parts"] if part["rows"] and part["role"] == "instruction"}
    languages = [language for language in manifest["languages"] if language in filled]
    if not languages:
        raise InputError(f"{path}: no language has a row; run {run.run} was tuned on nothing")
    if strange := [language for language in languages if language not in (run.languages or languages)]:
        raise InputError(
            f"{path}: holds rows of '{strange[0]}', which is none of the study's languages for run {run.run}: "
            f"{' '.join(run.languages)}; delete the file so that it is built again"
        )
    if run.order:
        place = {language: number for number, language in enumerate(run.order)}
        languages.sort(key=lambda language: place.get(language, len(place)))
    return languages, list(manifest.get("notes", []))


def _training(run: RunSpec, paths: Paths) -> dict[str, Any]:
    """Return the costs of a training and what it cut; refuses a model of another version of its mixture."""
    if run.untuned:
        return {**dict.fromkeys(COSTS, 0.0), "cut": []}
    path = Path(paths.model_marker(run.run))
    if run.imported or not path.is_file():  # a deleted model's scores stay true
        return {**dict.fromkeys(COSTS, math.nan), "cut": []}
    manifest = read_json(path)
    now = read_json(paths.mixture(run.mixture))["digest"]
    if manifest.get("mixture_digest", now) != now:
        raise InputError(
            f"{path}: was trained on a mixture of digest {manifest['mixture_digest'][:12]}, but "
            f"{paths.mixture(run.mixture)} now has {now[:12]}; train again"
        )
    parts = [part for part in manifest.get("parts", []) if "cut" in part]
    cut = [{"source": part["source"], "language": part["language"], **part["cut"]} for part in parts]
    return {**{name: float(manifest.get(name, math.nan)) for name in COSTS}, "cut": cut}
