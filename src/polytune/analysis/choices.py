"""Which runs and results a figure or table shows: options that many kinds share. Imports nothing heavy."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from polytune.analysis.measures import MeasureInfo, measure_info
from polytune.config.kinds import Base, Coordinate, Family, Judge, Measure, Method, Mixture, Opponent, Protocol
from polytune.errors import InputError, nearest
from polytune.scores.exposure import EXPOSURES
from polytune.scores.runs import COLUMNS
from polytune.scores.spec import UNTUNED

if TYPE_CHECKING:
    import pandas as pd

Origin = Literal["world", "directory", "hub", "imported"]
Mean = Literal["mean", "group"]
Exposure = Literal["both", "base", "tuning", "neither"]
OPTIONS = {"bases": "base", "methods": "method", "families": "family", "mixtures": "mixture"}
"""Options that choose runs, and the columns that they look at."""
JUDGED = ("judge", "protocol", "opponent")
"""Columns that say who judged, how and against whom, and the options that choose one of them."""
UNJUDGED = ("", "language")
"""Protocols of measures that no judge gave: benchmarks, and what identifiers say."""
PARTS = ("category", "turn")
"""Columns of items by which the answers to a prompt set can be told apart."""
SCORE_COORDINATES = ("evaluation", "origin", "language", "exposure", "judge", "protocol", "opponent", *PARTS)
"""Columns of scores that can stand on an axis or tell lines apart."""
RUN_COORDINATES = (
    "n_languages", "model", "base", "parameters", "method", "variant", "mixture", "seed", "world", "family", "tokens",
    "supervised_tokens", "device_hours", "imported",
)  # fmt: skip
"""Columns of every table of runs that can; the coordinates of the study's families can besides."""


@dataclass(frozen=True)
class RunChoice:
    """Which of the study's runs are shown. Untuned bases stay, whatever is chosen of the tuned models."""

    bases: list[Base] | None = None
    methods: list[Method] | None = None
    families: list[Family] | None = None
    mixtures: list[Mixture] | None = None
    own: list[Family] = ()
    """Families of which one model stands for all: in each language the one tuned on it alone (`analysis.systems`)."""
    origin: Origin | None = None


@dataclass(frozen=True)
class Choice(RunChoice):
    """Which of the study's results are shown."""

    measure: Measure = "acc"
    judge: Judge | None = None
    protocol: Protocol | None = None
    opponent: Opponent | None = None
    total_of: int | None = None
    largest_missing_share: float = 0.01

    @property
    def info(self) -> MeasureInfo:
        """Return how the measure is written: as a total over `total_of` prompts, if that is given."""
        return measure_info(self.measure, self.total_of)


@dataclass(frozen=True)
class Layout:
    """What the measure stands against, and what tells lines apart."""

    against: Coordinate = "n_languages"
    by: Coordinate | None = None
    over: list[Coordinate] = ()

    @property
    def used(self) -> tuple[str, ...]:
        """Return the columns that are told apart."""
        return (self.against,) if self.by is None else (self.against, self.by)


@dataclass(frozen=True)
class Contrast:
    """What models are compared with. `pair_by` are the columns by which runs belong together; none: they do not."""

    reference: str
    against: Coordinate = "model"
    pair_by: list[Coordinate] = ()
    arbitrary: bool = False

    @property
    def pairing(self) -> str:
        """Return the pairing in words."""
        if not self.pair_by:
            return "unpaired"
        return f"paired by {' and '.join(self.pair_by)}" + (", which is arbitrary" if self.arbitrary else "")


def coordinates(runs: pd.DataFrame) -> list[str]:
    """Return the columns that can stand on an axis or tell lines apart, in scores of these runs."""
    of_families = [name for name in runs if name not in (*COLUMNS, *RUN_COORDINATES)]
    return [*RUN_COORDINATES, *of_families, *SCORE_COORDINATES]


def choose_runs(runs: pd.DataFrame, choice: RunChoice) -> pd.DataFrame:
    """Return the runs that `choice` names; raises `InputError` for a name that no run has.

    Names may leave out the generated world that they carry: `world-bloom` is `world-bloom-w1` and `world-bloom-w2`.
    """
    keep = runs["run"].notna()
    for option, column in OPTIONS.items():
        wanted = getattr(choice, option)
        if wanted is None:
            continue
        short = without_world(runs[column], runs["world"])
        known = dict.fromkeys([*runs[column], *short])
        for name in wanted:
            if name not in known:
                listed = ", ".join(name for name in known if name not in ("", UNTUNED, "none"))
                raise InputError(f"{option}: no {column} '{name}'{nearest(name, known)}; there are: {listed}")
        named = runs[column].isin(wanted) | short.isin(wanted)
        keep &= named if option == "bases" else named | (runs["method"] == UNTUNED)
    return runs[keep]


def choose_scores(
    scores: pd.DataFrame,
    choice: Choice,
    evaluations: Iterable[str] | None = None,
    languages: Iterable[str] | None = None,
    aggregate: str = "",
) -> pd.DataFrame:
    """Return the rows of a measure in some evaluations, of single languages or (`aggregate`) of a mean over them.

    `evaluations` and `languages` default to all. Raises `InputError` for what the scores do not hold.
    """
    import pandas as pd

    rows = scores[scores["measure"] == choice.measure]
    if rows.empty:
        known = list(dict.fromkeys(scores["measure"]))
        hint = "; evaluate again with this version" if choice.measure == "bits_per_byte" else ""
        raise InputError(
            f"scores: no measure '{choice.measure}'{nearest(choice.measure, known)}; it has: {' '.join(known)}{hint}"
        )
    if choice.origin is not None:
        rows = rows[rows["origin"] == choice.origin]
    for column in JUDGED:
        wanted, known = getattr(choice, column), dict.fromkeys(rows[column])
        if wanted not in (None, *known):
            listed = ", ".join(filter(None, known)) or "none"
            raise InputError(f"{column}: no '{wanted}'{nearest(wanted, known)} gave this measure; there are: {listed}")
        rows = rows if wanted is None else rows[rows[column] == wanted]
    parts = []
    for name in dict.fromkeys(rows["evaluation"]) if evaluations is None else evaluations:
        part = rows[rows["evaluation"] == name]
        if part.empty:
            known = sorted(rows["evaluation"].unique())
            of_origin = "" if choice.origin is None else f" of origin '{choice.origin}'"
            raise InputError(
                f"scores: no benchmark '{name}'{of_origin}{nearest(name, known)}; it has: {' '.join(known)}"
            )
        part = part[part["aggregate"] == aggregate]
        if languages is not None:
            known = sorted(part["language"].unique())
            for code in languages:
                if code not in known:
                    raise InputError(f"scores: {name} has no '{code}'; it has: {' '.join(known)}")
            part = part[part["language"].isin(list(languages))]
        parts.append(part)
    return pd.concat(parts) if parts else rows


def check_coverage(rows: pd.DataFrame, choice: Choice) -> None:
    """Raise `InputError` if a run has too many answers that were to be judged and have no verdict.

    `rows` are scores; the share is that of the rows of one run, judge and evaluation together.
    """
    judged = rows[~rows["protocol"].isin(UNJUDGED)]
    if judged.empty:
        return
    counts = judged.groupby(["run", "evaluation", *JUDGED])[["items", "missing"]].sum()
    shares = counts["missing"] / counts.sum(axis=1)
    if shares.max() > choice.largest_missing_share:
        run, evaluation, judge, protocol, _ = shares.idxmax()
        worst = counts.loc[shares.idxmax()]
        raise InputError(
            f"{worst['missing']} of {worst.sum()} verdicts on {evaluation} of {run} are missing (judge {judge}, "
            f"protocol {protocol}): {100 * shares.max():.1f} %, more than {100 * choice.largest_missing_share:g} %; "
            "judge again, or allow it with 'analysis.largest_missing_share'"
        )


def exposure_of(scores: pd.DataFrame, evaluation: str) -> dict[str, str]:
    """Return the exposure group of every language of an evaluation; raises `InputError` where bases differ in it."""
    rows = scores[(scores["evaluation"] == evaluation) & (scores["aggregate"] == "")]
    groups = rows.groupby("language")["exposure"].unique()
    if mixed := [code for code, found in groups.items() if len(found) > 1]:
        known = " and ".join(groups[mixed[0]])
        raise InputError(f"{evaluation}: '{mixed[0]}' is in exposure groups {known}: choose one base with 'bases'")
    return dict(zip(rows["language"], rows["exposure"], strict=True))


def find_languages(
    scores: pd.DataFrame, evaluation: str, languages: list[str] | None, exposure: str | None
) -> list[str]:
    """Return the languages that are listed, or those of an exposure group (perhaps none).

    Raises `InputError` if neither is given, or if a listed language is not in the group that is given besides.
    """
    if languages is None and exposure is None:
        raise InputError("one of the options 'languages' and 'exposure' is needed")
    if exposure not in (None, *EXPOSURES):
        raise InputError(f"exposure is '{exposure}'{nearest(exposure, EXPOSURES)}; allowed: {', '.join(EXPOSURES)}")
    groups = exposure_of(scores, evaluation)
    chosen = languages or [code for code, group in groups.items() if group == exposure]
    for code in chosen:
        if code in groups and exposure not in (None, groups[code]):
            raise InputError(f"{evaluation}: '{code}' is in exposure group '{groups[code]}', not '{exposure}'")
    return chosen


def without_world(names: pd.Series, worlds: pd.Series) -> pd.Series:
    """Return names of bases or mixtures without the generated world that they carry: `world-bloom-w1` in `w1`."""
    pairs = zip(names, worlds, strict=True)
    words = [re.sub(rf"-{re.escape(world)}(?=-|$)", "", name) if world else name for name, world in pairs]
    return names.__class__(words, index=names.index)


def name_models(runs: pd.DataFrame) -> pd.Series:
    """Return short names of the runs' models: the number of languages where that says it all, else the mixture.

    Base, method and variant stand before it where the runs have several. Seeds and worlds have no name of their own.
    """
    tuned = runs["method"] != UNTUNED
    mixtures, bases = (without_world(runs[column], runs["world"]) for column in ("mixture", "base"))
    names = runs["n_languages"].astype(str) + " languages"
    names = names.where(runs["n_languages"] != 1, runs["languages"].map(lambda codes: "".join(codes[:1])))
    if mixtures[tuned].groupby(names[tuned]).nunique().max() > 1:
        names = mixtures
    names = names.where(tuned, UNTUNED)
    for column in (runs["variant"], runs["method"], bases):
        distinct = column if column is bases else column[tuned]
        if distinct.nunique() > 1:
            names = column.where(tuned | (column is bases), "").str.cat(names, sep=" ").str.strip()
    return names
