"""Means over runs: a row per base and group of runs, a column per benchmark or language.

Tables 3 and 7 to 11 of arXiv 2410.07809 are of this kind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from polytune.analysis.choices import Choice, Contrast, Mean
from polytune.analysis.context import Context, coordinate_word
from polytune.analysis.groups import choose_units
from polytune.analysis.measures import MeasureInfo, measure_info
from polytune.config.kinds import Evaluation, Language
from polytune.errors import InputError
from polytune.scores.spec import UNTUNED
from polytune.tables.rendering import DASH, Cell, Table, number

if TYPE_CHECKING:
    import pandas as pd

    from polytune.analysis.items import Items

LEVELS = (0.05, 0.10, 0.15)
"""The p at or below which a cell has three marks, two, one (arXiv 2410.07809 colours its cells so)."""
BETTER, WORSE = "green", "red"


def build_run_means(
    scores: pd.DataFrame,
    runs: pd.DataFrame,
    context: Context,
    items: Items,
    choice: Choice,
    contrast: Contrast,
    benchmarks: list[Evaluation] | None = None,
    languages: list[Language] | None = None,
    mean: Mean = "group",
    columns: Literal["evaluation", "language"] = "evaluation",
    colours: bool = False,
) -> Table:
    """Return mean ± t(0.975, n-1) s/sqrt(n) over the runs of each group, marked where it differs from the reference.

    `columns: evaluation` has a column for each benchmark, of the mean over its languages, and one of the plain mean
    over the benchmarks; `columns: language` one for each language of one benchmark, and one of the mean over them.
    """
    import pandas as pd

    from polytune.analysis.contrasts import EVERY, compare_runs, contrast_rows

    info = measure_info(choice.measure)
    units = choose_units(scores, context, items, choice, (), benchmarks, None, mean)
    if columns == "language":
        if units["evaluation"].nunique() > 1:
            known = ", ".join(dict.fromkeys(units["evaluation"]))
            raise InputError(f"columns: the languages of one benchmark; name it with 'benchmarks: [...]': {known}")
        single = choose_units(scores, context, items, choice, ("language",), benchmarks, languages, mean)
        units = pd.concat([single, units])
    elif languages is not None:
        units = choose_units(scores, context, items, choice, (), benchmarks, languages, "mean")
    rows = contrast_rows(units, runs, choice, contrast)
    data = compare_runs(rows, contrast, choice.measure)
    data["column"] = data["language"] if columns == "language" else data["evaluation"]
    names = list(dict.fromkeys(rows["language"] if columns == "language" else rows["evaluation"]))
    cells = _cells(data, contrast, info, colours)
    groups = [UNTUNED, *(group for group in dict.fromkeys(rows["group"]) if group != UNTUNED)]
    body = []
    for base in dict.fromkeys(rows["base"]):
        best = {name: _best(cells, base, groups, name, info) for name in names}
        for group in groups:
            line = [cells.get((base, group, name)) for name in names]
            if any(line):
                shown = [Cell(DASH) if cell is None else cell[1] for cell in line]
                shown = [
                    Cell(cell.text, group == best[name], cell.beside, cell.colour)
                    for name, cell in zip(names, shown, strict=True)
                ]
                body.append([Cell(base), Cell("base model" if group == UNTUNED else group), *shown])
    words = {EVERY: "mean of the benchmarks", "": "all languages"}
    known = context.language if columns == "language" else context.title
    header = ["base", coordinate_word(contrast.against), *(words.get(name) or known(name) for name in names)]
    title = f"{info.label.capitalize()}{info.unit_in_brackets}, mean over runs"
    return Table(title, header, body, data.drop(columns="column"), _notes(contrast, data, info, mean))


def _cells(data: pd.DataFrame, contrast: Contrast, info: MeasureInfo, colours: bool) -> dict[tuple, tuple[float, Cell]]:
    """Return the value and the cell of every base, group and column."""
    found = {}
    for row in data.to_dict("records"):
        group, here = row[contrast.against], (row.get("base", ""), row["column"])
        reference = (row["reference_value"], Cell(_mean(row["reference_value"], row["reference_half"], info)))
        found.setdefault((here[0], contrast.reference, here[1]), reference)
        strength = 0 if group == UNTUNED else sum(row["p"] <= level for level in LEVELS)
        marks = ("+" if row["difference"] > 0 else "−") * strength
        better = (row["difference"] > 0) == info.higher_is_better
        colour = f"{BETTER if better else WORSE}!{15 * strength}" if colours and strength else ""
        text = _mean(row["value"], row["half"], info)
        found[here[0], group, here[1]] = row["value"], Cell(text, beside=f" {marks}" * bool(marks), colour=colour)
    return found


def _mean(value: float, half: float, info: MeasureInfo) -> str:
    text = number(value, info.digits)
    return text if half != half else f"{text} ± {number(half, info.digits)}"


def _best(cells: dict, base: str, groups: list[str], name: str, info: MeasureInfo) -> str:
    """Return the best group of tuned models of a base in a column."""
    values = {group: cells[base, group, name][0] for group in groups[1:] if (base, group, name) in cells}
    return (max if info.higher_is_better else min)(values, key=values.__getitem__) if values else ""


def _notes(contrast: Contrast, data: pd.DataFrame, info: MeasureInfo, mean: Mean) -> list[str]:
    levels = ", ".join(f"{level:.2f}" for level in LEVELS)
    test = "Welch's t-test" if not contrast.pair_by else "paired t-test"
    over = "weighted by items" if mean == "group" else "plain"
    tuned = data[data[contrast.against] != UNTUNED]
    counts = sorted(set(tuned["runs"]) | set(tuned["reference_runs"]))
    notes = [
        f"Mean ± t(0.975, n−1) s/√n over n = {', '.join(map(str, counts))} runs; means over languages: {over}. Bold: "
        f"best of the base's tuned models. +++, ++, + (higher) and −−−, −−, − (lower): p of a {test} against "
        f"{contrast.reference}, {contrast.pairing}, of at most {levels}; not corrected for the number of tests."
    ]
    if contrast.arbitrary:
        marked = tuned[tuned["p"] <= LEVELS[-1]]
        lost = int((marked["p_largest"] > LEVELS[-1]).sum())
        notes.append(
            f"The pairing is arbitrary: of {len(marked)} marked cells, {lost} have no mark in another pairing; the "
            "table 'comparison' shows the range over all pairings and a permutation test."
        )
    return notes if info.higher_is_better else [*notes, f"Lower {info.label} is better."]
