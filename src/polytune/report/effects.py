"""Sentences about estimates that are differences already: gains, comparisons, effects, win rates."""

from __future__ import annotations

from collections.abc import Sequence

from polytune.analysis.decomposition import PARTS
from polytune.analysis.intervals import t_quantile
from polytune.report.differences import Difference, freedom_of, say_differences
from polytune.report.rows import About, Row, describe, interval, is_untuned, number, of, plain, reference_in_words

FALSE_DISCOVERIES = 0.05


def say_gains(rows: Sequence[Row], about: About) -> str:
    """Return how many gains over models tuned on one language can be told from zero."""
    points = [row for row in rows if interval(row)]
    found = [
        Difference(describe(row, points, about), interval(row), freedom=freedom_of(row))
        for row in points
        if not is_untuned(row)
    ]
    return say_differences(found, "from models tuned on one language", about, unit=" %")


def say_decomposition(rows: Sequence[Row], about: About) -> str:
    """Return the largest whole difference, and what of it the language of the answers explains."""
    whole = [row for row in rows if row["part"] == PARTS[2] and interval(row)]
    found = [Difference(describe(row, whole, about), interval(row), freedom=freedom_of(row)) for row in whole]
    sentence = say_differences(found, f"from {reference_in_words((), about, 'family')}", about)
    if not whole:
        return sentence
    largest = max(whole, key=lambda row: abs(number(row, "value")))
    names = ("evaluation", "language", "aggregate", "base", "method", "family")
    key = {name: largest.get(name) for name in names}
    part = {row["part"]: number(row, "value") for row in rows if {name: row.get(name) for name in names} == key}
    language = plain(part.get(PARTS[0], float("nan")), about.info.digits)
    return f"{sentence} Of the largest estimate, {language} comes from answering in the right language."


def say_comparison(rows: Sequence[Row], about: About) -> str:
    """Return how many differences from the reference are found at a false-discovery rate of 5 %, and the largest."""
    points = [row for row in rows if interval(row, "difference")]
    reference = reference_in_words(rows, about)
    if not points:
        return f"No difference from {reference} has an interval: a single run has no spread."
    found = [row for row in points if number(row, "q") <= FALSE_DISCOVERIES]
    largest = max(found or points, key=lambda row: abs(number(row, "difference")))
    value, low, high = interval(largest, "difference")
    digits = about.info.digits
    sign, unit = ("+" if value > 0 else ""), " points" if about.info.percent else ""
    where, q = describe(largest, points, about), f"q = {number(largest, 'q'):.2g}"
    shown = f"{sign}{plain(value, digits)}{unit} [{plain(low, digits)}, {plain(high, digits)}] ({where}; {q})"
    if not found:
        return (
            f"In this run no difference from {reference} can be seen at a false-discovery rate of 5 %: the largest of "
            f"{len(points):,} is {shown}."
        )
    return (
        f"In this run {of(len(found), len(points), 'difference')} from {reference} {_are(found)} found at a "
        f"false-discovery rate of 5 %; the largest is {shown}."
    )


def _are(found: Sequence[Row]) -> str:
    return "is" if len(found) == 1 else "are"


def say_run_means(rows: Sequence[Row], about: About) -> str:
    """Return how many groups of runs differ from the reference, by their intervals over runs."""
    points = [row for row in rows if interval(row, "difference")]
    reference = reference_in_words(rows, about)
    found = [
        Difference(describe(row, points, about), interval(row, "difference"), freedom=_freedom(row)) for row in points
    ]
    return say_differences(found, f"from {reference}", about)


def _freedom(row: Row) -> float:
    """Return the degrees of freedom of a difference over runs: of paired runs, else those of Welch's test."""
    if (pairs := int(float(row["pairs"]))) > 0:
        return pairs - 1
    parts = []
    for begin in ("", "reference_"):
        others = number(row, f"{begin}runs") - 1
        parts.append(((number(row, f"{begin}half") / t_quantile(others)) ** 2, others))
    return sum(error for error, _ in parts) ** 2 / sum(error**2 / others for error, others in parts)


def say_selection_effect(rows: Sequence[Row], about: About) -> str:
    """Return which ways of choosing languages have an effect."""
    points = [row for row in rows if interval(row, "effect")]
    found = [
        Difference(describe(row, points, about), interval(row, "effect"), freedom=float(row["freedom"]))
        for row in points
    ]
    reference = reference_in_words(rows, about)
    return say_differences(found, f"from {reference}", about)


def say_win_rates(rows: Sequence[Row], about: About) -> str:
    """Return how many win rates differ from one half, raw and with length and language held equal."""
    means = [row for row in rows if not row["language"]]
    points = [row for row in means or rows if interval(row)]
    found = [_from_half(row, points, about, "value", "low", "high") for row in points]
    sentence = say_differences(found, "from winning one half", about, " points", (-50.0, 50.0))
    ends = ("controlled", "controlled_low", "controlled_high")
    controlled = [row for row in points if interval(row, *ends)]
    apart = sum(number(row, ends[1]) > 0.5 or number(row, ends[2]) < 0.5 for row in controlled)
    if not controlled:
        return sentence
    return (
        f"{sentence} With answers of one length in the right language, the single 95 % intervals of "
        f"{of(apart, len(controlled))} of these exclude one half."
    )


def _from_half(row: Row, rows: Sequence[Row], about: About, *columns: str) -> Difference:
    value, low, high = interval(row, *columns)
    where = ": ".join(filter(None, (describe(row, rows, about), f"{100 * value:.1f} % of wins")))
    ends = (100 * value - 50, 100 * low - 50, 100 * high - 50)
    return Difference(where, ends, freedom=float(row["prompts"]) - 1)
