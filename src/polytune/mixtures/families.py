"""Mixture families: how a study's few lines become the recipes of its mixtures.

A recipe says everything about a mixture that can be known before any data is read. A family is a kind
(`polytune.config.kinds`): a pure function whose parameters are the keys that it takes in a study file, so that the job
graph can be drawn without data and every key is checked. Languages of a mixture always stand in the order of
`config/languages.tsv`, whatever the study file says, so that permuting them changes no byte.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from polytune.config.kinds import Kind, Language, check_kind
from polytune.errors import InputError, nearest
from polytune.files import digest
from polytune.languages.codes import languages as language_table

AMOUNTS = ("rows", "total_rows", "share")
FAMILY = "family"
"""As `complete_rows`: an answer that is cut in a language of one mixture counts for all mixtures of the entry."""
COMMON = ("family", "source", *AMOUNTS, "seed", "replay", "complete_rows", "coordinates")
"""Keys that every family takes; the others are the options of its function."""


@dataclass(frozen=True)
class Recipe:
    """One mixture before its data is known.

    `amount` is one of `{"rows": "all" | n}` (per language), `{"total_rows": n}` (split over the languages) and
    `{"share": x}` (of each language's rows); `sampling` says which rows: of each language the same ids (`parallel`) or
    others (`disjoint`), or whatever a sample of the merged rows brings (`merged`). `weights` are the languages' parts
    of `total_rows` (default equal). With a `selection` (features, k, seed, vectors, perhaps base), `languages` are the
    candidates.

    Besides what decides the rows, a recipe knows its place in a study: its family, the coordinates that figures plot
    against, and the order in which languages entered, where there is one.
    """

    name: str
    source: str
    languages: tuple[str, ...]
    amount: dict
    seed: int = 1
    sampling: str = "parallel"
    weights: tuple[float, ...] = ()
    replay: dict = field(default_factory=dict)
    selection: dict = field(default_factory=dict)
    family: str = ""
    coordinates: dict = field(default_factory=dict)
    order: tuple[str, ...] = ()
    complete_rows: bool = False
    """Whether ids are left out in every language whose answer is cut in one by a run that is tuned on the mixture."""
    complete_languages: tuple[str, ...] = ()
    """Languages whose cut answers count besides the mixture's own: those of its whole family, empty for none."""
    complete_for: tuple[dict, ...] = ()
    """These runs' token stores and maximum lengths: `tokens`, `max_length_tokens`, `max_source_length_tokens`."""

    @property
    def size(self) -> int:
        """Return how many languages the mixture will have."""
        return self.selection["k"] if self.selection else len(self.languages)

    @property
    def needed_stores(self) -> list[tuple[str, str, str]]:
        """Return (tokens, source, language) of the token stores that say which answers are cut, if the mixture asks."""
        stores = dict.fromkeys(one["tokens"] for one in self.complete_for)
        languages = dict.fromkeys((*self.languages, *self.complete_languages))
        return [(store, self.source, language) for store in stores for language in languages]

    @property
    def selection_name(self) -> str:
        """Return the name of the file that lists the chosen languages, empty if none are chosen."""
        if not self.selection:
            return ""
        wanted = self.selection
        own = [self.source, wanted["base"]] if "base" in wanted else wanted["vectors"]
        others = digest([self.languages, own])[:8]
        way = f"-{wanted['algorithm']}" if "algorithm" in wanted else ""
        return f"{wanted['features']}{way}-k{wanted['k']}-seed{wanted['seed']}-{others}"

    def content(self) -> dict:
        """Return what decides the rows: all but the name and the place in a study."""
        left_out = {"name", "family", "coordinates", "order", "complete_rows"}
        # which older specs do not have
        left_out |= {name for name in ("complete_for", "complete_languages") if not getattr(self, name)}
        return {key: value for key, value in asdict(self).items() if key not in left_out}


@dataclass(frozen=True)
class Draft:
    """What all recipes of one entry of a study's `mixtures` have in common; families complete it."""

    key: str
    family: str
    source: str
    amount: dict
    seed: int
    replay: dict
    complete_rows: bool | str
    """`family`: the same ids are left out in all mixtures of the entry."""
    coordinates: dict
    where: str

    def recipe(self, middle: str, languages: Iterable[str], coordinates: dict, **others: Any) -> Recipe:
        """Return a recipe named after its source, `middle` and the amount of rows."""
        amount = {key: value for key, value in self.amount.items() if value != "all"}
        return Recipe(
            f"{self.source}-{middle}-{self._label()}",
            self.source,
            in_table_order(languages),
            self.amount,
            self.seed,
            replay=self.replay,
            complete_rows=bool(self.complete_rows),
            family=self.family,
            coordinates={**coordinates, **amount, **self.coordinates},
            **others,
        )

    def single(self, language: str, coordinates: dict) -> Recipe:
        """Return the mixture of one language: it has one name whatever the family, so that studies share its runs."""
        alone = self
        if "total_rows" in self.amount:
            alone = replace(self, amount={"rows": self.amount["total_rows"]})
        return alone.recipe(language, [language], coordinates)

    def even(self, languages: Iterable[str], coordinates: dict) -> Recipe:
        """Return the mixture that splits a budget evenly, each row in one language; it is named by its languages."""
        ordered = in_table_order(languages)
        return self.recipe("-".join(ordered), ordered, coordinates, sampling="disjoint")

    def _label(self) -> str:
        ((kind, amount),) = self.amount.items()
        if kind == "share":
            label = f"{100 * amount:.12g}-percent".replace(".", "p").replace("+", "")
        else:
            label = "all" if amount == "all" else f"{amount}-rows" + ("-in-all" if kind == "total_rows" else "")
        if self.seed != 1 and amount != "all":
            label += f"-sample{self.seed}"
        label += "-complete" if self.complete_rows else ""
        # one language has other rows in another family then
        label += f"-in-{self.key}" if self.complete_rows == FAMILY else ""
        return label + (f"-replay{self.replay['rows']}" if self.replay else "")

    def needs_total(self) -> None:
        """Raise `InputError` if the amount is not said for all languages together."""
        if "total_rows" not in self.amount:
            raise InputError(
                f"{self.where}: family '{self.family}' needs total_rows, the rows of all languages together"
            )


def in_table_order(languages: Iterable[str]) -> tuple[str, ...]:
    """Return languages in the order of `config/languages.tsv`."""
    places = {code: place for place, code in enumerate(language_table())}
    return tuple(sorted(languages, key=places.__getitem__))


def parse_sizes(sizes: object, longest: int, where: str) -> list[int]:
    """Return the sizes named by a list, a number or a range such as `1-52`; each between 1 and `longest`."""
    numbers: list[int] = []
    for item in sizes if isinstance(sizes, list) else [sizes]:
        first, dash, last = str(item).partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise InputError(f"{where}.sizes: {item!r} is neither a number nor a range such as '1-52'")
        if dash and int(first) > int(last):
            raise InputError(f"{where}.sizes: {item!r} runs backwards; write '{last}-{first}'")
        numbers += range(int(first), min(int(last or first), longest + 1) + 1)
    for number in numbers:
        if not 1 <= number <= longest:
            raise InputError(f"{where}.sizes: {number} is outside 1 to {longest}, the length of 'order'")
    if not numbers:
        raise InputError(f"{where}.sizes: the list is empty")
    return sorted(set(numbers))


def incremental(draft: Draft, order: list[Language], sizes: Any) -> Iterator[Recipe]:
    """Mixtures of the first n languages of an order (Lucky 52, section 2.1)."""
    width = len(str(len(order)))
    for size in parse_sizes(sizes, len(order), draft.where):
        if size == 1:
            yield draft.single(order[0], {"size": 1})
        else:
            middle = f"{draft.key}-{size:0{width}d}"
            yield draft.recipe(middle, order[:size], {"size": size}, order=tuple(order[:size]))


def monolingual(draft: Draft, languages: list[Language]) -> Iterator[Recipe]:
    """One mixture per language."""
    for language in languages:
        yield draft.single(language, {"tuned_on": language})


def parallel(draft: Draft, languages: list[Language]) -> Iterator[Recipe]:
    """One mixture of all listed languages with the same row ids in each (Polyglot; ALL of Linguistic)."""
    yield draft.recipe(draft.key, languages, {})


def downsampled(draft: Draft, languages: list[Language]) -> Iterator[Recipe]:
    """A random sample of the merged languages, `total_rows` in all (Alpaca, section 3.1; Polyglot 'sampled')."""
    draft.needs_total()
    yield draft.recipe(draft.key, languages, {}, sampling="merged")


def _family(name: str, caption: str, module: str = "families") -> Kind:
    return Kind(f"polytune.mixtures.{module}:{name}", ("draft",), caption)


FAMILIES = {
    "incremental": _family("incremental", "the first n languages of an order"),
    "monolingual": _family("monolingual", "one mixture per language"),
    "percent": _family("percent", "P % of the rows spread over all languages, the rest in one", module="budgets"),
    "permutations": _family(
        "permutations", "a budget split over the first n languages of seeded permutations", module="budgets"
    ),
    "pairs": _family("pairs", "two languages each, listed or drawn", module="budgets"),
    "parallel": _family("parallel", "all languages, the same rows in each"),
    "downsampled": _family("downsampled", "a random sample of the merged languages"),
    "selected": _family(
        "selected", "languages chosen by their vectors, by family or at random, or listed sets", module="selected"
    ),
}


def check_family(options: dict, where: str) -> Kind:
    """Return the kind of an entry of a study's `mixtures`, every key of which is checked; `where` begins messages."""
    if "family" not in options:
        seen = nearest("family", [key for key in options if key not in COMMON])
        raise InputError(f"{where}: the key 'family' is missing{seen.replace('did you mean', 'is it')}")
    given = [name for name in AMOUNTS if name in options]
    if len(given) != 1:
        raise InputError(f"{where}: exactly one of {', '.join(AMOUNTS)} is needed, seen: {', '.join(given) or 'none'}")
    own = {key: value for key, value in options.items() if key == "family" or key not in COMMON}
    return check_kind(FAMILIES, "family", own, where, {"Language": language_table()})


def expand_family(key: str, options: dict, offered: Sequence[str], where: str) -> list[Recipe]:
    """Return the recipes of one entry of a study's `mixtures`; `key` is its name there.

    `offered` are the languages of its source, the default candidates of a selection. Raises `InputError` that begins
    with `where` for an unknown family or key, or impossible options.
    """
    kind = check_family(options, where)
    ((amount, value),) = ((name, options[name]) for name in AMOUNTS if name in options)
    defaults = {"seed": 1, "replay": {}, "complete_rows": False, "coordinates": {}}
    rest = (options.get(name, default) for name, default in defaults.items())
    draft = Draft(key, options["family"], options["source"], {amount: value}, *rest, where)
    own = {name: value for name, value in options.items() if name not in COMMON}
    for name in ("languages", "order"):
        if own.get(name) == []:
            raise InputError(f"{where}.{name}: the list is empty; it needs at least one language")
    if kind is FAMILIES["selected"] and ("features" in own or "sets" not in own):
        own.setdefault("languages", list(offered))
    recipes = list(kind.call(draft, **own))
    if not recipes:
        raise InputError(f"{where}: these options make no mixture; leave the entry out")
    for recipe in recipes:
        if not recipe.languages:
            raise InputError(f"{where}: the mixture '{recipe.name}' has no language; it needs at least one")
        repeated = sorted({code for code in recipe.languages if recipe.languages.count(code) > 1})
        if repeated:
            raise InputError(f"{where}: {', '.join(repeated)} stands twice")
    if draft.complete_rows == FAMILY:
        together = in_table_order({code for recipe in recipes for code in recipe.languages})
        recipes = [replace(recipe, complete_languages=together) for recipe in recipes]
    return recipes
