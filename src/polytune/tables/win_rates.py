"""Win rates beside what they are when both answers are equally long and in the right language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polytune.analysis.choices import RunChoice, choose_scores
from polytune.analysis.context import Context
from polytune.config.kinds import Coordinate, Evaluation
from polytune.tables.rendering import DASH, Cell, Table, number

if TYPE_CHECKING:
    import pandas as pd

    from polytune.analysis.items import Items


def build_win_rates(
    scores: pd.DataFrame,
    runs: pd.DataFrame,
    context: Context,
    items: Items,
    choice: RunChoice,
    benchmarks: list[Evaluation] | None = None,
    against: Coordinate = "model",
) -> Table:
    """Return raw and controlled win rates: a row per judge, opponent, model and language, and the mean over languages.

    Bold where the interval does not hold 50 %.
    """
    import pandas as pd

    from polytune.analysis.choices import Choice
    from polytune.analysis.designs import name_groups
    from polytune.analysis.wins import LINE, WIN, measure_wins

    rows = choose_scores(scores, Choice(measure=WIN, origin=choice.origin), benchmarks)
    shown = list(rows[["evaluation", "origin"]].drop_duplicates().itertuples(index=False, name=None))
    data = pd.DataFrame(measure_wins(items, name_groups(runs, choice, against, []), shown))
    told = [column for column in LINE if data[column].nunique() > 1]
    body = []
    for row in data.to_dict("records"):
        texts = [context.title(row["evaluation"]), *(row[column] for column in told), row["model"]]
        texts.append(context.language(row["language"]) or f"mean over {row['languages']} languages")
        cells = [*map(Cell, texts), Cell(str(row["prompts"]))]
        for name, low, high in (("value", "low", "high"), ("controlled", "controlled_low", "controlled_high")):
            bold = row[low] > 0.5 or row[high] < 0.5
            cells += [Cell(_percent(row[name]), bold), Cell(_interval(row[low], row[high]))]
        cells += [Cell(number(row["longer"], 0)), Cell(_percent(row["in_language"]))]
        body.append(cells)
    header = ["prompts set", *told, against, "language", "prompts", "wins (%)", "95 % interval", "controlled (%)",
              "95 % interval", "longer by", "in language by (%)"]  # fmt: skip
    notes = [
        "Wins over the opponent, ties counted half, with Wilson's interval over prompts. Controlled: wins if both "
        "answers were equally long and in the language of the question, by a logistic model in each language "
        "(docs/statistics.md); where hardly any answer is in the language, its interval says how little the judge has "
        "seen of one that is. Longer by: characters beyond the opponent's answer. Bold: the interval does not hold "
        "50 %.",
    ]
    means = data[data["language"] == ""]
    if len(means) and means.groupby(["evaluation", *LINE])["languages"].nunique().max() > 1:
        notes.append(
            "Means over different languages stand beside each other: no two languages are asked of all models."
        )
    return Table("Win rates, raw and controlled", header, body, data, notes)


def _percent(share: float) -> str:
    return number(100 * share, 1)


def _interval(low: float, high: float) -> str:
    return DASH if low != low else f"[{_percent(low)}, {_percent(high)}]"
