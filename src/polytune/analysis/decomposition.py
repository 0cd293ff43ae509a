"""What of a difference between two models is language and what is quality.

The score of an answer is a rating r times whether it is in the right language, p. A difference of two such products
splits exactly into a part of each factor (Kitagawa 1955; the Shapley value of two factors):

    r p - r' p' = (p - p') (r + r') / 2   [language]   +   (r - r') (p + p') / 2   [quality]

It is taken answer by answer, both models on the same prompt, and averaged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from polytune.analysis.choices import Choice, choose_runs, choose_scores
from polytune.errors import InputError, nearest
from polytune.scores.spec import UNTUNED

if TYPE_CHECKING:
    import pandas as pd

    from polytune.analysis.items import Items

PARTS = ("right language", "quality", "difference")
"""The two parts, and their sum."""
RATING, PRODUCT = "rating", "rating_in_language"
SAME = ["base", "method", "variant", "seed", "world"]
"""What a run has in common with the one that it is compared with; an untuned base is that of its base."""


def split_difference(values: pd.DataFrame, others: pd.DataFrame) -> pd.DataFrame:
    """Return `PARTS` for each answer that both have; a column each.

    Both tables have the columns `RATING` (above 0) and `PRODUCT`, and an index of answers.
    """
    import pandas as pd

    both = values.join(others, how="inner", rsuffix=" of the other").dropna()
    rating, product, rating_of_other, product_of_other = both.to_numpy().T
    passing, passing_of_other = product / rating, product_of_other / rating_of_other
    language = (passing - passing_of_other) * (rating + rating_of_other) / 2
    quality = (rating - rating_of_other) * (passing + passing_of_other) / 2
    parts = (language, quality, product - product_of_other)
    return pd.DataFrame(dict(zip(PARTS, parts, strict=True)), index=both.index)


def difference_scores(
    scores: pd.DataFrame, runs: pd.DataFrame, items: Items, choice: Choice, evaluation: str, reference: str,
    languages: list[str],
) -> pd.DataFrame:  # fmt: skip
    """Return the parts of each run's difference from the reference, in the layout of scores, with a column `part`.

    `reference` is a family, or `base`: the run of it with the same base, method, seed and world. There is a row for
    each language and one for their mean (`aggregate`), with errors over prompts. Raises `InputError` for an unknown
    reference, or several runs of it that one is compared with.
    """
    import pandas as pd

    from polytune.scores.means import clustered_score

    chosen = choose_runs(runs, choice)
    known = [UNTUNED, *dict.fromkeys(name for name in chosen["family"] if name)]
    if reference not in known:
        raise InputError(f"reference: no '{reference}'{nearest(reference, known)}; there are: {', '.join(known)}")
    rows = choose_scores(scores, choice, [evaluation], languages)
    first = rows.iloc[0]
    of_answers = _answers(items, first, languages)
    same = ["base"] if reference == UNTUNED else SAME
    others = chosen[chosen["method" if reference == UNTUNED else "family"] == reference].drop_duplicates("run")
    found = []
    tuned = chosen[(chosen["method"] != UNTUNED) & ~chosen["run"].isin(others["run"])]
    for run, group in tuned.groupby("run", sort=False):
        fitting = others.merge(group[same].head(1), on=same)["run"]
        if len(fitting) > 1:
            raise InputError(f"reference: {run} has several runs of '{reference}' beside it: {', '.join(fitting)}")
        if not len(fitting) or run not in of_answers:
            continue
        parts = split_difference(of_answers[run], of_answers[fitting.iloc[0]]).reset_index()
        mine = rows[rows["run"] == run].set_index("language")
        asked = mine["items"] + mine["missing"]
        score = rows[rows["run"] == run].iloc[0].to_dict() | {"drift": 0.0}
        for language, own in [*parts.groupby("language", sort=False), ("", parts)]:
            for part in PARTS:
                mean = clustered_score(own, part)
                found.append(
                    {**score, "language": language, "aggregate": "" if language else "mean", "part": part,
                     "value": mean.value, "stderr": mean.stderr, "items": mean.items,
                     "missing": int(asked[language] if language else asked.sum()) - mean.items}
                )  # fmt: skip
    if not found:
        raise InputError(f"reference: no run stands beside one of '{reference}' of the same base, method and seed")
    return pd.DataFrame(found)


def _answers(items: Items, like: pd.Series, languages: list[str]) -> dict[str, pd.DataFrame]:
    """Return, by run, the rating and its product with the language pass: index language, item, turn."""
    import pandas as pd

    tables = {}
    for measure in (RATING, PRODUCT):
        table = items.read(like["evaluation"], like["origin"], measure)
        table = table[(table["judge"] == like["judge"]) & (table["protocol"] == like["protocol"])]
        table = table[table["language"].isin(languages)]
        tables[measure] = table.set_index(["run", "language", "item", "turn"])["value"]
    both = pd.DataFrame(tables)
    return {run: part.droplevel("run") for run, part in both.groupby(level="run", sort=False)}
