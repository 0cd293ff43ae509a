"""Mixture families: how a study's few lines become the recipes of its mixtures.

A recipe says everything about a mixture that can be known before any data is read. Families are pure functions of the
study file, so that the job graph can be drawn without data.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field

from polytune.errors import InputError, nearest

AMOUNTS = ("rows", "total_rows", "share")


@dataclass(frozen=True)
class Recipe:
    """One mixture before its data is known.

    `amount` is one of `{"rows": "all" | n}` (per language), `{"total_rows": n}` (split over the languages) and
    `{"share": x}` (of each language's rows). `weights` are the languages' parts of `total_rows` (default equal).
    `selection` names a selection file that lists the languages when `languages` are only the candidates.
    """

    name: str
    family: str
    source: str
    languages: tuple[str, ...]
    amount: dict
    seed: int = 1
    parallel: bool = True
    weights: tuple[float, ...] = ()
    replay: dict = field(default_factory=dict)
    selection: str = ""

    def content(self) -> dict:
        """Return what decides the rows: all but the name and the family."""
        return {key: value for key, value in asdict(self).items() if key not in ("name", "family")}


def expand_family(key: str, family: str, source: str, options: dict, where: str) -> list[Recipe]:
    """Return the recipes of one entry of a study's `mixtures`.

    `key` is the entry's name in the study file, `family` one of `FAMILIES`, `where` names file and key for messages.
    Raises `InputError` for an unknown family or impossible options.
    """
    if family not in FAMILIES:
        raise InputError(
            f"{where}: unknown mixture family '{family}'{nearest(family, FAMILIES)}; there are: {', '.join(FAMILIES)}"
        )
    given = [name for name in AMOUNTS if name in options]
    if len(given) != 1:
        raise InputError(f"{where}: exactly one of {', '.join(AMOUNTS)} is needed, seen: {', '.join(given) or 'none'}")
    return list(FAMILIES[family](key, source, options, where))


def _common(options: dict) -> dict:
    amount = {name: options[name] for name in AMOUNTS if name in options}
    return {"amount": amount, "seed": options.get("seed", 1), "replay": options.get("replay", {})}


def _amount_label(options: dict) -> str:
    if "rows" in options:
        label = "all" if options["rows"] == "all" else f"{options['rows']}-rows"
    elif "total_rows" in options:
        label = f"{options['total_rows']}-rows-in-all"
    else:
        label = f"{round(options['share'] * 1000):d}-permille"
    if options.get("seed", 1) != 1 and options.get("rows") != "all":
        label += f"-sample{options['seed']}"
    return label


def _single(key: str, source: str, language: str, options: dict) -> Recipe:
    """A mixture of one language has one name whatever the family, so that studies share its runs."""
    return Recipe(
        f"{source}-{language}-{_amount_label(options)}", "monolingual", source, (language,), **_common(options)
    )


def parse_sizes(sizes: object, longest: int, where: str) -> list[int]:
    """Return the sizes named by a list, a number or a range such as `1-52`; each between 1 and `longest`."""
    numbers: list[int] = []
    for item in sizes if isinstance(sizes, list) else [sizes]:
        first, dash, last = str(item).partition("-")
        if not first.isdigit() or (dash and not last.isdigit()):
            raise InputError(f"{where}.sizes: {item!r} is neither a number nor a range such as '1-52'")
        numbers += range(int(first), int(last or first) + 1)
    for number in numbers:
        if not 1 <= number <= longest:
            raise InputError(f"{where}.sizes: {number} is outside 1 to {longest}, the length of 'order'")
    return sorted(set(numbers))


def incremental(key: str, source: str, options: dict, where: str) -> Iterator[Recipe]:
    """Mixtures of the first n languages of an order (Lucky 52, section 2.1)."""
    order = tuple(options["order"])
    width = len(str(len(order)))
    for size in parse_sizes(options["sizes"], len(order), where):
        if size == 1:
            yield _single(key, source, order[0], options)
        else:
            name = f"{source}-{key}-{size:0{width}d}-{_amount_label(options)}"
            yield Recipe(name, "incremental", source, order[:size], **_common(options))


def monolingual(key: str, source: str, options: dict, where: str) -> Iterator[Recipe]:
    """One mixture per language."""
    for language in options["languages"]:
        yield _single(key, source, language, options)


def percent(key: str, source: str, options: dict, where: str) -> Iterator[Recipe]:
    """P % of the rows spread evenly over all languages, the rest in the dominant one (Pinch, section 3.2)."""
    if "total_rows" not in options:
        raise InputError(f"{where}: family 'percent' needs total_rows")
    languages, dominant = tuple(options["languages"]), options.get("dominant", "en")
    if dominant not in languages:
        raise InputError(f"{where}.dominant: '{dominant}' is not among languages")
    for value in options["percents"]:
        if not 0 <= value <= 100:
            raise InputError(f"{where}.percents: {value} is outside 0 to 100")
        if value == 0:
            yield _single(key, source, dominant, options)
            continue
        even = value / len(languages)
        weights = tuple(even + (100 - value if language == dominant else 0) for language in languages)
        name = f"{source}-{key}-{str(value).replace('.', 'p')}-{_amount_label(options)}"
        yield Recipe(name, "percent", source, languages, parallel=False, weights=weights, **_common(options))


def pairs(key: str, source: str, options: dict, where: str) -> Iterator[Recipe]:
    """Bilingual mixtures: the listed pairs, or `count` random pairs that cover `languages` (Pinch, section 3.4)."""
    chosen = options.get("pairs")
    if chosen is None:
        languages = list(options["languages"])
        random.Random(options["pairs_seed"]).shuffle(languages)
        chosen = [sorted(languages[i : i + 2]) for i in range(0, len(languages) - 1, 2)]
    for pair in chosen:
        if len(set(pair)) != 2:
            raise InputError(f"{where}.pairs: {pair} is not a pair of two languages")
        name = f"{source}-{'-'.join(pair)}-{_amount_label(options)}"
        yield Recipe(name, "pairs", source, tuple(pair), **_common(options))


def parallel(key: str, source: str, options: dict, where: str) -> Iterator[Recipe]:
    """One mixture of all listed languages with the same row ids in each (Polyglot; `selected: all` of Linguistic)."""
    name = f"{source}-{key}-{_amount_label(options)}"
    yield Recipe(name, "parallel", source, tuple(options["languages"]), **_common(options))


def downsampled(key: str, source: str, options: dict, where: str) -> Iterator[Recipe]:
    """A random sample of the merged languages, `total_rows` in all (Alpaca, section 3.1; Polyglot 'sampled')."""
    if "total_rows" not in options:
        raise InputError(f"{where}: family 'downsampled' needs total_rows")
    name = f"{source}-{key}-{_amount_label(options)}"
    yield Recipe(name, "downsampled", source, tuple(options["languages"]), parallel=False, **_common(options))


def selected(key: str, source: str, options: dict, where: str) -> Iterator[Recipe]:
    """Languages chosen by k-means on their vectors, one mixture per seed, or listed sets (Linguistic, section 3)."""
    for label, languages in options.get("sets", {}).items():
        name = f"{source}-{key}-{label}-{_amount_label(options)}"
        yield Recipe(name, "selected", source, tuple(languages), **_common(options))
    for seed in options.get("selection_seeds", []):
        selection = f"{options['features']}-k{options['k']}-seed{seed}"
        name = f"{source}-{selection}-{_amount_label(options)}"
        yield Recipe(name, "selected", source, tuple(options["languages"]), selection=selection, **_common(options))


FAMILIES: dict[str, Callable[[str, str, dict, str], Iterator[Recipe]]] = {
    "incremental": incremental,
    "monolingual": monolingual,
    "percent": percent,
    "pairs": pairs,
    "parallel": parallel,
    "downsampled": downsampled,
    "selected": selected,
}
