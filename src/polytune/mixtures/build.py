"""Build the manifest of one mixture from its recipe and the reports of its data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from polytune.data.columns import keys_of, read_table
from polytune.errors import InputError
from polytune.files import read_json
from polytune.mixtures.manifest import Mixture, Part, Take, mix_keys, select_rows


def split_rows(total: int, weights: list[float]) -> list[int]:
    """Split `total` rows in proportion to `weights` by largest remainders; the parts sum to `total` exactly."""
    exact = np.asarray(weights, float) / sum(weights) * total
    parts = np.floor(exact).astype(int)
    # ties of remainders go to the earlier language; rounding hides differences that are only floating-point noise
    order = sorted(range(len(exact)), key=lambda i: (-round(exact[i] - parts[i], 9), i))
    for i in order[: total - int(parts.sum())]:
        parts[i] += 1
    return parts.tolist()


def read_keys(data: Path, source: str, language: str) -> np.ndarray:
    """Return the uint64 row keys of one language, shape (rows,); only that column is read."""
    return keys_of(read_table(data / source / f"{language}.parquet", ["key"]))


def _count_rows(recipe: dict, languages: list[str], available: dict[str, int]) -> list[int]:
    amount = recipe["amount"]
    if "share" in amount:
        return [round(amount["share"] * available[language]) for language in languages]
    if "total_rows" in amount:
        return split_rows(amount["total_rows"], list(recipe.get("weights") or [1.0] * len(languages)))
    return [amount["rows"]] * len(languages)


def build_mixture(recipe: dict, data: Path, selections: Path | None = None) -> Mixture:
    """Return the mixture of a recipe (the fields of `families.Recipe` as a dict) over the read sources in `data`.

    Raises `InputError` when a language has fewer rows than the recipe asks for.
    """
    languages = list(recipe["languages"])
    if recipe.get("selection"):
        chosen = read_json(selections / f"{recipe['selection']}.json")["languages"]
        languages = sorted(chosen)
    source, seed = recipe["source"], recipe["seed"]
    reports = {language: read_json(data / source / f"{language}.report.json") for language in languages}
    if recipe["amount"].get("rows") == "all":
        parts = [_part(source, language, "all", reports[language]["rows"], reports[language]) for language in languages]
    else:
        parts = _sampled_parts(recipe, languages, reports, data, source, seed)
    parts += _replay_parts(recipe.get("replay") or {}, data)
    return Mixture(recipe["name"], recipe["family"], source, tuple(languages), tuple(parts))


def _part(source: str, language: str, take: str | Take, rows: int, report: dict, role: str = "instruction") -> Part:
    return Part(source, language, take, rows, report["digest"], role)


def _sampled_parts(recipe, languages, reports, data, source, seed) -> list[Part]:
    available = {language: reports[language]["rows"] for language in languages}
    keys = {language: read_keys(data, source, language) for language in languages}
    if recipe["family"] == "downsampled":
        return _random_parts(recipe, languages, reports, keys, source, seed)
    counts = _count_rows(recipe, languages, available)
    takes = _parallel_takes(keys, counts, seed) if recipe["parallel"] else _disjoint_takes(keys, counts, seed)
    parts = []
    for language, count, take in zip(languages, counts, takes, strict=True):
        found = len(select_rows(keys[language], take))
        if found < count:
            raise InputError(
                f"mixture '{recipe['name']}': {count} rows of {source}/{language} are asked for, {found} are there"
            )
        if count:
            parts.append(_part(source, language, take, count, reports[language]))
    return parts


def _parallel_takes(keys: dict[str, np.ndarray], counts: list[int], seed: int) -> list[Take]:
    """The same ids in every language: rows that some language lacks are left out of the order everywhere."""
    common = None
    for values in keys.values():
        common = values if common is None else np.intersect1d(common, values)
    takes = []
    for values, count in zip(keys.values(), counts, strict=True):
        order = values[np.argsort(mix_keys(values, seed), kind="stable")]
        lacking = ~np.isin(order, common)
        # only the lacking rows that stand before the last taken one matter: the manifest stays small
        reach = int(np.searchsorted(np.cumsum(~lacking), count)) + 1
        without = tuple(int(key) for key in order[:reach][lacking[:reach]])
        takes.append(Take(seed, count, without=without))
    return takes


def _disjoint_takes(keys: dict[str, np.ndarray], counts: list[int], seed: int) -> list[Take]:
    """Different ids in every language: one order of the ids, cut into consecutive blocks."""
    takes, skip = [], 0
    for language, count in zip(keys, counts, strict=True):
        wraps = skip + count > len(keys[language])
        takes.append(Take(seed, count, skip=0 if wraps else skip))
        skip = count if wraps else skip + count
    return takes


def _random_parts(recipe, languages, reports, keys, source, seed) -> list[Part]:
    """The `total_rows` smallest values over all languages together: a uniform sample of the merged rows."""
    total = recipe["amount"]["total_rows"]
    seeds = {language: seed * 1_000 + number for number, language in enumerate(languages, start=1)}
    values = np.concatenate([mix_keys(keys[language], seeds[language]) for language in languages])
    owner = np.repeat(np.arange(len(languages)), [len(keys[language]) for language in languages])
    if total > len(values):
        raise InputError(f"mixture '{recipe['name']}': {total} rows are asked for, {len(values)} are there")
    counts = np.bincount(owner[np.argsort(values, kind="stable")[:total]], minlength=len(languages))
    return [
        _part(source, language, Take(seeds[language], int(count)), int(count), reports[language])
        for language, count in zip(languages, counts, strict=True)
        if count
    ]


def _replay_parts(replay: dict, data: Path) -> list[Part]:
    """Rows of another source (pre-training texts) that are mixed in to keep what the base knows."""
    if not replay:
        return []
    source, languages, seed = replay["source"], replay["languages"], replay.get("seed", 1)
    parts = []
    for language, count in zip(languages, split_rows(replay["rows"], [1.0] * len(languages)), strict=True):
        report = read_json(data / source / f"{language}.report.json")
        count = min(count, report["rows"])
        parts.append(_part(source, language, Take(seed, count), count, report, role="replay"))
    return parts


def command(
    recipe: Annotated[str, typer.Option(help="The recipe as JSON.")],
    data: Annotated[Path, typer.Option(help="Folder of read sources: {source}/{language}.parquet and reports.")],
    output: Annotated[Path, typer.Option(help="Manifest to write.")],
    selections: Annotated[Path | None, typer.Option(help="Folder of language selections.")] = None,
) -> None:
    """Write the manifest of one mixture."""
    mixture = build_mixture(json.loads(recipe), data, selections)
    mixture.write(output)
    print(f"{mixture.mixture}: {len(mixture.languages)} languages, {mixture.rows} rows")
