"""Judged answers as tables: totals per model and language, and which language was answered in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polytune.analysis.choices import Choice, Layout, RunChoice, choose_scores
from polytune.analysis.context import Context, coordinate_word
from polytune.analysis.groups import mean_scores
from polytune.analysis.languages import OTHER, UNKNOWN, language_shares
from polytune.analysis.points import select_points
from polytune.config.kinds import Coordinate, Evaluation, Language
from polytune.tables.groups import with_runs
from polytune.tables.rendering import DASH, INTERVALS, Cell, Table, number, with_intervals

if TYPE_CHECKING:
    import pandas as pd

    from polytune.analysis.items import Items

MEAN = "mean"


def build_totals(
    scores: pd.DataFrame,
    runs: pd.DataFrame,
    context: Context,
    items: Items,
    choice: Choice,
    benchmark: Evaluation,
    languages: list[Language] | None = None,
) -> Table:
    """Return the measure of every model: a column for each language, their mean, and the coverage of the verdicts.

    `total_of: 50` gives totals of 50 prompts. A model that lacks a language has no mean. No maximum is bold: which
    models differ is what ranks say.
    """
    import pandas as pd

    info = choice.info
    rows = choose_scores(scores, choice, [benchmark], languages)
    codes = list(languages or dict.fromkeys(rows["language"]))
    whole = rows.groupby("run")["language"].transform("nunique") == len(codes)
    means = mean_scores(rows[whole].assign(every=MEAN), "every", context, items) if whole.any() else rows[:0]
    layout = Layout(against="model")
    data = pd.concat([select_points(part, runs, choice, layout) for part in (rows, means) if len(part)])
    data["column"] = data["language"].where(data["aggregate"] == "", MEAN)
    counted = with_runs(rows, runs, choice).groupby("model")[["items", "missing"]].sum()
    coverage = counted["items"] / counted.sum(axis=1)
    data["text"] = with_intervals(data, info.digits)
    body = []
    for model in dict.fromkeys(data["model"]):
        texts = data[data["model"] == model].set_index("column")["text"]
        cells = [Cell(texts.get(code, DASH)) for code in (*codes, MEAN)]
        body.append([Cell(model), *cells, Cell(f"{100 * coverage[model]:.1f} %")])
    header = ["model", *(context.language(code) for code in codes), MEAN, "coverage"]
    title = f"{info.label.capitalize()}{info.unit_in_brackets} on {context.title(benchmark, choice.origin)}"
    notes = [
        f"Value {INTERVALS}, over prompts. Coverage: answers that have a value. "
        "Judges score languages differently: compare within a column."
    ]
    return Table(title, header, body, data.drop(columns=["column", "text"]), notes)


def build_confusion(
    scores: pd.DataFrame,
    runs: pd.DataFrame,
    context: Context,
    confusion: pd.DataFrame,
    choice: RunChoice,
    benchmark: Evaluation,
    languages: list[Language] | None = None,
    panels: Coordinate = "model",
) -> Table:
    """Return which share of the answers to questions in a language is in which: a row for each `panels` and language.

    The right language is bold.
    """
    shares = language_shares(confusion, runs, choice, benchmark, languages, panels)
    answered = list(dict.fromkeys(shares["answered"]))
    body = []
    for (panel, language), line in shares.groupby(["panel", "language"], sort=False):
        if line["share"].isna().all():  # a system of models has no answers in a language that none was tuned on
            continue
        cells = [Cell(number(100 * share, 1), best=code == language)
                 for code, share in zip(line["answered"], line["share"], strict=True)]  # fmt: skip
        name = context.word(panels, panel) or "base model"
        body.append([Cell(name), Cell(context.language(language)), Cell(f"{line['answers'].sum():,}"), *cells])
    heads = [{OTHER: "another", UNKNOWN: "unclear"}.get(code, code) for code in answered]
    header = [coordinate_word(panels), "asked in", "answers", *heads]
    notes = ["Percent of the answers; unclear: of no language, or of one that cannot be told."]
    return Table(f"Language of the answers to {context.title(benchmark)}", header, body, shares, notes)
