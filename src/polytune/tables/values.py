"""Values of a measure as tables: of models, language by language; and against any coordinate of the runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from polytune.analysis.choices import Choice, Layout, Mean, choose_scores
from polytune.analysis.context import Context, coordinate_word
from polytune.analysis.groups import choose_units
from polytune.analysis.measures import MeasureInfo
from polytune.analysis.points import coverage_notes, select_points
from polytune.config.kinds import Evaluation, Language
from polytune.scores.exposure import EXPOSURES
from polytune.scores.spec import UNTUNED
from polytune.tables.rendering import DASH, INTERVALS, Cell, Table, number, with_intervals

if TYPE_CHECKING:
    import pandas as pd

    from polytune.analysis.items import Items

BASE = "base model"


def build_models(
    scores: pd.DataFrame,
    runs: pd.DataFrame,
    context: Context,
    choice: Choice,
    benchmarks: list[Evaluation] | None = None,
) -> Table:
    """Return values with their standard errors: a row per language and mean, a column per model.

    `benchmarks` default to all; seeds and worlds are averaged.
    """
    import pandas as pd

    info = choice.info
    rows = pd.concat([choose_scores(scores, choice, benchmarks, aggregate=aggregate) for aggregate in ("", "mean")])
    data = select_points(rows, runs, choice, Layout(against="model"))
    data = data.merge(runs.drop_duplicates("mixture")[["mixture", "n_languages"]], on="mixture", how="left")
    models = list(dict.fromkeys(data.sort_values("n_languages", kind="stable")["model"]))
    body = []
    for name, group in data.groupby("evaluation", sort=False):
        chance = 100 * context.evaluation(name, choice.origin).chance
        for code, line in group.groupby("language", sort=False):
            by_model = line.set_index("model")
            cells = [_with_error(by_model.loc[model], info) if model in by_model.index else DASH for model in models]
            first = [context.title(name, choice.origin), context.language(code) if code else "mean over languages"]
            body.append([Cell(text) for text in (*first, f"{line['items'].iloc[0]:,}", f"{chance:.1f}", *cells)])
    seeds = int(data["seeds"].max())
    notes = [f"Zero-shot {info.label}{info.unit_in_brackets} ± standard error over items."]
    if seeds > 1:
        notes.append(f"Means of {seeds} seeds.")
    header = ["benchmark", "language", "items", "chance", *models]
    return Table(f"{info.label.capitalize()} by language", header, body, data, notes)


def build_values(
    scores: pd.DataFrame,
    runs: pd.DataFrame,
    context: Context,
    items: Items,
    choice: Choice,
    layout: Layout,
    benchmarks: list[Evaluation] | None = None,
    languages: list[Language] | None = None,
    mean: Mean | None = None,
    columns: Literal["evaluation", "language", "exposure", "category", "turn"] = "evaluation",
) -> Table:
    """Return values with their 95 % intervals: a row per coordinate (and line), a column per benchmark.

    `columns: language` has a column for each language of a benchmark, `columns: exposure` one for each exposure group,
    `columns: category` or `turn` one for each of a prompt set. The best of each column is bold, save of judged answers,
    where ranks say which models differ.
    """
    info = choice.info
    told = (*layout.used, columns)
    rows = choose_units(scores, context, items, choice, told, benchmarks, languages, mean)
    data = select_points(rows, runs, choice, layout)
    places = [context.word(layout.against, value) for value in data[layout.against]]
    data["row"] = [BASE if untuned and place in ("", "nan", "none") else place
                   for place, untuned in zip(places, data["method"] == UNTUNED, strict=True)]  # fmt: skip
    data["column"] = _name_columns(data, columns, context)
    if columns == "exposure":
        data = data.sort_values("aggregate", key=lambda groups: groups.map(EXPOSURES.index), kind="stable")
        data = data.sort_values("evaluation", key=lambda names: names.map(list(names.unique()).index), kind="stable")
    names = list(dict.fromkeys(data["column"]))
    keys = [*([layout.by] if layout.by else []), "row"]
    data["text"] = with_intervals(data, info.digits)
    by_judges = bool((rows["protocol"] != "").any())
    best = data.groupby("column")["value"].agg("max" if info.higher_is_better else "min")
    body = []
    for key, line in data.groupby(keys, sort=False):
        by_column = line.set_index("column")
        cells = [Cell(context.word(name, value) or BASE) for name, value in zip(keys, key, strict=True)]
        for name in names:
            if name not in by_column.index:
                cells.append(Cell(DASH))
                continue
            point = by_column.loc[name]
            cells.append(Cell(point["text"], not by_judges and point["value"] == best[name]))
        body.append(cells)
    bold = "" if by_judges else "; bold: best of its column"
    notes = [f"{info.label.capitalize()}{info.unit_in_brackets} {INTERVALS}{bold}."]
    notes += coverage_notes(data, info)
    header = [*(coordinate_word(name) for name in keys[:-1]), coordinate_word(layout.against), *names]
    title = f"{info.label.capitalize()} against {coordinate_word(layout.against)}"
    return Table(title, header, body, data.drop(columns=["row", "column", "text"]), notes)


def _name_columns(data: pd.DataFrame, columns: str, context: Context) -> list[str]:
    """Return the name of the column that each point stands in."""
    several = data["evaluation"].nunique() > 1
    names = []
    for point in data.itertuples():
        of_point = {"evaluation": "", "exposure": point.aggregate}
        unit = of_point[columns] if columns in of_point else getattr(point, columns)
        title = context.title(point.evaluation) if several or not unit else ""
        names.append(" ".join(filter(None, (title, context.word(columns, unit) if unit else ""))))
    return names


def _with_error(point: pd.Series, info: MeasureInfo) -> str:
    """Return a value and its standard error; a single item has none."""
    value = number(point["value"], info.digits)
    return value if point["stderr"] != point["stderr"] else f"{value} ± {number(point['stderr'], info.digits)}"
