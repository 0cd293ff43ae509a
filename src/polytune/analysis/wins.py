"""Win rates of the models of a study, raw and freed from length and language, language by language."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from polytune.analysis.controlled_wins import ControlledRate, controlled_rate, design, mean_rate
from polytune.analysis.intervals import bounded_interval
from polytune.analysis.items import Items, item_values
from polytune.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

WIN, LENGTH, LANGUAGE = "win", "length_advantage", "language_advantage"
LINE = ["base", "judge", "protocol", "opponent"]
KEYS = ["run", "judge", "protocol", "opponent", "language", "item", "turn"]


def measure_wins(items: Items, named: pd.DataFrame, evaluations: list[tuple[str, str]]) -> Iterator[dict[str, Any]]:
    """Yield a row for each evaluation, `LINE`, model and language, and one for the mean over languages.

    `named` are the runs with `group`, the model (`designs.name_groups`). Columns: prompts, runs, value, low, high (raw,
    a tie counted half); controlled, controlled_low, controlled_high; longer (mean length advantage, characters),
    in_language (mean language advantage), languages (how many). A statement is made within a language first; the mean
    over languages (language empty) is that of the languages' rates, its clusters the prompts. A model has no value in
    the language of its own opponent: the mean is over the languages that all models of a line have, if these are two or
    more, else over each model's own.
    """
    for name, origin in evaluations:
        table = _read(items, name, origin).merge(named[["run", "base", "group"]], on="run")
        for line, models in table.groupby(LINE, sort=False):
            asked = [set(part["language"]) for _, part in models.groupby("group")]
            shared = set.intersection(*asked)
            for model, part in models.groupby("group", sort=False):
                about = {"evaluation": name, "origin": origin, **dict(zip(LINE, line, strict=True)), "model": model}
                rates = {language: _controlled(own) for language, own in part.groupby("language", sort=False)}
                for language, own in part.groupby("language", sort=False):
                    yield about | {"language": language} | _summary(own, rates[language])
                common = [language for language in rates if language in shared or len(shared) < 2]
                if len(common) > 1:
                    rows = part[part["language"].isin(common)]
                    yield about | {"language": ""} | _summary(rows, [one for own in common for one in rates[own]])


def _read(items: Items, name: str, origin: str) -> pd.DataFrame:
    """Return the judged answers with wins and what the run has before its opponent; unjudged answers are left out."""
    wins = items.read(name, origin, WIN).dropna(subset="value").rename(columns={"value": WIN})
    for measure in (LENGTH, LANGUAGE):
        try:
            more = items.read(name, origin, measure).rename(columns={"value": measure})
        except InputError:  # nothing identified the language of the answers
            continue
        wins = wins.merge(more[[*KEYS, measure]], on=KEYS, how="left")
    return wins


def _controlled(own: pd.DataFrame) -> list[ControlledRate]:
    """Return the controlled rate of each run in one language."""
    found = []
    for _, run in own.groupby("run", sort=False):
        passes = run[LANGUAGE].fillna(0.0).to_numpy() if LANGUAGE in run else None
        covariates = design(run[LENGTH].fillna(0.0).to_numpy(), passes)
        found.append(controlled_rate(run[WIN].to_numpy(), covariates, run["item"].tolist()))
    return found


def _summary(part: pd.DataFrame, rates: list[ControlledRate]) -> dict[str, Any]:
    """Return raw and controlled rate with their intervals, clustered by prompt."""
    by_language = item_values(part, WIN, [])[WIN].unstack("language")
    prompts = by_language.mean(axis=1).to_numpy()
    low, high = bounded_interval(prompts)
    value, controlled_low, controlled_high = mean_rate(rates, freed=2 + (LANGUAGE in part))
    return {
        "prompts": len(prompts),
        "runs": part["run"].nunique(),
        "languages": part["language"].nunique(),
        "value": float(np.nanmean(by_language.mean(axis=0))),
        "low": low,
        "high": high,
        "controlled": value,
        "controlled_low": controlled_low,
        "controlled_high": controlled_high,
        "longer": float(part[LENGTH].mean()),
        "in_language": float(part[LANGUAGE].mean()) if LANGUAGE in part else np.nan,
    }
