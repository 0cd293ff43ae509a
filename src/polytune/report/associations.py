"""Sentences about correlations."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from statistics import NormalDist, StatisticsError, correlation

from polytune.analysis.measures import measure_info
from polytune.errors import counted
from polytune.report.rows import About, Row, listed, number, of, plain
from polytune.tables.correlation import label

FEWEST = 4
"""Points without which Fisher's interval has no width."""
NUMBER = "number of languages"
FALSE_DISCOVERIES = 0.05


def fisher_ends(r: float, points: int, comparisons: int = 1) -> tuple[float, float]:
    """Return the interval of Pearson's r by Fisher's z, 95 % for `comparisons` of them at once; NaN for few points."""
    if points < FEWEST or math.isnan(r):
        return math.nan, math.nan
    if abs(r) >= 1:
        return r, r
    width = NormalDist().inv_cdf(1 - 0.025 / comparisons) / math.sqrt(points - 3)
    return math.tanh(math.atanh(r) - width), math.tanh(math.atanh(r) + width)


def say_similarity(rows: Sequence[Row], about: About) -> str:
    """Return how a benchmark's languages correlate with the number of languages, and which predictor is strongest."""
    column = about.options.get("value", "r")
    found = [row for row in rows if row["predictor"] == NUMBER and not math.isnan(number(row, column))]
    if not found:
        return "In this run no correlation with the number of languages is defined: a column does not vary."
    lost = 1 if column == "partial_r" else 0  # one degree of freedom for what is held equal
    ends = [fisher_ends(number(row, column), int(number(row, "models")) - lost, len(found)) for row in found]
    apart = [row for row, (low, high) in zip(found, ends, strict=True) if low > 0 or high < 0]
    weakest, strongest = (pick(found, key=lambda row: number(row, column)) for pick in (min, max))
    names = [
        f"{plain(number(row, column), 2)} ({about.context.language(row['language'])})" for row in (weakest, strongest)
    ]
    best = Counter(row["predictor"] for row in rows if row.get("best") == "True")
    (first, count), *others = best.most_common() or [("", 0)]
    outlier = about.context.language(str(about.options.get("outlier", "")))
    tied = [label(name, outlier) for name in (first, *(name for name, times in others if times == count))]
    languages = len({row["language"] for row in rows})
    strong = (
        f" Most often the strongest of its column: {listed(tied)} ({count} of {languages} languages, ties counted)."
        if count
        else ""
    )
    return (
        f"In this run the correlation with the number of languages goes from {names[0]} to {names[1]}; Fisher's "
        f"interval excludes zero in {of(len(apart), len(found), 'language')}, all taken at once and models as "
        f"independent, which growing mixtures are not.{strong}"
    )


def say_details(rows: Sequence[Row], about: About) -> str:
    """Return how many correlations are found at a false-discovery rate of 5 %, and how many with dependent models."""
    tested = [row for row in rows if not math.isnan(number(row, "q"))]
    if not tested:
        return "In this run no correlation is defined: a column does not vary."
    found = [row for row in tested if number(row, "q") <= FALSE_DISCOVERIES]
    blocks = [row for row in found if number(row, "block_low") > 0 or number(row, "block_high") < 0]
    if not found:
        return f"In this run no correlation is found at a false-discovery rate of 5 %, of {len(tested):,} tested."
    largest = max(found, key=lambda row: abs(number(row, "r")))
    low, high = (plain(number(largest, f"block_{end}"), 2) for end in ("low", "high"))
    predictor = label(largest["predictor"], about.context.language(str(about.options.get("outlier", ""))))
    where, r = f"{about.context.language(largest['language'])}, {predictor}", plain(number(largest, "r"), 2)
    are = "is" if len(found) == 1 else "are"
    return (
        f"In this run {of(len(found), len(tested), 'correlation')} {are} found at a false-discovery rate of 5 %, "
        f"models taken as exchangeable; of these, the intervals that let neighbouring mixtures depend exclude zero in "
        f"{of(len(blocks), len(found))}. The strongest is r = {r} [{low}, {high}] ({where})."
    )


def say_scatter(
    rows: Sequence[Row], about: About, x: str, y: str, groups: Sequence[str], words: tuple[str, str]
) -> str:
    """Return in how many groups of points two columns correlate, and the strongest correlation."""
    found: dict[tuple, list[Row]] = {}
    for row in rows:
        if not (math.isnan(number(row, x)) or math.isnan(number(row, y))):
            found.setdefault(tuple(row.get(name, "") for name in groups), []).append(row)
    measured = []
    for key, points in found.items():
        try:
            r = correlation([number(row, x) for row in points], [number(row, y) for row in points])
        except StatisticsError:  # fewer than two, or a constant
            continue
        if len(points) >= FEWEST:
            measured.append((r, len(points), key))
    if not measured:
        return f"In this run no correlation of {words[0]} and {words[1]} can be judged: too few points, or no spread."
    ends = [fisher_ends(r, points, len(measured)) for r, points, _ in measured]
    apart = [one for one, (low, high) in zip(measured, ends, strict=True) if low > 0 or high < 0]
    r, points, key = max(apart or measured, key=lambda one: abs(one[0]))
    low, high = (plain(end, 2) for end in fisher_ends(r, points, len(measured)))
    where = ", ".join(about.context.word(name, value) for name, value in zip(groups, key, strict=True) if value)
    strongest = f"r = {plain(r, 2)} [{low}, {high}], {points} points" + (f" ({where})" if len(measured) > 1 else "")
    if not apart:
        return f"In this run no correlation of {words[0]} and {words[1]} can be seen: {strongest}, which includes zero."
    several = f" in {of(len(apart), len(measured), 'panel')}, intervals at once" if len(measured) > 1 else ""
    return f"In this run {words[0]} and {words[1]} correlate{several}: {strongest}, which excludes zero."


def say_measure_pairs(rows: Sequence[Row], about: About) -> str:
    """Return whether two measures correlate over the models, each counted once (`polytune.figures.pairs`)."""
    beside = measure_info(about.options.get("beside", "answer_characters")).label
    same = ("language", "aggregate", "base", "method", "value", "stderr", "value_beside", "stderr_beside")
    rows = list({tuple(map(row.get, same)): row for row in rows}.values())  # a run of two families counts once
    return say_scatter(rows, about, "value_beside", "value", ("language", "aggregate"), (beside, about.info.label))


def say_corpus_share(rows: Sequence[Row], about: About) -> str:
    """Return whether transfer correlates with the share of the corpus."""
    words = ("the share of the pre-training corpus", f"the mean over other languages ({about.info.label})")
    return say_scatter(rows, about, "share", "value", ("base",), words)


def say_agreement(rows: Sequence[Row], about: About) -> str:
    """Return how far people and the judge agree; what a paper printed is said to be so."""
    said = []
    for source, words in (
        ("measured", "In this run people and the judge"),
        ("published", "In the paper, people and its judge"),
    ):
        here = [row for row in rows if row["source"] == source]
        for column, form in (("share", "agree on {}"), ("r", "have a correlation over systems of {}")):
            values = [number(row, column) for row in here if not math.isnan(number(row, column))]
            if values:
                ends = [f"{100 * v:.0f} %" if column == "share" else plain(v, 2) for v in (min(values), max(values))]
                spread = ends[0] if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"
                said.append(f"{words} {form.format(spread)} ({counted(len(values), 'language')}).")
    if not any(row["source"] == "measured" for row in rows):
        said.append("This run's judge was not compared with people.")
    return " ".join(said)
