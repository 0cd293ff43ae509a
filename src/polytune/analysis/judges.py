"""What a study's verdicts say of its judges: do seats, length and repetition decide, do null responders rank last?"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, Any

from polytune.analysis.measures import measure_info
from polytune.judging.protocols import PROTOCOLS
from polytune.scores.spec import UNTUNED

if TYPE_CHECKING:
    import pandas as pd

    from polytune.analysis.items import Items

JUDGING = ["evaluation", "origin", "judge", "protocol"]
"""What one column of the checks is about."""
ANSWER = ["language", "item", "turn"]


@dataclass(frozen=True)
class Share:
    """A share of `count` things; NaN if there are none."""

    hits: float
    count: float
    independent: bool = True
    """Whether each stands for itself, so that the share has an interval."""

    @property
    def value(self) -> float:
        """Return the share."""
        return self.hits / self.count if self.count else math.nan


@dataclass(frozen=True)
class NullRank:
    """Where a null responder stands among the tuned models that are measured as it is."""

    kind: str
    measure: str
    opponent: str
    """What it is compared with side by side, empty where it is rated alone."""
    value: float
    rank: int
    models: int
    """Tuned models and itself."""
    worse: int
    """Tuned models with a lower value."""
    lowest: float
    """The lowest value of a tuned model."""

    @property
    def is_last(self) -> bool:
        """Return whether no tuned model is worse."""
        return not self.worse

    @property
    def standing(self) -> tuple[float, float]:
        """Return how well it stands, more being better, in fields of any size: shares that are worse, not better."""
        return self.worse / self.models, -self.rank / self.models


@dataclass
class JudgeChecks:
    """The checks of one judge and protocol on one prompt set."""

    about: dict[str, str]
    verdicts: int
    coverage: Share
    reasons: dict[str, int]
    """Verdicts that are missing, by what came instead."""
    flipped: Share
    first: Share
    longer: Share
    changed: Share
    repeat_sd: float
    """Standard deviation of one verdict between repetitions."""
    drift: float
    tokens: int
    price: float
    nulls: list[NullRank] = field(default_factory=list)


def check_judges(
    checks: pd.DataFrame, scores: pd.DataFrame, runs: pd.DataFrame, responders: pd.DataFrame, items: Items
) -> list[JudgeChecks]:
    """Return the checks of every judge and protocol, over all languages.

    `checks` are counts of files; side by side, two answers are compared by the judge, alone, by their two ratings.
    """
    import numpy as np

    found = []
    for key, part in checks.groupby(JUDGING, sort=False):
        about, total = dict(zip(JUDGING, key, strict=True)), part.sum(numeric_only=True)
        missing = {status: int(total[status]) for status in ("refused", "unparsable", "failed")}
        asked = int(total["ok"]) + sum(missing.values())
        paired = bool((part["opponent"] != "").any())
        longer = Share(total["longer"], total["sized"]) if paired else longer_rated_higher(items, runs, about)
        same = np.logical_and.reduce([scores[column] == value for column, value in about.items()])
        found.append(
            JudgeChecks(
                about=about,
                verdicts=asked,
                coverage=Share(total["ok"], asked),
                reasons={status: count for status, count in missing.items() if count},
                flipped=Share(total["flipped"], total["swapped"]),
                first=Share(total["first"], total["decided"]),
                longer=longer,
                changed=Share(total["changed"], total["repeated"]),
                repeat_sd=math.sqrt(Share(total["squares"], 2 * total["repeated"]).value),
                drift=float(scores.loc[same & (scores["measure"] == quality(about["protocol"])), "drift"].max()),
                tokens=int(total["prompt_tokens"] + total["completion_tokens"]),
                price=float(total["price"]),
                nulls=rank_nulls(scores[same], runs, responders, about),
            )
        )
    return found


def quality(protocol: str) -> str:
    """Return the measure that verdicts by a protocol are."""
    known = PROTOCOLS[protocol]
    return known.measure if known.scale else "win"


def longer_rated_higher(items: Items, runs: pd.DataFrame, about: dict[str, Any]) -> Share:
    """Return how often the longer of two answers to one question has the higher rating, of those that differ in both.

    All pairs of the study's models are looked at, in each generated world: it has questions of its own. Pairs share
    answers, so the share has no interval.
    """
    import numpy as np

    ratings = items.read(about["evaluation"], about["origin"], quality(about["protocol"]))
    ratings = ratings[(ratings["judge"] == about["judge"]) & (ratings["protocol"] == about["protocol"])]
    ratings = ratings[ratings["run"].isin(runs["run"])]
    wide = ratings.pivot(index=ANSWER, columns="run", values="value")
    lengths = items.read(about["evaluation"], about["origin"], "answer_characters")
    lengths = lengths.pivot(index=ANSWER, columns="run", values="value").reindex(index=wide.index, columns=wide.columns)
    rating, length = wide.to_numpy(), lengths.to_numpy()
    hits = count = 0
    world = runs.drop_duplicates("run").set_index("run")["world"].reindex(wide.columns).to_numpy()
    for one, other in combinations(range(rating.shape[1]), 2):
        if world[one] != world[other]:
            continue
        signs = np.sign(rating[:, one] - rating[:, other]) * np.sign(length[:, one] - length[:, other])
        hits += int((signs > 0).sum())
        count += int((signs != 0).sum() - np.isnan(signs).sum())
    return Share(hits, count, independent=False)


def rank_nulls(
    scores: pd.DataFrame, runs: pd.DataFrame, responders: pd.DataFrame, about: dict[str, str]
) -> list[NullRank]:
    """Return the ranks of null responders among the tuned models of their world, by every measure of quality.

    Means over languages; each opponent by itself, since other models meet another one. Of several worlds the one where
    a responder stands best.
    """
    import numpy as np

    tuned = runs[runs["method"] != UNTUNED].drop_duplicates("run")[["run", "world"]]
    means = scores[scores["aggregate"] == "mean"].merge(tuned, on="run")
    null = responders[(responders["aggregate"] == "mean")]
    null = null[np.logical_and.reduce([null[column] == value for column, value in about.items()])]
    found: dict[tuple[str, str, str], NullRank] = {}
    for one in null.itertuples():
        if one.measure not in (quality(one.protocol), "rating_in_language"):
            continue
        others = means[(means["measure"] == one.measure) & (means["opponent"] == one.opponent)]
        others = others.loc[others["world"] == one.world, "value"]
        if others.empty or math.isnan(one.value):
            continue
        key, scale = (one.mixture, one.measure, one.opponent), measure_info(one.measure).scale
        rank, worse = 1 + int((others > one.value).sum()), int((others < one.value).sum())
        place = NullRank(*key, scale * one.value, rank, len(others) + 1, worse, scale * others.min())
        found[key] = max(found.get(key, place), place, key=lambda null: null.standing)
    return list(found.values())
