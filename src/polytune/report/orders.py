"""Sentences about ranks, about which measure separates models, and about where errors come from."""

from __future__ import annotations

import math
from collections.abc import Sequence

from polytune.analysis.measures import measure_info
from polytune.report.rows import About, Row, describe, listed, number, of, plain

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
        first, pairs = lists[0][0], f"{100 * told[0]:.0f} % of all pairs of models can be told apart"
        if certain:
            return f"In this run {first['model']} ranks first and can be told from every other model; {pairs}."
        tied = listed(row["model"] for row in ties[0])
        return f"In this run {first['model']} ranks first but cannot be told from {tied}; {pairs}."
    ends = sorted(f"{100 * share:3.0f}" for share in told if not math.isnan(share))
    span = f"; from {ends[0].strip()} to {ends[-1].strip()} % of the pairs of a list can be told apart" if ends else ""
    if certain == len(lists):
        return f"In this run all {certain} lists have a first model that can be told from every other{span}."
    return (
        f"In this run the first model can be told from every other in {of(certain, len(lists), 'list')}; in the others "
        f"the first place is shared{span}."
    )


def say_separation(rows: Sequence[Row], about: About) -> str:
    """Return which measure separates the models of each benchmark best."""
    said = []
    for group in _grouped(rows, ("evaluation", "base")):
        usable = [row for row in group if number(row, "ratio") > 0]
        if not usable:
            continue
        best = max(usable, key=lambda row: number(row, "ratio"))
        title = about.context.title(best["evaluation"])
        told = f"{100 * number(best, 'separated'):.0f} % of pairs told apart"
        said.append(f"in {title} {measure_info(best['measure']).label} ({told})")
    if not said:
        return "In this run no measure separates the models."
    return f"In this run the measure whose spread of models is largest beside its error is {listed(said)}."


def say_components(rows: Sequence[Row], about: About) -> str:
    """Return what most of the error of a difference of two models comes from, for each mean over languages."""
    means = [row for row in rows if not row["language"] and row["component"] != "language"]
    said = []
    for group in _grouped(means or [row for row in rows if row["component"] != "language"], ("evaluation", "base")):
        total = sum(number(row, "own") for row in group)
        if not total > 0:
            continue
        largest = max(group, key=lambda row: number(row, "own"))
        half = 1.96 * math.sqrt(2 * total)
        where = describe(group[0], means, about) or about.context.title(group[0]["evaluation"])
        share, width = f"{100 * number(largest, 'own') / total:.0f} %", plain(half, about.info.digits)
        said.append(f"{where}: {share} from {largest['component']}s, the interval of a difference being ± {width}")
    seeds = any(number(row, "seed") > 0 for row in rows)
    unknown = "" if seeds else " What seeds add is not known: no two runs differ in nothing else."
    if not said:
        return f"In this run no source of error could be measured.{unknown}"
    return f"In this run most of the error of a difference of two models comes from: {listed(said)}.{unknown}"
