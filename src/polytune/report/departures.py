"""What a study was run with beside what its paper did: the study file with and without its overlay."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

SHOWN = 6
"""Values of a list that are named; of more their number is said."""
NOTHING = "–"


@dataclass(frozen=True)
class Departure:
    """One setting that differs."""

    setting: str
    paper: str
    here: str


def find_departures(paper: Mapping[str, Any], here: Mapping[str, Any], overlay: Mapping[str, Any]) -> list[Departure]:
    """Return the settings in which a study at scale `world` differs from the study file without its overlay.

    What stands for something of the paper (bases, sources, languages) is said once, and not again where it is used.
    """
    found = []
    for kind in ("bases", "sources", "languages"):
        for name, counterpart in overlay.get(kind, {}).items():
            found.append(Departure(f"{kind.removesuffix('s')} {name}", name, counterpart or "left out"))
    if worlds := overlay.get("worlds"):
        found.append(Departure("generated worlds", NOTHING, in_words(worlds)))
    found += _changed(paper["mixtures"], here["mixtures"], "mixtures", {"source"})
    found += _of_runs(paper["runs"], here["runs"])
    found += _changed(paper["evaluation"], here["evaluation"], "evaluation", set())
    found += _changed(paper["analysis"], here["analysis"], "analysis", set())
    return found


def _changed(paper: Mapping[str, Any], here: Mapping[str, Any], where: str, left_out: set[str]) -> Iterator[Departure]:
    for key in {**paper, **here}:
        old, new = paper.get(key), here.get(key)
        if old == new or key in left_out:
            continue
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from _changed(old, new, f"{where}.{key}", left_out)
        else:
            yield Departure(f"{where}.{key}", in_words(old), in_words(new))


def _of_runs(paper: list[dict], here: list[dict]) -> Iterator[Departure]:
    """Yield what differs in hyperparameters, batch and seeds, method by method: the entries of one share them here."""
    for method in dict.fromkeys(entry["method"] for entry in here):
        old, new = ([entry for entry in entries if entry["method"] == method] for entries in (paper, here))
        settings = {name: None for entry in [*old, *new] for name in entry["hyperparameters"]}
        for name in settings:
            values = [_distinct([entry["hyperparameters"].get(name) for entry in entries]) for entries in (old, new)]
            if values[0] != values[1]:
                yield Departure(f"{method}: {name}", *map(_several, values))
        for name in ("batch", "seeds"):
            values = [_distinct([entry.get(name) for entry in entries]) for entries in (old, new)]
            if values[0] != values[1]:
                yield Departure(f"{method}: {name}", *map(_several, values))


def _distinct(values: list[Any]) -> list[Any]:
    found: list[Any] = []
    for value in values:
        if value not in found:
            found.append(value)
    return found


def _several(values: list[Any]) -> str:
    return " or ".join(in_words(value) for value in values)


def in_words(value: Any) -> str:
    """Return a value of a study file as a person would write it."""
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, int):
        return f"{value:,}" if value >= 10_000 else str(value)
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {in_words(entry)}" for key, entry in value.items() if entry is not None) or NOTHING
    if isinstance(value, list | tuple):
        words = [in_words(entry) for entry in value]
        return ", ".join(words) if len(words) <= SHOWN else f"{', '.join(words[:SHOWN])}, ... ({len(words)} in all)"
    return str(value)
