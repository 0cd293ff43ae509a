"""How often each rating was given to models in the language that they are tuned on, by a judge or by people."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from polytune.analysis.choices import Choice, choose_runs, choose_scores
from polytune.analysis.context import Context
from polytune.analysis.ratings import places_of, read_ratings
from polytune.config.kinds import Evaluation, Language, Published
from polytune.errors import InputError
from polytune.figures import style
from polytune.figures.accuracy import write_legend
from polytune.figures.drawing import Drawing

if TYPE_CHECKING:
    import pandas as pd

    from polytune.analysis.items import Items


def draw_rating_shares(
    scores: pd.DataFrame,
    runs: pd.DataFrame,
    context: Context,
    items: Items,
    published_folder: Path,
    choice: Choice,
    benchmark: Evaluation,
    languages: list[Language] | None = None,
    ratings: Published | None = None,
    names: dict[str, str] | None = None,
) -> Drawing:
    """Draw a bar for each language: the shares of the ratings of the model tuned on it alone, in this language.

    The ratings are the judge's, or people's of the file `ratings` (docs/statistics.md, "Human ratings"); the mean of
    several raters is rounded. `names` are words for ratings (`3: excellent`).
    """
    import numpy as np
    import pandas as pd

    rows = choose_scores(scores, choice, [benchmark], languages)
    singles = choose_runs(runs, choice)
    singles = singles[singles["n_languages"] == 1].drop_duplicates("run")
    tuned = pd.DataFrame({"run": singles["run"], "language": [codes[0] for codes in singles["languages"]]})
    first = rows.iloc[0]
    given = items.read(benchmark, first["origin"], choice.measure).rename(columns={"value": "rating"})
    for column in ("judge", "protocol", "opponent"):
        given = given[given[column] == first[column]]
    source = f"Ratings: {first['judge']}, {first['protocol']}."
    if ratings is not None:
        places = places_of(given[given["language"].isin(rows["language"])])
        given = read_ratings(published_folder / ratings, set(rows["run"]), places, context.code)
        source = f"Ratings: people, {ratings}."
    given = given.merge(tuned, on=["run", "language"]).dropna(subset="rating")
    given = given.assign(rating=given["rating"].round().astype(int))
    shown = [code for code in languages or dict.fromkeys(rows["language"]) if code in set(given["language"])]
    if not shown:
        raise InputError("languages: no model that is tuned on one of them alone has ratings in it")
    counts = given.groupby(["language", "rating"]).size().unstack(fill_value=0).loc[shown]
    counts = counts[sorted(counts, reverse=True)]
    shares = 100 * counts.div(counts.sum(axis=1), axis=0)
    figure, (axes,) = style.new_figure(style.COLUMN, 0.24 * len(shown) + 0.8)
    left, handles = np.zeros(len(shown)), []
    for place, rating in enumerate(shares):
        word = (names or {}).get(str(rating), str(rating))
        color = style.PALETTE[place % len(style.PALETTE)]
        handles.append(axes.barh(range(len(shown)), shares[rating], 0.7, left=left, color=color, alpha=0.8, label=word))
        for row, share in enumerate(shares[rating]):
            if share >= 8:
                axes.text(left[row] + share / 2, row, f"{share:.0f}", ha="center", va="center", fontsize=6)
        left += shares[rating].to_numpy()
    axes.set_yticks(range(len(shown)), [context.language(code) for code in shown])
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_xlabel("answers (%)")
    axes.grid(False)
    write_legend(figure, handles)
    sizes = sorted(set(counts.sum(axis=1)))
    counted = f"{sizes[0]:,}" if len(sizes) == 1 else f"{sizes[0]:,} to {sizes[-1]:,}"
    table = shares.stack().rename("share").reset_index().merge(counts.stack().rename("answers").reset_index())
    notes = [f"{source} {counted} answers in each language, of the model that is tuned on it alone."]
    return Drawing(figure, table, notes=notes)
