"""What tuning brings to languages that nobody has seen, as a table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from polytune.analysis.choices import Choice, choose_scores
from polytune.analysis.context import Context
from polytune.config.kinds import Base, Evaluation
from polytune.errors import InputError
from polytune.scores.spec import UNTUNED
from polytune.tables.groups import SPREAD, spread, with_runs
from polytune.tables.rendering import Cell, Table

if TYPE_CHECKING:
    import pandas as pd

Similarity = Literal["sound", "featural", "genetic", "geographic", "inventory", "phonological", "syntactic", "model"]


def build_transfer(
    scores: pd.DataFrame,
    runs: pd.DataFrame,
    context: Context,
    similarity: Path,
    choice: Choice,
    benchmarks: list[Evaluation] | None = None,
    close: float = 0.3,
    similarity_measure: Similarity = "genetic",
    similarity_method: Literal["uriel-precomputed", "uriel"] = "uriel",
    vectors_of: Base | None = None,
) -> Table:
    """Return what languages gain over the base that it has not seen and that the mixture does not hold.

    A row per benchmark and model: the mean gain of those with a tuned language of a similarity of at least `close`, of
    those without, and the correlation over languages of gain and summed similarity to the tuned ones. `vectors_of` is
    the base whose own vectors `similarity_measure: model` compares.
    """
    import pandas as pd

    from polytune.analysis.predictors import measures_of, read_similarity
    from polytune.analysis.transfer import measure_transfer

    info = choice.info
    rows = with_runs(choose_scores(scores, choice, benchmarks), runs, choice)
    rows["value"] *= info.scale
    every = read_similarity(similarity, similarity_method)
    if similarity_measure not in measures_of(every):
        raise InputError("similarity_measure: 'model' needs 'vectors_of', the base whose vectors are compared")
    near = every.loc[similarity_measure]
    data = pd.DataFrame(measure_transfer(rows, near, close))
    if data.empty:
        raise InputError("scores: no tuned model with its untuned base has languages that neither has seen")
    models = list(dict.fromkeys(rows.loc[rows["method"] != UNTUNED].sort_values("n_languages", kind="stable")["model"]))
    body = []
    for (name, model), group in sorted(
        data.groupby(["evaluation", "model"], sort=False), key=lambda found: models.index(found[0][1])
    ):
        cells = [context.title(name), model]
        for column, count, digits in (
            ("gain_close", "n_close", info.digits),
            ("gain_distant", "n_distant", info.digits),
            ("r", None, 2),
        ):
            values = group[column]
            languages = "" if count is None else int(group[count].max())
            summary = {"value": values.mean(), "sd": values.std(), "runs": len(values), "languages": languages}
            cells.append(spread(summary, digits))
        body.append([Cell(text) for text in cells])
    header = ["benchmark", "model", "gain with a close relative", "gain without", "r(gain, similarity)"]
    notes = [
        f"Gain in {info.label}{info.unit_in_brackets} over the untuned base, of languages that neither has seen; "
        f"{SPREAD}. Close: {similarity_measure} similarity of at least {close:g} to a tuned language "
        f"({similarity_method})."
    ]
    return Table("Transfer to languages that nobody has seen", header, body, data, notes)
