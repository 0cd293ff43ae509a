"""How far a judge can be trusted, from its verdicts alone: pure functions over the columns of tables of verdicts.

`columns` are those of a table (`polytune.judging.verdicts`), of one run or of many after each other; `place` names the
columns that say which answer a row is about, so with many runs also `run`. Rows without a value count nowhere.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

Columns = Mapping[str, Sequence]
PLACE = ("language", "item", "turn")
TIE = 0.5


@dataclass(frozen=True)
class Share:
    """A share of `n` cases; NaN of none."""

    value: float
    n: int


@dataclass(frozen=True)
class Spread:
    """What judging the same twice shows: the standard deviation of one verdict, and how often both were the same."""

    deviation: float
    same: float
    n: int
    """Pairs."""


@dataclass(frozen=True)
class NullRank:
    """Where a null responder stands among the runs: names of those that it beats, and of those that it equals."""

    name: str
    value: float
    beats: tuple[str, ...]
    equals: tuple[str, ...]


def flip_rate(columns: Columns, place: Sequence[str] = PLACE) -> Share:
    """Return the share of comparisons that come out otherwise when the answers change seats (a tie is an outcome)."""
    first, second = _paired(columns, "order", ("first", "second"), place, repeat=0)
    return _share(first != second)


def first_seat_rate(columns: Columns) -> Share:
    """Return the share of decided comparisons that the first seat wins; 0.5 for a judge without a favourite seat.

    That holds where both orders are asked, which is always.
    """
    value, order = np.asarray(columns["value"], float), np.asarray(columns["order"])
    decided = ~np.isnan(value) & (value != TIE)
    return _share(np.where(order == "first", value, 1 - value)[decided] == 1)


def longer_wins_rate(columns: Columns, own_length: Sequence[float], other_length: Sequence[float]) -> Share:
    """Return the share of decided comparisons of answers that differ in length which the longer one wins.

    Lengths are the run's and its opponent's, in any one unit, for each row. Good answers may be longer ones: what it
    says about the judge it says beside the same share of judges that know the truth, or people.
    """
    value, own, other = (np.asarray(values, float) for values in (columns["value"], own_length, other_length))
    decided = ~np.isnan(value) & (value != TIE) & (own != other)
    return _share((value == 1)[decided] == (own > other)[decided])


def repeat_spread(columns: Columns, place: Sequence[str] = PLACE) -> Spread:
    """Return the spread of the repeat block: sqrt(sum d^2 / 2n) over the differences d of n pairs."""
    first, second = _paired(columns, "repeat", (0, 1), (*place, "order"))
    if not len(first):
        return Spread(math.nan, math.nan, 0)
    return Spread(float(np.sqrt(np.mean((first - second) ** 2) / 2)), float(np.mean(first == second)), len(first))


def coverage(columns: Columns) -> Share:
    """Return the share of the requests that came to a value."""
    return _share(~np.isnan(np.asarray(columns["value"], float)))


def null_ranks(scores: Mapping[str, float], nulls: Collection[str]) -> list[NullRank]:
    """Return where each null responder stands, the best one first, by scores of all; NaN stands nowhere.

    A judge by whom one of them `beats` a run cannot be trusted with that run.
    """
    real = {name: score for name, score in scores.items() if name not in nulls and not math.isnan(score)}
    ranks = [
        NullRank(
            name,
            scores[name],
            tuple(other for other, score in real.items() if score < scores[name]),
            tuple(other for other, score in real.items() if score == scores[name]),
        )
        for name in nulls
    ]
    return sorted(ranks, key=lambda rank: -rank.value)


def _share(cases: np.ndarray) -> Share:
    return Share(float(np.mean(cases)) if len(cases) else math.nan, len(cases))


def _paired(
    columns: Columns, by: str, sides: tuple, place: Sequence[str], repeat: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the values of both sides of `by` at every place that has both."""
    found: tuple[dict, dict] = {}, {}
    keys = zip(*(columns[name] for name in place), strict=True)
    for key, side, value, again in zip(keys, columns[by], columns["value"], columns["repeat"], strict=True):
        if not math.isnan(value) and repeat in (None, again):
            found[sides.index(side)][key] = value
    both = [key for key in found[0] if key in found[1]]
    return tuple(np.array([values[key] for key in both], float) for values in found)
