"""Sentences about differences: how many can be told from zero, and the largest with its interval.

Which difference is the largest is known only after looking at all of them, so every interval in a sentence is widened
to hold for all of them at once. Nothing is said to be equal: if no interval excludes zero, no difference can be seen.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from polytune.analysis.intervals import Interval, subtract_intervals, widen
from polytune.analysis.measures import MeasureInfo
from polytune.errors import counted
from polytune.report.rows import About, Row, interval, number, plain, signed


@dataclass(frozen=True)
class Difference:
    """One difference: what it is of, in words, its estimate and 95 % interval, and perhaps the two values."""

    where: str
    interval: Interval
    values: tuple[float, float] | None = None
    freedom: float = math.inf
    """Degrees of freedom of Student's t that the interval was made with; infinite for the normal distribution."""

    @property
    def size(self) -> float:
        """Return how far it is from zero."""
        return abs(self.interval[0])

    @property
    def is_apart(self) -> bool:
        """Return whether the interval excludes zero."""
        return self.interval[1] > 0 or self.interval[2] < 0


def at_once(differences: Iterable[Difference], bounds: tuple[float, float]) -> list[Difference]:
    """Return the differences with intervals that hold for all of them at once and stay within `bounds`."""
    listed, found = list(differences), []
    for one in listed:
        value, low, high = widen(one.interval, len(listed), one.freedom)
        found.append(replace(one, interval=(value, max(low, bounds[0]), min(high, bounds[1]))))
    return found


def between(where: str, row: Row, other: Row) -> Difference:
    """Return the difference of two values that each have an interval, with the fewer degrees of freedom of both."""
    first, second = interval(row), interval(other)
    return Difference(where, subtract_intervals(first, second), (first[0], second[0]), freedom_of(row, other))


def freedom_of(*rows: Row) -> float:
    """Return the fewest degrees of freedom that intervals of rows were made with; rows without any have many."""
    known = (number(row, "freedom") for row in rows)
    return min((freedom for freedom in known if not math.isnan(freedom)), default=math.inf)


def say_differences(
    differences: Sequence[Difference],
    what: str,
    about: About,
    unit: str | None = None,
    bounds: tuple[float, float] | None = None,
    left_out: int = 0,
) -> str:
    """Return the sentence; `what` is what they are differences from (`from the untuned base`).

    `unit` stands behind numbers (by default that of the measure), `bounds` are those of a difference; `left_out` others
    have no interval.
    """
    sentence = _say(differences, what, about, unit, bounds)
    if not left_out:
        return sentence
    more = "one difference more has" if left_out == 1 else f"{left_out:,} differences more have"
    return f"{sentence[:-1]}; {more} no interval, since all answers of one side are alike."


def _say(
    differences: Sequence[Difference],
    what: str,
    about: About,
    unit: str | None,
    bounds: tuple[float, float] | None,
) -> str:
    if not differences:
        return f"No difference {what} can be judged: too few of the values have an interval with a width."
    if bounds is None:
        bounds = (-100.0, 100.0) if about.info.percent and unit is None else (-math.inf, math.inf)
    widened = at_once(differences, bounds)
    count = len(widened)
    apart = [one for one in widened if one.is_apart]
    largest = max(apart or widened, key=lambda one: one.size)
    shown = _show(largest, count, about, unit)
    if not apart:
        of_them = f"the largest of {count:,} is" if count > 1 else "it is"
        return f"In this run no difference {what} can be seen: {of_them} {shown}, and the interval includes zero."
    if count == 1:
        return f"In this run the difference {what} is {shown}; the interval excludes zero."
    many = f"all {count:,}" if len(apart) == count else f"{len(apart):,} of {count:,}"
    above = sum(one.interval[0] > 0 for one in apart)
    sides = f" ({above:,} above, {len(apart) - above:,} below)" if len(apart) > 1 else ""
    return f"In this run {many} differences {what} can be told from zero{sides}; the largest is {shown}."


def unit_of(info: MeasureInfo) -> str:
    """Return what stands behind a number: points of shares; a total is of so many questions, whatever was asked."""
    if info.percent:
        return " points"
    if info.unit.startswith("total"):
        return f" per {counted(info.prompts, 'question')}"
    return f" {info.unit}" if info.unit else ""


def _show(one: Difference, count: int, about: About, unit: str | None) -> str:
    digits = about.info.digits
    if unit is None:
        unit = unit_of(about.info)
    value, low, high = one.interval
    values = "" if one.values is None else " against ".join(plain(each, digits) for each in one.values)
    told = [": ".join(filter(None, (one.where, values))), f"interval of 95 % for all {count:,} at once" * (count > 1)]
    told.append("lower is better" * (not about.info.higher_is_better))
    brackets = "; ".join(filter(None, told))
    ends = f"[{plain(low, digits)}, {plain(high, digits)}]"
    return f"{signed(value, digits)}{unit} {ends}" + (f" ({brackets})" if brackets else "")
