"""What is known of the judges of a study, and how far people agree with them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from polytune.analysis.context import Context
from polytune.analysis.judges import JudgeChecks, NullRank, Share, check_judges
from polytune.analysis.measures import measure_info
from polytune.analysis.points import BAND
from polytune.analysis.wilson import wilson_interval
from polytune.errors import InputError
from polytune.tables.rendering import DASH, Cell, Table, number

if TYPE_CHECKING:
    import pandas as pd

    from polytune.analysis.items import Items

ROWS = {
    "verdicts": "verdicts",
    "coverage": "of these with a value",
    "flipped": "change with the seats",
    "first": "first seat wins",
    "longer": "longer answer wins",
    "changed": "change when judged again",
    "repeat_sd": "standard deviation between repetitions",
    "drift": "shift of all verdicts between repetitions",
    "tokens": "tokens",
    "price": "price",
}
"""Rows of the checks, in words."""


def build_judge_checks(
    scores: pd.DataFrame,
    runs: pd.DataFrame,
    context: Context,
    items: Items,
    checks: pd.DataFrame,
    responders: pd.DataFrame,
) -> Table:
    """Return what the verdicts say of each judge and protocol: a column each, over all runs and languages.

    Null responders that do not rank last against one of their opponents are warned of, by name and number. However many
    verdicts are missing, this table says it.
    """
    import pandas as pd

    if checks.empty:
        raise InputError("nothing was judged in this study")
    found = check_judges(checks, scores, runs, responders, items)
    data = pd.DataFrame([_numbers(one) for one in found])
    nulls = dict.fromkeys(_what(null) for one in found for null in one.nulls)
    body = [[Cell(word), *(Cell(_text(one, name)) for one in found)] for name, word in ROWS.items()]
    for kind, measure, opponent in nulls:
        cells = []
        for one in found:
            null = next((null for null in one.nulls if _what(null) == (kind, measure, opponent)), None)
            cells.append(Cell(DASH) if null is None else Cell(_rank(null), best=not null.is_last))
        word = f"null responder {kind}: {measure_info(measure).label}"
        body.append([Cell(word + f", against {opponent}" * bool(opponent)), *cells])
    titles = [_title(one, context, found) for one in found]
    return Table("Checks of the judges", ["", *titles], body, data, _notes(found, titles, bool(nulls)))


def _what(null: NullRank) -> tuple[str, str, str]:
    """Return what a row of the ranks is about."""
    return null.kind, null.measure, null.opponent


def _title(one: JudgeChecks, context: Context, among: list[JudgeChecks]) -> str:
    """Return the head of a column: judge, protocol, and prompts where there are several."""
    several = len({other.about["evaluation"] for other in among}) > 1
    prompts = [context.title(one.about["evaluation"], one.about["origin"])] * several
    return ", ".join([one.about["judge"], one.about["protocol"], *prompts])


def _text(one: JudgeChecks, name: str) -> str:
    value = getattr(one, name)
    if isinstance(value, Share):
        if not value.count:
            return DASH
        if name == "coverage":
            return f"{100 * value.value:.2f} %"
        if not value.independent:
            return f"{100 * value.value:.1f} % of {value.count:,.0f}"
        low, high = wilson_interval(value.value, value.count, BAND)
        return f"{100 * value.value:.1f} % [{number(100 * low, 1)}, {number(100 * high, 1)}] of {value.count:,.0f}"
    return f"{value:,}" if isinstance(value, int) else number(value)


def _rank(null: NullRank) -> str:
    info = measure_info(null.measure)
    return f"{number(null.value, info.digits)} (rank {null.rank} of {null.models})"


def _numbers(one: JudgeChecks) -> dict[str, object]:
    """Return the checks as numbers."""
    row: dict[str, object] = dict(one.about)
    for name in ROWS:
        value = getattr(one, name)
        row[name] = value.value if isinstance(value, Share) else value
        row |= {f"{name}_of": value.count} if isinstance(value, Share) else {}
    for null in one.nulls:
        name = f"null {null.kind} {null.measure}" + f" against {null.opponent}" * bool(null.opponent)
        row |= {name: null.value, f"{name} rank": null.rank, f"{name} models": null.models}
    return row


def _notes(found: list[JudgeChecks], titles: list[str], has_nulls: bool) -> list[str]:
    notes = []
    for one, judge in zip(found, titles, strict=True):
        for null in one.nulls:
            if not null.is_last:
                info, where = measure_info(null.measure), judge + f", against {null.opponent}" * bool(null.opponent)
                notes.append(
                    f"Warning: null responder '{null.kind}' does not rank last ({where}): its {info.label} is "
                    f"{number(null.value, info.digits)}, that of the worst tuned model "
                    f"{number(null.lowest, info.digits)}."
                )
        if one.reasons:
            missing = ", ".join(f"{count:,} {status}" for status, count in one.reasons.items())
            notes.append(f"Missing ({judge}): {missing}.")
    if not has_nulls:
        notes.append("Warning: no null responder was judged, so nothing shows that worthless answers rank last.")
    notes.append(
        "Shares with Wilson's 95 % interval, verdicts taken as independent. Longer answer wins: of two answers that "
        "differ in characters and verdict; where answers are rated alone, of all pairs of models on one question. "
        "The shift enters every interval of judged scores. Ranks are among the tuned models, against "
        "an opponent among those that met it."
    )
    if all(math.isnan(one.changed.value) for one in found):
        notes.append("Warning: nothing was judged twice.")
    return notes
