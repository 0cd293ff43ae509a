"""Where the errors of a study's scores come from, and what one more seed or more items would bring."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from polytune.analysis.choices import Choice, choose_scores
from polytune.analysis.context import Context
from polytune.analysis.measures import MeasureInfo, measure_info
from polytune.config.kinds import Coordinate, Evaluation
from polytune.errors import InputError
from polytune.tables.rendering import DASH, Cell, Table, number

if TYPE_CHECKING:
    import pandas as pd

    from polytune.analysis.components import Component
    from polytune.analysis.designs import Design
    from polytune.analysis.items import Items

MORE = {"seed": (1, "one more seed"), "draw": (1, "one more draw"), "judge": (1, "one more judge"),
        "item": (500, "500 more items")}  # fmt: skip
"""What may be measured more of, how much, and in words."""
WORDS = {"draw": "mixture draw", "draw x item": "mixture draw x item"}
"""Components whose names are written in other words."""
MEAN = "mean over languages"


def build_variance_components(
    scores: pd.DataFrame,
    runs: pd.DataFrame,
    context: Context,
    items: Items,
    choice: Choice,
    benchmarks: list[Evaluation] | None = None,
    against: Coordinate = "model",
    over: list[Coordinate] = (),
) -> Table:
    """Return the error of a score and of a difference of two models, its sources, and what more of each would bring.

    Models are told apart by `against`; runs that differ in the columns `over` (`selection_seed`, ...) are draws of one
    model's mixture, runs that differ in nothing else are seeds.
    """
    import pandas as pd

    from polytune.analysis.designs import measure_components, name_groups

    info = measure_info(choice.measure)
    shown = choose_scores(scores, choice, benchmarks)[["evaluation", "origin"]].drop_duplicates()
    named = name_groups(runs, choice, against, list(over))
    found = list(
        measure_components(items, context, named, choice.measure, list(shown.itertuples(index=False, name=None)))
    )
    if not found:
        raise InputError("items: no language has two items that every model answered")
    data = pd.DataFrame([row for line, parts, designs in found for row in _rows(line, parts, designs, info)])
    columns = _Columns(
        several_bases=data["base"].nunique() > 1,
        sources=[name for name in dict.fromkeys(data["component"]) if name != "language"],
        languages="language" in set(data["component"]),
        axes=[axis for axis in MORE if (data[axis] != "").any()],
    )
    body = [[Cell(text) for text in _texts(line, parts, context, info, columns)] for line, parts, _ in found]
    title = f"Sources of error of {info.label}{info.unit_in_brackets}"
    return Table(title, columns.header, body, data, _notes(found, context, columns))


@dataclass(frozen=True)
class _Columns:
    """What the table has columns for."""

    several_bases: bool
    sources: list[str]
    languages: bool
    axes: list[str]

    @property
    def header(self) -> list[str]:
        """Return the heads of all columns."""
        sources = [WORDS.get(name, name) for name in self.sources]
        return [
            "benchmark",
            *["base"] * self.several_bases,
            "language",
            "± a score",
            "± a difference",
            *sources,
            *["± other languages"] * self.languages,
            *(MORE[axis][1] for axis in self.axes),
        ]


def _rows(
    line: dict[str, str], parts: list[Component], designs: list[Design], info: MeasureInfo
) -> list[dict[str, Any]]:
    """Return a row of the csv for each component: variances of one model's mean in the measure's unit squared."""
    return [
        line
        | {
            "component": one.name,
            "own": info.scale**2 * one.own,
            "shared": info.scale**2 * one.shared,
            **{axis: one.counts.get(axis, "") for axis in (*MORE, "language")},
            "language": line["language"],
            "models": len(designs[0].models),
            "runs": designs[0].runs,
        }
        for one in parts
    ]


def _texts(
    line: dict[str, str], parts: list[Component], context: Context, info: MeasureInfo, columns: _Columns
) -> list[str]:
    """Return the cells of a line: errors, shares of the variance of a difference, and what more would bring."""
    from polytune.analysis.components import LANGUAGE, shrinkage, total

    now, half = total(parts), 1.96 * info.scale
    texts = [context.title(line["evaluation"]), *[line["base"]] * columns.several_bases]
    texts.append(context.language(line["language"]) if line["language"] else MEAN)
    texts += [_margin(half, value, info) for value in (total(parts, compared=False), 2 * now)]
    for name in columns.sources:
        own = [one.own for one in parts if one.name == name]
        texts.append(f"{100 * sum(own) / now:.0f} %" if own and now else DASH)
    if columns.languages:
        others = [one.own for one in parts if one.noise == (LANGUAGE,)]
        texts.append(_margin(half, 2 * sum(others), info))
    return texts + [_percent(shrinkage(parts, axis, MORE[axis][0])) for axis in columns.axes]


def _margin(half: float, variance: float, info: MeasureInfo) -> str:
    """Return half of an interval, or a dash: a variance estimated at or below 0 is not known to be 0."""
    return number(half * math.sqrt(variance) if variance > 0 else math.nan, info.digits)


def _percent(share: float) -> str:
    return DASH if math.isnan(share) else f"−{100 * share:.0f} %" if share > 0.005 else "0 %"


def _notes(
    found: list[tuple[dict[str, str], list[Component], list[Design]]], context: Context, columns: _Columns
) -> list[str]:
    """Return what the numbers mean, what more would bring in a sentence for each mean, and what was left out."""
    from polytune.analysis.components import LANGUAGE, shrinkage, total

    notes = [
        "±: half of the 95 % interval of one model's score, and of the difference of two models that answer the same "
        "items. Then the shares of the variance of that difference, by the method of moments from the items "
        "(docs/statistics.md), and by how much its interval shrinks with more of something."
    ]
    if columns.languages:
        notes.append("± other languages: what a difference of means would vary besides with other languages.")
    others = [one.own for _, parts, _ in found for one in parts if one.noise == (LANGUAGE,)]
    if not all(others) or not all(total(parts) for _, parts, _ in found):
        notes.append(
            f"± {DASH}: what is left of the models' scatter once the other sources are taken off is estimated at or "
            "below 0: too small to be seen with these items and runs, not a difference of 0."
        )
    if any(math.isnan(context.evaluation(line["evaluation"], line["origin"]).chance) for line, *_ in found):
        notes.append(
            "Items are the prompts, with their turns averaged. All are put with one template, so what another would "
            "add is not known and in no interval."
        )
    for line, parts, _ in found:
        if (line["language"] and len(found) > 1) or not total(parts):
            continue
        brought = [f"{MORE[axis][1]} by {100 * shrinkage(parts, axis, MORE[axis][0]):.0f} %" for axis in columns.axes]
        base = f", {line['base']}" * columns.several_bases
        notes.append(f"{context.title(line['evaluation'])}{base}: the interval shrinks with {', with '.join(brought)}.")
    if "seed" not in columns.axes:
        notes.append("Seeds: no two runs differ in nothing else, so what they add is not known and in no interval.")
    if left_out := sorted({model for *_, designs in found for design in designs for model in design.left_out}):
        notes.append(f"Left out, having fewer draws or seeds than the others: {', '.join(left_out)}.")
    return notes
