"""`polytune compare RUN RUN`: two runs on the same items, language by language, with intervals and tests.

The statistics are those of the tables of comparisons (`polytune.analysis.contrasts`, docs/statistics.md).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from polytune.analysis.choices import Contrast
from polytune.analysis.measures import measure_info
from polytune.commands.paired import Measured, PairedItems, find_runs, read_context, read_scores
from polytune.config.paths import Paths
from polytune.errors import InputError, nearest
from polytune.files import atomic_path
from polytune.languages.codes import find_code, say_meant
from polytune.tables.rendering import DASH, number

if TYPE_CHECKING:
    import pandas as pd

    from polytune.analysis.context import Context

USUAL = ("acc", "rating", "win", "language_pass")
"""Measures that are compared unless one is named: one of each kind of result."""
WORDS = ("judge", "protocol", "opponent")
GAP = "  "
SMALLEST = 0.0001
"""p below which only this is said."""


def command(
    run: Annotated[str, typer.Argument(help="A run: base/method/mixture/seedN, or its folder below results/runs.")],
    other: Annotated[str, typer.Argument(help="The run that it is compared with.")],
    evaluation: Annotated[
        list[str] | None, typer.Option(help="Benchmark or responses; may repeat. Default: all.")
    ] = None,
    language: Annotated[
        list[str] | None, typer.Option(help="A language, by any name; may repeat. Default: all.")
    ] = None,
    measure: Annotated[
        str, typer.Option(help="What is measured. Default: accuracy, ratings, wins, right language.")
    ] = "",
    study: Annotated[str, typer.Option(help="The study whose scores are read. Default: one that has both runs.")] = "",
    results: Annotated[Path, typer.Option(help="Folder of results.")] = Path("results"),
    output: Annotated[Path | None, typer.Option(help="Also write the numbers to this file (CSV).")] = None,
) -> None:
    """Compare two runs item by item: differences with intervals and exact tests, for each language and over all."""
    paths = Paths(str(results))
    runs = find_runs(paths, (run, other), study)
    codes = [find_code(code) for code in language or ()]
    scores, context = read_scores(paths, runs), read_context(paths, runs)
    chosen = choose(scores, runs, evaluation or [], codes, measure)
    table = compare(chosen, runs, PairedItems(paths, runs, codes), context)
    print("\n".join(show(table, runs, context)))
    if output is not None:
        with atomic_path(output) as temporary:
            table.to_csv(temporary, index=False, float_format="%.6g", lineterminator="\n")


def choose(
    scores: pd.DataFrame, runs: tuple[Measured, Measured], evaluations: list[str], languages: list[str], measure: str
) -> pd.DataFrame:
    """Return the scores of single languages, and of the mean over them, that both runs have.

    Raises `InputError` for an evaluation, language or measure that there is not, or that only one run has.
    """
    for option, column, wanted in (
        ("--evaluation", "evaluation", evaluations),
        ("--language", "language", languages),
        ("--measure", "measure", [measure] if measure else []),
    ):
        known = list(dict.fromkeys(value for value in scores[column] if value))
        for value in wanted:
            if value not in known:
                hint = say_meant(value) if column == "language" else nearest(value, known)
                raise InputError(f"{option}: no {column} '{value}'{hint}; there are: {', '.join(known)}")
    rows = scores[scores["aggregate"].isin(["", "mean"])]
    rows = rows[rows["measure"].isin([measure] if measure else USUAL)]
    if evaluations:
        rows = rows[rows["evaluation"].isin(evaluations)]
    if languages:
        rows = rows[rows["language"].isin([*languages, ""] if len(languages) > 1 else languages)]
    line = ["evaluation", "origin", "language", "aggregate", "measure", *WORDS]
    both = rows.drop_duplicates(["run", *line]).groupby(line)["run"].transform("nunique") == 2
    if both.any():
        return rows.loc[both[both].index]
    origins = {one.run: ", ".join(_results(rows[rows["run"] == one.run])) or "nothing" for one in runs}
    said = "; ".join(f"'{run}' has {words}" for run, words in origins.items())
    raise InputError(f"RUN: the two runs were not measured on the same questions: {said}")


def _results(rows: pd.DataFrame) -> Iterable[str]:
    names = rows[["evaluation", "origin"]].drop_duplicates().itertuples(index=False)
    return [f"{name} (origin {origin})" for name, origin in names]


def compare(
    scores: pd.DataFrame, runs: tuple[Measured, Measured], items: PairedItems, context: Context
) -> pd.DataFrame:
    """Return a row per line of scores and measure: both values, difference, interval, p, and q over all of the rows."""
    import pandas as pd

    from polytune.analysis.contrasts import compare_items
    from polytune.analysis.statistics import benjamini_hochberg

    first, second = runs
    contrast = Contrast(reference=second.run, against="run")
    tables = []
    for measure, rows in scores.groupby("measure", sort=False):
        # bases may differ: here runs are compared, not models of one base
        rows = rows.assign(group=rows["run"], base="").sort_values(["evaluation", "aggregate", "language"])
        rows = rows.sort_values("run", key=lambda column: column != first.run, kind="stable")
        tables.append(compare_items(rows, contrast, measure, items, context).assign(measure=measure))
    table = pd.concat(tables, ignore_index=True)
    return table.assign(q=benjamini_hochberg(table["p"].to_numpy()))


def show(table: pd.DataFrame, runs: tuple[Measured, Measured], context: Context) -> list[str]:
    """Return the lines that a person reads."""
    first, second = runs
    lines = [f"{first.run}", f"against {second.run}"]
    lines += context.statements(set(table["origin"]))
    for (measure, name, *who), part in table.groupby(["measure", "evaluation", *WORDS], sort=False):
        info = measure_info(measure)
        judged = ", ".join(filter(None, who))
        lines += ["", f"{name}{f' ({judged})' if judged else ''}: {info.label}{info.unit_in_brackets}"]
        rows = [("language", "items", "first", "second", "difference", "95 % interval", "p", "q")]
        for row in part.to_dict("records"):
            interval = f"[{number(row['low'], info.digits)}, {number(row['high'], info.digits)}]"
            rows.append(
                (
                    row["language"] or "mean over languages",
                    str(row["items"]),
                    *(number(row[key], info.digits) for key in ("value", "reference_value", "difference")),
                    DASH if DASH in interval else interval,
                    *(f"<{SMALLEST}" if row[key] < SMALLEST else number(row[key], 4) for key in ("p", "q")),
                )
            )
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        lines += [_aligned(row, widths) for row in rows]
    lines += [
        "",
        "Over items: intervals and p hold for other items and these two models; translations and turns of an item",
        "are one cluster. p: exact McNemar of right and wrong items of one language and turn, else flipped signs.",
        "q: false-discovery rate (Benjamini-Hochberg) over all rows above. docs/statistics.md",
    ]
    return lines


def _aligned(row: tuple[str, ...], widths: list[int]) -> str:
    name, *numbers = row
    cells = [name.ljust(widths[0]), *(text.rjust(width) for text, width in zip(numbers, widths[1:], strict=True))]
    return GAP.join(["", *cells]).rstrip()
