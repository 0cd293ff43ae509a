"""What the page knows from the start: languages, runs and scores."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polytune.analysis.measures import measure_info
from polytune.config.paths import Paths
from polytune.explorer.columns import named, numbers
from polytune.explorer.tables import MEASURE, StudyTables, data_origin
from polytune.files import read_json
from polytune.languages.codes import languages
from polytune.languages.places import solve_positions
from polytune.languages.uriel import geographic_features
from polytune.scores.runs import COLUMNS

if TYPE_CHECKING:
    import pandas as pd

FAMILY = "family"
FACTS = ("parameters", "n_languages", "tokens", "supervised_tokens", "device_hours")
"""Columns of runs that are numbers and no coordinate of a family."""


def build_scores(studies: Sequence[StudyTables]) -> dict[str, Any]:
    """Return all scores of `studies` as columns; `measure` is measure, judge, protocol and opponent in one.

    `run` is the place in the list of `build_runs`.
    """
    import pandas as pd

    frames = []
    start = 0
    for tables in studies:
        places = {run: start + place for place, run in enumerate(dict.fromkeys(tables.runs["run"]))}
        start += len(places)
        rows = tables.scores
        frames.append(
            rows.assign(
                place=rows["run"].map(places),
                made=data_origin(tables, rows),
                measure=measure_keys(rows[list(MEASURE)].itertuples(index=False)),
            )
        )
    rows = pd.concat(frames, ignore_index=True)
    rows["digest"] = rows["digest"].str[:12]
    words = ("evaluation", "origin", "language", "measure", "aggregate", "exposure", "digest", "made")
    return {
        "run": rows["place"].tolist(),
        **{name: named(rows[name].tolist()) for name in words},
        "value": numbers(rows["value"]),
        "stderr": numbers(rows["stderr"]),
        "items": rows["items"].tolist(),
        "missing": rows["missing"].tolist(),
    }


def measure_keys(measures: Iterable[Sequence[str]]) -> list[str]:
    """Return what is measured (the columns `MEASURE`) as one word: `acc`, `rating|exact|rating-3`."""
    return ["|".join(measure).rstrip("|") for measure in measures]


def describe_measures(keys: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return how each measure is written: label, unit, whether in percent, decimals."""
    found = {}
    for key in keys:
        measure, judge, protocol, opponent = (*key.split("|"), "", "", "")[:4]
        info = measure_info(measure)
        label = info.label
        if judge:
            label += f" ({judge}, {protocol})"
        if opponent:
            label += f" against {opponent}"
        found[key] = {
            "label": label,
            "unit": info.unit,
            "percent": info.percent,
            "higher": info.higher_is_better,
            "digits": info.digits,
        }
    return found


def build_runs(studies: Sequence[StudyTables], paths: Paths) -> list[dict[str, Any]]:
    """Return every run of every study: what it is, the coordinates of each family it belongs to, how it was made."""
    return [
        {"study": tables.study, "scale": tables.scale, **_describe(rows, paths)}
        for tables in studies
        for _, rows in tables.runs.groupby("run", sort=False)
    ]


def _describe(rows: pd.DataFrame, paths: Paths) -> dict[str, Any]:
    first = rows.iloc[0]
    coordinates = [name for name in rows.columns if name not in COLUMNS]
    world = first["world"]
    mixture = first["mixture"]
    return {
        **{name: first[name] for name in ("run", "base", "method", "variant", "mixture", "world", "imported")},
        "label": mixture.partition(f"-{world}-")[2] or mixture if world else mixture,
        "seed": int(first["seed"]),
        "languages": list(first["languages"]),
        "seen": list(first["seen_languages"]),
        "notes": list(first["notes"]),
        **dict(zip(FACTS, numbers(first[name] for name in FACTS), strict=True)),
        "families": [
            {
                FAMILY: row[FAMILY],
                **{name: value for name in coordinates if (value := _plain(row[name])) not in ("", None)},
            }
            for row in rows.to_dict("records")
        ],
        "made": _provenance(first["run"], paths),
    }


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return None if math.isnan(value) else numbers([value])[0]
    return value


def _provenance(run: str, paths: Paths) -> dict[str, Any]:
    """Return spec, commit and digests of a run from its model's manifest; nothing where there is no model of ours."""
    path = Path(paths.model_marker(run))
    if not path.is_file():
        return {}
    manifest = read_json(path)
    return {
        "spec": manifest.get("spec"),
        "spec_digest": manifest.get("spec_digest"),
        "mixture_digest": manifest.get("mixture_digest"),
        "commit": manifest.get("provenance", {}).get("commit"),
        "weights": next(iter((manifest.get("weights_sha256") or {}).values()), None),
    }


def build_languages(codes: Sequence[str]) -> list[dict[str, Any]]:
    """Return name, family, branch, script and place (degrees) of each language, in the order of the table."""
    import numpy as np

    known = {code: entry for code, entry in languages().items() if code in set(codes)}
    geography = geographic_features()
    found = []
    for code, entry in known.items():
        place = {}
        if entry.iso639_3 in geography:
            x, y, z = solve_positions(geography.features, geography.rows([entry.iso639_3]))[0]
            place = {
                "latitude": round(float(np.degrees(np.arcsin(np.clip(z, -1, 1)))), 1),
                "longitude": round(float(np.degrees(np.arctan2(y, x))), 1),
            }
        described = {"name": entry.name, "family": entry.family, "branch": entry.branch, "script": entry.script}
        found.append({"code": code, **described, **place})
    return found


def build_similarities(paths: Paths, codes: Sequence[str]) -> dict[str, Any]:
    """Return each similarity of languages (`measure/method`) as rows of a matrix over `codes`; none without a table."""
    path = Path(paths.similarity)
    if not path.is_file():
        return {"languages": [], "matrices": {}}
    from polytune.readers.parquet import read_table

    table = read_table(path, ["language", "other", "measure", "method", "similarity"]).to_pandas()
    table = table[table["language"].isin(codes) & table["other"].isin(codes)]
    order = [code for code in dict.fromkeys(table["language"])]
    matrices = {}
    for (measure, method), rows in table.groupby(["measure", "method"], sort=False):
        square = rows.pivot(index="language", columns="other", values="similarity").reindex(index=order, columns=order)
        matrices[f"{measure}/{method}"] = [[_rounded(value) for value in row] for row in square.to_numpy()]
    return {"languages": order, "matrices": matrices}


def _rounded(value: float) -> float | None:
    return None if math.isnan(value) else round(float(value), 3)
