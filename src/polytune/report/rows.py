"""Rows of the csv files beside figures and tables, and how what they are about is said in words."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from polytune.analysis.context import Context, coordinate_word
from polytune.analysis.gains import ALL
from polytune.analysis.intervals import Interval
from polytune.analysis.measures import MeasureInfo, measure_info
from polytune.readers.text import read_text
from polytune.scores.spec import UNTUNED

Row = Mapping[str, str]
UNITS = (
    "evaluation", "language", "aggregate", "category", "turn", "judge", "protocol", "opponent", "exposure", "group",
    "pair",
)  # fmt: skip
"""Columns that say what was measured on or by; models are compared where these are the same."""
BOOKKEEPING = ("origin", "aggregate", "mixture", "added", "tuned", "world", "trained", "spoke", "part")
"""Columns that repeat what others say, unless they are plotted."""
NUMBERS = (
    "value", "low", "high", "stderr", "half", "items", "coverage", "seeds", "worlds", "runs", "prompts", "share",
    "answers", "languages", "difference", "effect", "p", "q", "pairs", "rank", "lowest", "highest", "separated",
    "longer", "in_language", "reference", "error", "freedom", "units", "x", "y",
)  # fmt: skip
NUMBERS_BEGIN = ("null ", "p_", "reference_", "controlled", "fisher_", "block_", "error_", "selected_")
MEANS = {"mean": "mean over languages", "group": "mean over items"}
AMOUNTS = {
    "n_languages": "{0} language{1} tuned on",
    "percent": "{0} % of the rows spread",
    "size": "{0} language{1}",
    "k": "k = {0}",
    "parameters": "{0} parameters",
}
"""Coordinates with their amount, in words."""
WORDS = {
    "tuned_on": "tuned on {0}",
    "over": "over {0} alone",
    "features": "languages chosen by {0}",
    "category": "category {0}",
    "judge": "judge {0}",
    "protocol": "protocol {0}",
    "opponent": "against {0}",
}
"""Columns with their value, in words."""
OF_ALL = {
    ("over", ALL): "over the mean of all of them",
    ("features", "all"): "mixture of all languages",
    ("base", "all"): "all bases",
}
"""Values that stand for all there are."""
NAMES = ("base", "method", "model", "mixture", "family", "world", "origin", "variant", *UNITS)
"""Columns whose values are names; in the others, which studies choose themselves, a code stands for a language."""


@dataclass(frozen=True)
class About:
    """What a figure or table is about: its study's words and its own options, defaults included."""

    context: Context
    options: Mapping[str, Any]

    @property
    def info(self) -> MeasureInfo:
        """Return how the measure is written."""
        return measure_info(self.options.get("measure", "acc"), self.options.get("total_of"))


def read_rows(path: Path) -> list[dict[str, str]]:
    """Return the rows of a csv file; lines that begin with `#` are its source."""
    lines = [line for line in read_text(path).splitlines() if not line.startswith("#")]
    return list(csv.DictReader(lines))


def number(row: Row, column: str) -> float:
    """Return a number of a row, NaN where there is none."""
    text = row.get(column) or ""
    try:
        return float(text)
    except ValueError:
        return math.nan


def interval(row: Row, value: str = "value", low: str = "low", high: str = "high") -> Interval | None:
    """Return an estimate with its interval, None where one of the three is missing or nothing can vary."""
    found = number(row, value), number(row, low), number(row, high)
    return None if any(map(math.isnan, found)) or found[1] == found[2] else found


def is_untuned(row: Row) -> bool:
    """Return whether a row is of a base that was not tuned."""
    return row.get("method") == UNTUNED or row.get("model", "").split(" ")[-1] == UNTUNED


def describe(row: Row, rows: Iterable[Row], about: About) -> str:
    """Return which of `rows` a row is: what differs among them, in words; what was measured comes first."""
    rows = list(rows)
    tuned = [one for one in rows if not is_untuned(one)] or rows
    plotted = {about.options.get(option) for option in ("against", "by", "panels")}
    named = {"model": about.options.get("against") or "model"}  # tables of models are of another coordinate where asked
    words = []
    for column in sorted(row, key=lambda name: name not in UNITS):
        value = row[column] or ""
        hidden = column in BOOKKEEPING and column not in plotted
        if hidden or _is_number(column, plotted) or len({one.get(column) for one in tuned}) < 2:
            continue
        if column == "language" and not value:
            kind = row.get("aggregate") or ""
            words.append(MEANS.get(kind, about.context.word("exposure", kind) if kind else "all languages"))
        elif value and not (column in ("base", "n_languages") and row.get("model")):
            words.append(in_words(named.get(column, column), value, about.context))
    if not words and row.get("mixture"):
        words = [about.context.word("mixture", row["mixture"])]
    return ", ".join(dict.fromkeys(words))


def _is_number(column: str, plotted: set[Any]) -> bool:
    """Return whether a column holds results, not what they are about."""
    number = column.startswith(NUMBERS_BEGIN) or column.endswith("_beside") or column in NUMBERS
    return number or (column == "parameters" and column not in plotted)


def in_words(column: str, value: str, context: Context) -> str:
    """Return how a value of a column is said in a sentence."""
    if value == UNTUNED and column != "base":
        return WORDS["opponent"].format("the untuned base") if column == "opponent" else "untuned base"
    if (column, value) in OF_ALL:
        return OF_ALL[column, value]
    try:
        amount = float(value)
    except ValueError:
        *before, last = value.split(" ")
        if column == "model" and last in context.languages:  # `choices.name_models`: a model of one language
            return " ".join([*before, WORDS["tuned_on"].format(context.language(last))])
        if column == "pair":
            return " and ".join(map(context.language, value.split("-")))
        is_language = column not in NAMES and value in context.languages
        if is_language and column not in ("tuned_on", "over"):
            return context.language(value)
        return WORDS.get(column, "{0}").format(context.language(value) if is_language else context.word(column, value))
    if column in AMOUNTS:
        return AMOUNTS[column].format(f"{amount:,.0f}" if amount >= 1000 else f"{amount:g}", "s" * (amount != 1))
    return f"{coordinate_word(column)} {amount:g}"


def reference_in_words(rows: Iterable[Row], about: About, column: str | None = None) -> str:
    """Return what differences are from, in words: the value `reference` of `column`, by default of `against`."""
    chosen = next((row["reference"] for row in rows if row.get("reference")), about.options.get("reference"))
    words = in_words(column or about.options.get("against") or "model", str(chosen), about.context)
    return f"the {words}" if chosen == UNTUNED else words


def signed(value: float, digits: int) -> str:
    """Return a difference with its sign, a real minus and none before a zero."""
    text = f"{value:+.{digits}f}"
    return text.replace("-", "−") if float(text) else text.lstrip("+-")


def plain(value: float, digits: int) -> str:
    """Return a number with a real minus sign, none before a zero."""
    text = f"{value:.{digits}f}"
    return (text if float(text) else text.lstrip("-")).replace("-", "−")


def of(count: int, total: int, noun: str = "") -> str:
    """Return `3 of 12 languages`, in words where it is none or all; without a noun the number alone."""
    if not count:
        return f"no {noun}" if noun else "none"
    if count == total:
        return f"the one {noun}".rstrip() if total == 1 else f"all {total:,} {noun}".rstrip() + "s" * bool(noun)
    return f"{count:,} of {total:,} {noun}".rstrip() + "s" * bool(noun)


def listed(words: Iterable[str], most: int = 4) -> str:
    """Return words as a list in a sentence; beyond `most` only how many more there are."""
    words = list(dict.fromkeys(words))
    if len(words) > most:
        return f"{', '.join(words[:most])} and {len(words) - most} more"
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1]))) if words else ""
