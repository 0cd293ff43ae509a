"""Sentences about ranks, about which measure separates models, and about where errors come from."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from polytune.analysis.measures import measure_info
from polytune.report.differences import unit_of
from polytune.report.rows import About, Row, describe, in_words, listed, number, of, plain

LISTS = ("evaluation", "origin", "base", "world", "judge", "protocol", "opponent", "language")
"""Columns of a table of ranks that say which list of models a row is in."""


def _grouped(rows: Sequence[Row], columns: Sequence[str]) -> list[list[Row]]:
    found: dict[tuple, list[Row]] = {}
    for row in rows:
        found.setdefault(tuple(row.get(column) for column in columns), []).append(row)
    return list(found.values())


def say_ranks(rows: Sequence[Row], about: About) -> str:
    """Return in how many lists the first is certain, and with whom it is tied where there is one list."""
    lists = [group for group in _grouped(rows, LISTS) if len(group) > 1]
    if not lists:
        return "There is one model in each list: nothing is ranked."
    ties = [[row for row in group[1:] if set(row["group"]) & set(group[0]["group"])] for group in lists]
    certain = sum(not tied for tied in ties)
    told = [number(group[0], "separated") for group in lists]
    if len(lists) == 1:
        name = about.options.get("against") or "model"
        first, *tied = (in_words(name, row["model"], about.context) for row in (lists[0][0], *ties[0]))
        pairs = f"{100 * told[0]:.0f} % of all pairs of models can be told apart"
        if certain:
            return f"In this run {first} ranks first and can be told from every other model; {pairs}."
        return f"In this run {first} ranks first but cannot be told from {listed(tied)}; {pairs}."
    ends = sorted(f"{100 * share:3.0f}" for share in told if not math.isnan(share))
    span = f"; from {ends[0].strip()} to {ends[-1].strip()} % of the pairs of a list can be told apart" if ends else ""
    if not certain:
        return f"In this run no list has a first model that can be told from every other{span}."
    if certain == len(lists):
        return f"In this run all {certain} lists have a first model that can be told from every other{span}."
    return (
        f"In this run the first model can be told from every other in {of(certain, len(lists), 'list')}; in the others "
        f"the first place is shared{span}."
    )


def _case(row: Row, rows: Sequence[Row], about: About) -> str:
    """Return which benchmark and base, and which language where that differs, a row is of."""
    columns = ("evaluation", "base", "language")
    reduced = [{name: one.get(name) or "" for name in columns} for one in rows]
    return describe({name: row.get(name) or "" for name in columns}, reduced, about)


def _shares(names: Sequence[str], link: str = "") -> str:
    """Return which of the names how many cases have: `a in 3 of 5 cases of a benchmark and a base and b in 2`."""
    counts = Counter(names).most_common()
    if len(counts) == 1:
        return f"{names[0]} in all {len(names)} cases of a benchmark and a base"
    of_all = f" of {len(names)} cases of a benchmark and a base"
    return listed(
        f"{link if place else ''}{name} in {count}{'' if place else of_all}"
        for place, (name, count) in enumerate(counts)
    )


def say_separation(rows: Sequence[Row], about: About) -> str:
    """Return which measure separates the models of each benchmark and base best."""
    best = []
    for group in _grouped(rows, ("evaluation", "base")):
        usable = [row for row in group if number(row, "ratio") > 0]
        best += [max(usable, key=lambda row: number(row, "ratio"))] if usable else []
    if not best:
        return "In this run no measure separates the models."
    begin = "In this run the measure whose spread of models is largest beside its error is"
    names = [measure_info(row["measure"]).label for row in best]
    shares = sorted(100 * number(row, "separated") for row in best)
    if len(best) == 1:
        return f"{begin} {names[0]} ({shares[0]:.0f} % of pairs told apart)."
    return f"{begin} {_shares(names)}; it tells {shares[0]:.0f} to {shares[-1]:.0f} % of the pairs of models apart."


PLURALS = {"draw": "mixture draws", "item": "items", "seed": "seeds", "judge": "judges", "language": "languages"}


def _source(component: str) -> str:
    """Return how a source of error is said: `draw` or `draw x item`."""
    names = [PLURALS.get(name, name) for name in component.split(" x ")]
    return names[0] if len(names) == 1 else f"the interaction of {listed(names)}"


def say_components(rows: Sequence[Row], about: About) -> str:
    """Return what most of the error of a difference of two models comes from, for each mean over languages."""
    sources = [row for row in rows if row["component"] != "language"]
    shown = [row for row in sources if not row["language"]] or sources
    found = []
    for group in _grouped(shown, ("evaluation", "origin", "base", "language")):
        total = sum(number(row, "own") for row in group)
        if total > 0:
            largest = max(group, key=lambda row: number(row, "own"))
            found.append((1.96 * math.sqrt(2 * total), 100 * number(largest, "own") / total, largest))
    seeds = any(number(row, "seed") > 0 for row in rows)
    unknown = "" if seeds else " What seeds add is not known: no two runs differ in nothing else."
    if not found:
        return f"In this run no source of error could be measured.{unknown}"
    found.sort(key=lambda one: one[0])
    widths = [f"± {plain(half, about.info.digits)}{unit_of(about.info)}" for half, _, _ in found]
    names = [_source(row["component"]) for _, _, row in found]
    if len(found) == 1:
        begin = f"In this run {found[0][1]:.0f} % of the variance of a difference of two models comes from {names[0]}"
        return f"{begin}; its 95 % interval is {widths[0]}.{unknown}"
    ends = [f"{width} ({_case(row, shown, about)})" for width, (_, _, row) in zip(widths, found, strict=True)]
    return (
        f"In this run the largest part of the variance of a difference of two models comes from "
        f"{_shares(names, 'from ')}; the 95 % interval of a difference goes from {ends[0]} to {ends[-1]}.{unknown}"
    )
