"""What verdicts say about their judge: against counting by hand, and against judges whose faults are known."""

from __future__ import annotations

import math
import random

import pytest

from polytune.judging.checks import (
    coverage,
    first_seat_rate,
    flip_rate,
    longer_wins_rate,
    null_ranks,
    repeat_spread,
)

NAN = float("nan")


def columns(rows: list[tuple]) -> dict[str, list]:
    """Columns of (item, order, repeat, value)."""
    names = ("item", "order", "repeat", "value")
    found = {name: [row[place] for row in rows] for place, name in enumerate(names)}
    return found | {"language": ["en"] * len(rows), "turn": [1] * len(rows)}


DUELS = columns(
    [
        (1, "first", 0, 1.0),  # wins from both seats
        (1, "second", 0, 1.0),
        (2, "first", 0, 1.0),  # the first seat wins
        (2, "second", 0, 0.0),
        (2, "first", 1, 0.0),  # and not when asked again
        (3, "first", 0, 0.5),  # a tie, then a loss
        (3, "second", 0, 0.0),
        (4, "first", 0, 1.0),  # its other half is missing
        (4, "second", 0, NAN),
    ]
)


def test_flips_are_counted_over_whole_pairs():
    assert (flip_rate(DUELS).value, flip_rate(DUELS).n) == (pytest.approx(2 / 3), 3)
    assert math.isnan(flip_rate(columns([])).value) and flip_rate(columns([])).n == 0


def test_the_first_seat_wins():
    # decided: 1 first, 1 second (own wins from the second), 2 first, 2 first again, 2 second, 3 second, 4 first
    seats = [1, 0, 1, 0, 1, 1, 1]
    assert first_seat_rate(DUELS).value == pytest.approx(sum(seats) / 7) and first_seat_rate(DUELS).n == 7


def test_the_longer_answer_wins():
    own = [5, 5, 5, 5, 5, 5, 5, 7, 7]
    other = [3, 3, 9, 9, 9, 5, 5, 7, 7]
    # item 1: longer, won twice; item 2: shorter, won, lost, lost; 3 and 4: as long
    assert longer_wins_rate(DUELS, own, other).value == pytest.approx(4 / 5)
    assert longer_wins_rate(DUELS, own, other).n == 5


def test_the_repeat_block_gives_the_spread_of_one_verdict():
    spread = repeat_spread(DUELS)
    assert (spread.deviation, spread.same, spread.n) == (pytest.approx(math.sqrt(1 / 2)), 0.0, 1)
    rng = random.Random(1)
    noisy = [(item, "", repeat, rng.gauss(item, 0.3)) for item in range(4000) for repeat in (0, 1)]
    assert repeat_spread(columns(noisy)).deviation == pytest.approx(0.3, rel=0.05)
    assert repeat_spread(columns([(1, "", 0, 2.0)])).n == 0


def test_many_runs_are_kept_apart_by_their_place():
    both = {name: values + values for name, values in DUELS.items()}
    both["run"] = ["a"] * len(DUELS["item"]) + ["b"] * len(DUELS["item"])
    assert flip_rate(both, ("run", "language", "item", "turn")).n == 2 * flip_rate(DUELS).n


def test_coverage_counts_what_has_a_value():
    assert coverage(DUELS).value == pytest.approx(8 / 9)


def test_null_responders_must_be_last():
    scores = {"a": 2.1, "b": 1.4, "c": NAN, "empty": 1.0, "constant": 1.4, "copied": 2.0}
    first, second, third = null_ranks(scores, ["empty", "constant", "copied"])
    assert (first.name, first.beats, first.equals) == ("copied", ("b",), ())
    assert (second.name, second.beats, second.equals) == ("constant", (), ("b",))
    assert (third.name, third.beats, third.equals) == ("empty", (), ())
