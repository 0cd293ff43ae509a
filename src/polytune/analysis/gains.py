"""What a mixture gains over models that were tuned on one language each, in percent of their score.

Judges score languages differently, so gains are taken within a language and then averaged. Of L languages, with x and y
the scores of the two models on the same answers and r = mean x / mean y in a language:

    gain = mean over languages of (r - 1)

The error is that of the linearised ratio: the clustered standard error of (x - r y) / mean y (Cochran 1977, chapter 6).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from polytune.analysis.choices import JUDGED, Choice, choose_runs, choose_scores
from polytune.errors import InputError, nearest
from polytune.scores.evaluations import Score
from polytune.scores.spec import UNTUNED

if TYPE_CHECKING:
    import pandas as pd

    from polytune.analysis.items import Items

SAME = ["base", "method", "variant", "seed", "world"]
"""What a run has in common with those that it is compared with."""
ALL = "all of them"
"""What the mean of the reference's models is called."""


def relative_gain(values: pd.Series, others: pd.Series) -> Score:
    """Return the gain of `values` over `others` as a share: two series of answers by language, item and turn."""
    import pandas as pd

    from polytune.scores.means import clustered_score

    both = pd.DataFrame({"x": values, "y": others}).dropna().reset_index()
    by_language = both.groupby("language")
    mean_x, mean_y = (by_language[column].transform("mean") for column in "xy")
    residual = (both["x"] - mean_x / mean_y * both["y"]) / mean_y
    ratios = by_language["x"].mean() / by_language["y"].mean()
    clustered = clustered_score(both.assign(residual=residual), "residual")
    return replace(clustered, value=float(ratios.mean() - 1))


def gain_scores(
    scores: pd.DataFrame, runs: pd.DataFrame, items: Items, choice: Choice, evaluation: str, reference: str,
    languages: list[str] | None,
) -> pd.DataFrame:  # fmt: skip
    """Return the gain of each tuned run over each model of `reference`, in the layout of scores, in percent.

    `reference` is a family whose models are tuned on one language each, which the column `over` names; their mean,
    answer by answer, is `ALL`. Compared are models of the same base, method, seed and world. Raises `InputError` for an
    unknown reference, one of several languages, and one that no run stands beside.
    """
    import pandas as pd

    chosen = choose_runs(runs, choice)
    known = list(dict.fromkeys(name for name in chosen["family"] if name))
    if reference not in known:
        raise InputError(f"reference: no '{reference}'{nearest(reference, known)}; there are: {', '.join(known)}")
    references = chosen[chosen["family"] == reference]
    if (references["n_languages"] != 1).any():
        raise InputError(f"reference: the models of '{reference}' are tuned on several languages")
    rows = choose_scores(scores, choice, [evaluation], languages)
    answers = _answers(items, rows)
    tuned = chosen[(chosen["method"] != UNTUNED) & ~chosen["run"].isin(references["run"])]
    found = []
    for run, group in tuned.groupby("run", sort=False):
        others = references.merge(group[SAME].head(1), on=SAME)
        of_others = {codes[0]: answers[name] for name, codes in zip(others["run"], others["languages"], strict=True)}
        if not of_others or run not in answers:
            continue
        of_others[ALL] = pd.DataFrame(of_others).mean(axis=1, skipna=False)
        own = rows[rows["run"] == run]
        whole = {"language": "", "aggregate": "mean", "tuned": None, "drift": 0.0, "missing": int(own["missing"].sum())}
        for code, values in of_others.items():
            gain = relative_gain(answers[run], values)
            gained = {"measure": "gain", "value": 100 * gain.value, "stderr": 100 * gain.stderr, "over": code}
            shown = gained | {"items": gain.items, "clusters": gain.clusters}
            found.append({**own.iloc[0].to_dict(), **whole, **shown})
    if not found:
        raise InputError(f"reference: no run stands beside one of '{reference}' of the same base, method and seed")
    return pd.DataFrame(found)


def _answers(items: Items, rows: pd.DataFrame) -> dict[str, pd.Series]:
    """Return the values of each run, by language, item and turn."""
    first = rows.iloc[0]
    table = items.read(first["evaluation"], first["origin"], first["measure"])
    for column in JUDGED:
        table = table[table[column] == first[column]]
    table = table[table["language"].isin(set(rows["language"]))]
    return {run: part.set_index(["language", "item", "turn"])["value"] for run, part in table.groupby("run")}
