"""Sentences about what is counted: languages of answers, ratings, exposure, cut answers, outliers, checks of judges."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from polytune.analysis.context import SEEN_BY
from polytune.analysis.languages import OTHER, UNKNOWN
from polytune.analysis.points import BAND
from polytune.analysis.wilson import wilson_interval
from polytune.errors import counted
from polytune.report.differences import unit_of
from polytune.report.rows import About, Row, describe, in_words, listed, number, of, plain, signed

HALF = 0.5


def say_confusion(rows: Sequence[Row], about: About) -> str:
    """Return in how many cases most answers are in the language of the question, and where fewest are."""
    own = [row for row in rows if row["language"] == row["answered"] and not math.isnan(number(row, "share"))]
    if not own:
        return "In this run no answers were identified."
    worst = min(own, key=lambda row: number(row, "share"))
    beside = [
        row
        for row in rows
        if (row["panel"], row["language"]) == (worst["panel"], worst["language"]) and number(row, "share") >= 0
    ]
    most = max(beside, key=lambda row: number(row, "share"))
    panel = in_words(str(about.options.get("panels", "model")), worst["panel"], about.context) or "the base model"
    asked, answered = (_language(most[column], about) for column in ("language", "answered"))
    instead = "" if most is worst else f"; most of its answers ({100 * number(most, 'share'):.0f} %) are in {answered}"
    right = sum(number(row, "share") > HALF for row in own)
    return (
        f"In this run most answers are in the language of the question in {of(right, len(own), 'case')} of a model "
        f"and a language; the smallest share is {100 * number(worst, 'share'):.0f} % ({panel}, asked in "
        f"{asked}){instead}."
    )


def _language(code: str, about: About) -> str:
    words = {OTHER: "another language", UNKNOWN: "no language that can be told"}
    return words.get(code) or about.context.language(code)


def say_rating_shares(rows: Sequence[Row], about: About) -> str:
    """Return, of the best rating, in which language it is given most and least, with Wilson's intervals."""
    best = max((number(row, "rating") for row in rows), default=math.nan)
    name = (about.options.get("names") or {}).get(f"{best:g}", f"rating {best:g}")
    totals: Counter[str] = Counter()
    for row in rows:
        totals[row["language"]] += int(number(row, "answers"))
    shares = {row["language"]: row for row in rows if number(row, "rating") == best}
    told = []
    for pick in (max, min):
        code = pick(shares, key=lambda language: number(shares[language], "share"))
        share = number(shares[code], "share") / 100
        low, high = wilson_interval(share, totals[code], BAND)
        told.append(
            f"{about.context.language(code)} ({100 * share:.0f} %, 95 % interval [{100 * low:.0f}, {100 * high:.0f}])"
        )
    if len(shares) == 1:
        return f"In this run '{name}' is given in {told[0]}."
    return f"In this run '{name}' is given most often in {told[0]} and least often in {told[1]}."


def say_languages(rows: Sequence[Row], about: About) -> str:
    """Return how many languages there are, of how many families, and how many the bases have seen."""
    families = Counter(row["family"] for row in rows)
    (largest, count), *_ = families.most_common()
    seen = [column for column in (rows[0] if rows else ()) if column.startswith("seen by ")]
    told = [
        f"{column.removeprefix('seen by ')} has seen {of(sum(row[column] == 'True' for row in rows), len(rows))}"
        for column in seen
    ]
    of_families = f"of {len(families)} families, {count} of them" if len(families) > 1 else "of one family,"
    return "; ".join(filter(None, (f"{counted(len(rows), 'language')} {of_families} {largest}", listed(told)))) + "."


def say_exposure(rows: Sequence[Row], about: About) -> str:
    """Return how many languages are seen by whom, once each however many benchmarks have them."""
    groups = {(row["base"], row["language"]): row["exposure"] for row in rows}
    counts = Counter(groups.values())
    told = [f"{counts[name]} seen by {words}" for name, words in SEEN_BY.items() if counts[name]]
    return f"Of {len(groups)} pairs of base and language in the benchmarks: {listed(told)}."


def say_overlap(rows: Sequence[Row], about: About) -> str:
    """Return where base, mixtures and benchmark have most and fewest languages in common."""
    most, least = (pick(rows, key=lambda row: number(row, "all_three")) for pick in (max, min))
    against = about.options.get("against") or "model"
    told = []
    for row in (most, least):
        told_apart = {"evaluation": row["evaluation"], "base": row["base"], against: row[against]}
        where = ", ".join(in_words(column, value, about.context) for column, value in told_apart.items())
        told.append(f"{number(row, 'all_three'):.0f} of {number(row, 'asked'):.0f} ({where})")
    return f"Base, mixtures and benchmark have from {told[1]} to {told[0]} of the benchmark's languages in common."


def say_cuts(rows: Sequence[Row], about: About) -> str:
    """Return how many languages lost answers to the maximum length, and which lost most."""
    cut = [row for row in rows if number(row, "share") > 0]
    if not cut:
        return (
            f"In this run no answer was cut in training, whatever the base, source and language ({len(rows):,} cases)."
        )
    worst = max(cut, key=lambda row: number(row, "share"))
    name = about.context.language(worst["language"])
    return (
        f"In this run trainings cut answers in {of(len(cut), len(rows), 'case')} of base, source and language; most in "
        f"{name} ({100 * number(worst, 'share'):.1f} % of its rows)."
    )


def say_outliers(rows: Sequence[Row], about: About) -> str:
    """Return which checkpoints stand out from their neighbours."""
    out = [row for row in rows if row["stands_out"] == "True"]
    checkpoints = len({row["n_languages"] for row in rows})
    if not out:
        return f"In this run none of the {checkpoints} checkpoints stands out from its neighbours."
    told = listed(
        f"{counted(row['n_languages'], 'language')} ({about.context.title(row['evaluation'])})" for row in out
    )
    rate = "5 % of studies without any outlier show one"
    return f"In this run checkpoints stand out from their neighbours: {told}; {rate}."


def say_judges(rows: Sequence[Row], about: About) -> str:
    """Return of each judge and protocol what may be wrong with it: missing verdicts, seats, null answers."""
    said = []
    titles = {row["evaluation"]: about.context.title(row["evaluation"], row["origin"]) for row in rows}
    for row in rows:
        title = titles[row["evaluation"]]
        if list(titles.values()).count(title) > 1:  # the same questions under two names
            title += f" ({row['evaluation']})"
        name = ", ".join([row["judge"], row["protocol"], *[title] * (len(titles) > 1)])
        told = [f"{int(number(row, 'verdicts')):,} verdicts, {100 * number(row, 'coverage'):.1f} % with a value"]
        if number(row, "flipped_of") > 0:
            told.append(f"{100 * number(row, 'flipped'):.0f} % change with the seats")
        ranks = {column: number(row, column) for column in row if column.endswith(" rank") and row[column]}
        last = sum(rank >= number(row, column.removesuffix("rank") + "models") for column, rank in ranks.items())
        if ranks:
            told.append(f"null answers rank last in {of(last, len(ranks), 'check')}")
        said.append(f"{name}: {', '.join(told)}")
    warning = "" if rows else "Nothing was judged."
    return f"{warning}{'; '.join(said)}." if said else warning


def say_transfer(rows: Sequence[Row], about: About) -> str:
    """Return whether unseen languages with a tuned relative gain more than those without, over models and worlds."""
    both = [row for row in rows if not math.isnan(number(row, "gain_close") + number(row, "gain_distant"))]
    if not both:
        return "In this run no model has unseen languages both with and without a tuned relative."
    differences = [number(row, "gain_close") - number(row, "gain_distant") for row in both]
    mean, digits = sum(differences) / len(differences), about.info.digits
    return (
        f"In this run languages that nobody has seen gain more with a tuned relative than without in "
        f"{of(sum(one > 0 for one in differences), len(both), 'case')} (model and world); the mean difference is "
        f"{signed(mean, digits)}{unit_of(about.info)}, without an interval, since cases share languages."
    )


def say_group_means(rows: Sequence[Row], about: About) -> str:
    """Return the spread of the means over all languages; runs alone give no interval here."""
    every = [row for row in rows if row["group"] == "all"] or list(rows)
    low, high = (pick(every, key=lambda row: number(row, "value")) for pick in (min, max))
    digits = about.info.digits
    names = [describe(row, every, about) or in_words("model", row["model"], about.context) for row in (low, high)]
    shown = [f"{plain(number(row, 'value'), digits)} ({name})" for row, name in zip((low, high), names, strict=True)]
    runs = max(int(number(row, "runs")) for row in every)
    known = (
        f"over {runs} worlds and seeds; the table shows their spread"
        if runs > 1
        else "one run each, so that no spread is known"
    )
    return f"In this run the mean {about.info.label} of all languages goes from {shown[0]} to {shown[1]}, {known}."


def say_places(rows: Sequence[Row], about: About) -> str:
    """Return how many languages each mixture has; nothing was measured here."""
    chosen: dict[str, int] = {}
    for row in rows:
        chosen[row.get("mixture", "")] = chosen.get(row.get("mixture", ""), 0) + (row.get("chosen") == "True")
    sizes = sorted(set(chosen.values()))
    if not sizes:
        return "No mixture is shown."
    span = f"{sizes[0]} to " * (len(sizes) > 1) + counted(sizes[-1], "language")
    return f"It shows which languages were chosen ({counted(len(chosen), 'mixture')} of {span}) and no result."
