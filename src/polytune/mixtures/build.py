"""Build the manifest of one mixture from its recipe and the reports of its data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from polytune.data.columns import keys_of, read_table
from polytune.data.positions import correspond
from polytune.errors import InputError, counted
from polytune.files import read_json
from polytune.mixtures.complete import find_incomplete
from polytune.mixtures.cut import say_taken
from polytune.mixtures.families import Recipe, in_table_order
from polytune.mixtures.manifest import Mixture, Part, Take, is_complete, mix_keys, select_rows


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


def read_recipe(path: Path) -> Recipe:
    """Return the recipe that a file of the workflow holds."""
    content = read_json(path)
    try:
        recipe = content["recipe"]
        lists = {
            name: tuple(recipe.get(name, ())) for name in ("languages", "weights", "complete_for", "complete_languages")
        }
        return Recipe(content["mixture"], **{**recipe, **lists})
    except (KeyError, TypeError) as error:
        raise InputError(f"{path}: not the recipe of a mixture: {error}") from None


def build_mixture(
    recipe: Recipe, data: Path, selection: Path | None = None, tokens: Path = Path("results/tokens")
) -> Mixture:
    """Return the mixture of a recipe over the read sources in `data`; `selection` names the chosen languages.

    `tokens` holds the token stores of a recipe that wants complete rows.

    Raises `InputError` when a language has fewer rows than the recipe asks for, or none at all.
    """
    languages = recipe.languages if selection is None else in_table_order(read_json(selection)["languages"])
    looked_at = in_table_order({*languages, *recipe.complete_languages})
    reports = {language: read_json(data / recipe.source / f"{language}.report.json") for language in looked_at}
    incomplete, notes = find_incomplete(recipe, looked_at, reports, tokens)
    reports = {language: reports[language] for language in languages}
    if incomplete or recipe.amount.get("rows") != "all":
        keys = {language: read_keys(data, recipe.source, language) for language in languages}
        keys = {language: values[is_complete(values, incomplete)] for language, values in keys.items()}
    if recipe.amount.get("rows") == "all":
        takes: dict[str, str | Take] = dict.fromkeys(languages, "all")
        counts = {code: len(keys[code]) if incomplete else reports[code]["rows"] for code in languages}
    elif recipe.sampling == "merged":
        takes, counts = _random_takes(recipe, keys)
        if absent := [language for language in languages if not counts[language]]:
            notes.append(f"no row of {', '.join(absent)} is in the sample of {recipe.amount['total_rows']:,} rows")
    else:
        takes, counts = _counted_takes(recipe, keys)
    _check_counts(recipe, languages, counts, reports)
    if recipe.sampling == "parallel" and len(languages) > 1 and (reason := correspond(reports)):
        if recipe.amount.get("rows") != "all":
            raise InputError(f"mixture '{recipe.name}': the rows of {recipe.source} are not parallel: {reason}")
        notes.append(f"the rows of {recipe.source} are not parallel: {reason}")
    parts = [
        _part(recipe.source, language, takes[language], counts[language], reports[language])
        for language in languages
        if counts[language]
    ]
    parts += _replay_parts(recipe, data)
    named = recipe.name, recipe.sampling, recipe.source
    return Mixture(*named, tuple(languages), tuple(parts), tuple(notes), incomplete)


def _check_counts(recipe: Recipe, languages: tuple[str, ...], counts: dict[str, int], reports: dict[str, dict]) -> None:
    """Raise `InputError` for a language of which nothing is left although the recipe asks for it."""
    wanted = {language for language, weight in zip(languages, recipe.weights, strict=False) if weight} or set(languages)
    for language in languages:
        if not counts[language] and language in wanted and recipe.sampling != "merged":
            ((kind, amount),) = recipe.amount.items()
            raise InputError(
                f"mixture '{recipe.name}': no row of {recipe.source}/{language} is left: {kind} {amount} of "
                f"{reports[language]['rows']:,} rows in {len(languages)} languages; raise {kind} or drop the language"
            )


def _part(source: str, language: str, take: str | Take, rows: int, report: dict, role: str = "instruction") -> Part:
    return Part(source, language, take, rows, report["digest"], role)


def _counted_takes(recipe: Recipe, keys: dict[str, np.ndarray]) -> tuple[dict[str, Take], dict[str, int]]:
    """Return what to take of each language, of which `keys` are there, where the recipe tells the counts."""
    amount, languages = recipe.amount, tuple(keys)
    if "share" in amount:
        counts = [round(amount["share"] * len(values)) for values in keys.values()]
    elif "total_rows" in amount:
        counts = split_rows(amount["total_rows"], list(recipe.weights) or [1.0] * len(languages))
    else:
        counts = [amount["rows"]] * len(languages)
    takes = (_parallel_takes if recipe.sampling == "parallel" else _disjoint_takes)(keys, counts, recipe.seed)
    for language, count, take in zip(languages, counts, takes, strict=True):
        found = len(select_rows(keys[language], take))
        if found < count:
            common = " in every language" if recipe.sampling == "parallel" and len(languages) > 1 else ""
            raise InputError(
                f"mixture '{recipe.name}': {count:,} rows of {recipe.source}/{language} are asked for, "
                f"{found:,} are there{common}"
            )
    return dict(zip(languages, takes, strict=True)), dict(zip(languages, counts, strict=True))


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
    """Different ids in every language: one order of the ids, at whose end the largest part stands; before it the others
    take turns, row by row.

    So what one of equal others takes is part of what it takes where their share is larger, and the largest gives way
    one row at a time: samples are nested along a family's percents. Where the ids do not suffice for all, each language
    takes its first ones.
    """
    if sum(counts) > min(map(len, keys.values())):
        return [Take(seed, count) for count in counts]
    largest, step = counts.index(max(counts)), max(len(counts) - 1, 1)
    takes, turn = [], 0
    for place, count in enumerate(counts):
        if place == largest:
            takes.append(Take(seed, count, skip=sum(counts) - count))
        else:
            takes.append(Take(seed, count, skip=turn, step=step))
            turn += 1
    return takes


def _random_takes(recipe: Recipe, keys: dict[str, np.ndarray]) -> tuple[dict[str, Take], dict[str, int]]:
    """The `total_rows` smallest values over all languages together: a uniform sample of the merged rows."""
    total, languages = recipe.amount["total_rows"], tuple(keys)
    seeds = [recipe.seed * 1_000 + number for number in range(1, len(languages) + 1)]
    values = np.concatenate([mix_keys(ours, seed) for ours, seed in zip(keys.values(), seeds, strict=True)])
    owner = np.repeat(np.arange(len(languages)), list(map(len, keys.values())))
    if total > len(values):
        raise InputError(f"mixture '{recipe.name}': {total:,} rows are asked for, {len(values):,} are there")
    counts = np.bincount(owner[np.argsort(values, kind="stable")[:total]], minlength=len(languages)).tolist()
    takes = [Take(seed, count) for seed, count in zip(seeds, counts, strict=True)]
    return dict(zip(languages, takes, strict=True)), dict(zip(languages, counts, strict=True))


def _replay_parts(recipe: Recipe, data: Path) -> list[Part]:
    """Rows of another source (pre-training texts) that are mixed in to keep what the base knows."""
    if not recipe.replay:
        return []
    source, languages = recipe.replay["source"], in_table_order(recipe.replay["languages"])
    parts = []
    for language, count in zip(languages, split_rows(recipe.replay["rows"], [1.0] * len(languages)), strict=True):
        report = read_json(data / source / f"{language}.report.json")
        if count > report["rows"]:
            raise InputError(
                f"mixture '{recipe.name}': {recipe.replay['rows']:,} rows of replay are asked for, {count:,} "
                f"of them of {source}/{language}, which has {report['rows']:,}; lower replay.rows"
            )
        if count:
            take = Take(recipe.replay.get("seed", 1), count)
            parts.append(_part(source, language, take, count, report, role="replay"))
    return parts


def command(
    spec: Annotated[Path, typer.Option(help="The recipe, as the workflow writes it.")],
    data: Annotated[Path, typer.Option(help="Folder of read sources: {source}/{language}.parquet and reports.")],
    output: Annotated[Path, typer.Option(help="Manifest to write.")],
    selection: Annotated[Path | None, typer.Option(help="File that names the languages chosen.")] = None,
    tokens: Annotated[Path, typer.Option(help="Folder of all token stores: they know which answers are cut.")] = Path(
        "results/tokens"
    ),
    read: Annotated[
        list[str] | None,
        typer.Option(help="TOKENIZATION:MAX_LENGTH_TOKENS of a training on it, whose cut answers are counted."),
    ] = None,
) -> None:
    """Write the manifest of one mixture, and print which answers trainings on it will cut."""
    mixture = build_mixture(read_recipe(spec), data, selection, tokens)
    mixture.write(output)
    print(f"{mixture.mixture}: {counted(len(mixture.languages), 'language')}, {mixture.rows} rows")
    for note in mixture.notes:
        print(f"note: {note}")
    for line in say_taken(mixture, read or (), tokens):
        print(line)
