"""How many answers a training will cut of the rows that a mixture takes, told from the token stores that are there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from polytune.data.cutting import Cut, Lengths
from polytune.data.tokens import TokenStore
from polytune.mixtures.manifest import Mixture, Part

SHOWN = 8  # parts

Whole = dict[tuple[Path, Lengths], Cut]
"""Counts of all rows of a store at a length, for callers that meet them again."""


def count_taken(mixture: Mixture, stores: Path, lengths: Lengths, whole: Whole | None = None) -> dict[str, Cut | None]:
    """Return how many answers are cut of the rows that a mixture takes, by `source/language`.

    `stores` is the folder of one tokenization's token stores, {source}/{language}. None: the rows are not tokenised
    yet, or are others than the mixture's.
    """
    taken: dict[tuple[str, str], list[Part]] = {}
    for part in mixture.parts:
        taken.setdefault((part.source, part.language), []).append(part)
    whole = {} if whole is None else whole
    found: dict[str, Cut | None] = {}
    for (source, language), parts in taken.items():
        folder, name = stores / source / language, f"{source}/{language}"
        store = TokenStore(folder)
        if not (folder / "index.json").exists() or store.index["data_digest"] != parts[0].data_digest:
            found[name] = None  # in the second case one of the two will be made again
        elif all(part.take == "all" for part in parts) and not mixture.incomplete:
            found[name] = count_store(folder, lengths, whole)
        else:
            cuts = [store.count_cut(lengths, mixture.select(part, store.keys)) for part in parts]
            found[name] = sum(cuts[1:], start=cuts[0])
    return found


def count_store(folder: Path, lengths: Lengths, whole: Whole) -> Cut:
    """Return how many answers of all rows of a token store are cut, counted once."""
    if (folder, lengths) not in whole:
        whole[folder, lengths] = TokenStore(folder).count_cut(lengths)
    return whole[folder, lengths]


def say_taken(mixture: Mixture, readings: Iterable[str], tokens: Path) -> Iterator[str]:
    """Yield what trainings will cut of a mixture, a line for each reading and language that loses answers.

    A reading is a tokenization and the maximum length, of an encoder's input too if that has one of its own:
    `bloom-alpaca-decoder-1a2b3c:768`. `tokens` is the folder of all token stores.
    """
    for reading in readings:
        name, *lengths = reading.split(":")
        cuts = count_taken(mixture, tokens / name, Lengths(*map(int, lengths)))
        where = f"at {lengths[0]} tokens ({name})"
        cut = {part: one for part, one in cuts.items() if one and one.share}
        for part, one in sorted(cut.items(), key=lambda item: -item[1].share):
            yield f"{part}: {one}, {where}"
        if unknown := [part for part, one in cuts.items() if one is None]:
            named = ", ".join(unknown[:SHOWN]) + f" and {len(unknown) - SHOWN} more" * (len(unknown) > SHOWN)
            yield f"answers cut {where}: not known yet of {named}; once tokenised, `polytune plan` says it"
        elif not cut:
            yield f"no answer is cut {where}"
