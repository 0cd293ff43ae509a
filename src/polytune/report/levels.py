"""Sentences about values of models: against the untuned base where it is shown, else against each other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

from polytune.report.differences import Difference, between, freedom_of, say_differences
from polytune.report.rows import UNITS, About, Row, describe, interval, is_untuned, number

WIN = "win"


def say_levels(rows: Sequence[Row], about: About) -> str:
    """Return how far tuned models are from their untuned base; without one, how far the models are from each other.

    `rows` have `value low high` and columns that say on what and by which model. Answers are set against an opponent
    in `win`, so that its base is one model among others.
    """
    if about.options.get("measure") != WIN and (pairs := _with_base(rows)):
        judged = [(row, other) for row, other in pairs if interval(row) and interval(other)]
        found = [between(describe(row, rows, about), row, other) for row, other in judged]
        return say_differences(found, "from the untuned base", about, left_out=len(pairs) - len(judged))
    return say_pairs([row for row in rows if interval(row) and not is_untuned(row)], about)


def _with_base(rows: Sequence[Row]) -> list[tuple[Row, Row]]:
    """Return each value of a tuned model with that of its base, whether or not they have intervals."""
    valued = [row for row in rows if not math.isnan(number(row, "value"))]
    bases = {(_unit(row), row.get("base")): row for row in valued if is_untuned(row)}
    tuned = [row for row in valued if not is_untuned(row)]
    return [(row, bases[key]) for row in tuned if (key := (_unit(row), row.get("base"))) in bases]


def _unit(row: Row) -> tuple[str | None, ...]:
    return tuple(row.get(column) for column in UNITS)


def say_pairs(points: Sequence[Row], about: About) -> str:
    """Return how far models are from each other, those of one base where a base has several."""
    groups: dict[tuple, list[Row]] = {}
    for row in points:
        groups.setdefault((_unit(row), row.get("base")), []).append(row)
    if all(len(group) < 2 for group in groups.values()):
        groups = {}
        for row in points:
            groups.setdefault((_unit(row),), []).append(row)
    found = []
    for group in groups.values():
        for first, second in combinations(group, 2):
            if interval(first)[0] < interval(second)[0]:
                first, second = second, first
            there, other = describe(first, points, about), describe(second, group, about)
            found.append(between(f"{there} over {other}", first, second))
    return say_differences(found, "between two models", about)


def say_matrix(rows: Sequence[Row], about: About) -> str:
    """Return, of wins, which models win more or less than half against the opponent; of others, as `say_levels`."""
    if about.options.get("measure") != WIN:
        return say_levels(rows, about)
    points = [row for row in rows if interval(row)]
    found = []
    for row in points:
        value, low, high = interval(row)
        names = (about.context.language(row[column]) for column in ("tuned_on", "language"))
        where = "tuned on {}, asked in {}".format(*names) + f": {value:.1f} % of wins"
        found.append(Difference(where, (value - 50, low - 50, high - 50), freedom=freedom_of(row)))
    return say_differences(found, "from winning one half", about, " points", (-50.0, 50.0))


def say_pair_means(rows: Sequence[Row], about: About) -> str:
    """Return how far models tuned on two languages are from those tuned on one of the two."""
    points = [row for row in rows if interval(row)]
    found = []
    for row in points:
        if row["trained"] != row["pair"]:
            continue
        for other in points:
            if (other["pair"], other.get("base")) == (row["pair"], row.get("base")) and other["trained"] != row["pair"]:
                names = [about.context.language(code) for code in row["pair"].split("-")]
                where = f"{' and '.join(names)} over {about.context.language(other['trained'])} alone"
                found.append(between(where, row, other))
    return say_differences(found, "between two languages and one of them", about)
