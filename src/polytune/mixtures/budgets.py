"""Families that split one budget of rows over languages: how much of each, how many, which two (Pinch, section 3)."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from polytune.config.kinds import Language
from polytune.errors import InputError
from polytune.languages.seeds import check_seeds
from polytune.mixtures.families import Draft, Recipe, in_table_order, parse_sizes

ENGLISH = Language("en")


def percent(
    draft: Draft,
    languages: list[Language],
    percents: list[float],
    dominant: Language = ENGLISH,
    rows_of_others: dict[str, int] | None = None,
) -> Iterator[Recipe]:
    """P % of the rows spread evenly over all languages, the rest in the dominant one (Pinch, section 3.2).

    `rows_of_others` says of a P how many rows the others have together, where that is not what P % makes.
    """
    draft.needs_total()
    if dominant not in languages:
        raise InputError(f"{draft.where}.dominant: '{dominant}' is not among languages: {', '.join(languages)}")
    ordered, total = in_table_order(languages), draft.amount["total_rows"]
    given = {value: rows for value in percents if (rows := (rows_of_others or {}).get(f"{value:g}")) is not None}
    if strange := set(rows_of_others or {}) - {f"{value:g}" for value in given}:
        raise InputError(f"{draft.where}.rows_of_others: {min(strange)} is not among percents: {percents}")
    for value in percents:
        if not 0 <= value <= 100:
            raise InputError(f"{draft.where}.percents: {value} is outside 0 to 100")
        coordinates = {"percent": value, "dominant": dominant}
        if value in (0, 100) and value not in given:
            yield draft.even(ordered, coordinates) if value else draft.single(dominant, coordinates)
            continue
        each = given[value] / (len(ordered) - 1) if value in given else value / 100 * total / len(ordered)
        rest = total - each * (len(ordered) - 1)
        if rest < each:
            raise InputError(
                f"{draft.where}.rows_of_others: {given[value]} of {total} rows leave '{dominant}' less than the others"
            )
        weights = tuple(rest if language == dominant else each for language in ordered)
        middle = f"{draft.key}-{str(value).replace('.', 'p')}"
        yield draft.recipe(middle, ordered, coordinates, sampling="disjoint", weights=weights)


def permutations(draft: Draft, languages: list[Language], permutation_seeds: list[int], sizes: Any) -> Iterator[Recipe]:
    """A budget split evenly over the first n languages of seeded permutations (Pinch, section 3.4).

    Permutations that begin with the same languages share the mixture, which counts for the first of them.
    """
    draft.needs_total()
    check_seeds(permutation_seeds, f"{draft.where}.permutation_seeds")
    known = set()
    for seed in permutation_seeds:
        order = list(in_table_order(languages))
        random.Random(seed).shuffle(order)
        for size in parse_sizes(sizes, len(order), draft.where):
            coordinates, chosen = {"size": size, "permutation": seed}, frozenset(order[:size])
            if chosen not in known:
                yield draft.single(order[0], coordinates) if size == 1 else draft.even(chosen, coordinates)
            known.add(chosen)


def pairs(
    draft: Draft,
    pairs: list[list[Language]] | None = None,
    languages: list[Language] | None = None,
    pairs_seed: int | None = None,
) -> Iterator[Recipe]:
    """Bilingual mixtures: the listed pairs, or random pairs that cover `languages` (Pinch, section 3.4).

    A pair shares `total_rows`, each row in one of its languages; of `rows` both have the same ids.
    """
    if (pairs is None) == (languages is None or pairs_seed is None):
        raise InputError(f"{draft.where}: family 'pairs' needs the key 'pairs', or 'languages' and 'pairs_seed'")
    if pairs is None:
        check_seeds([pairs_seed], f"{draft.where}.pairs_seed")
        shuffled = list(in_table_order(languages))
        if len(shuffled) % 2:
            raise InputError(f"{draft.where}.languages: {len(shuffled)} languages cannot be paired; add or drop one")
        random.Random(pairs_seed).shuffle(shuffled)
        pairs = [shuffled[place : place + 2] for place in range(0, len(shuffled), 2)]
    for pair in pairs:
        if len(set(pair)) != 2 or len(pair) != 2:
            raise InputError(f"{draft.where}.pairs: {pair} is not a pair of two languages")
        name = "-".join(in_table_order(pair))
        if "total_rows" in draft.amount:
            yield draft.even(pair, {"pair": name})
        else:
            yield draft.recipe(name, pair, {"pair": name})
