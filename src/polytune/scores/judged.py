"""Scores of free answers: of each run and prompt set, what is measured of every answer, and its means.

Means over prompts, with the prompts as clusters of turns and of languages; an answer without a value is counted as
missing and is never a score. What a judge says a second time of the same answers enters every error (`drift`).
Formulas: docs/statistics.md, "Judged answers".
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from polytune.config.paths import Paths
from polytune.judging.protocols import PROTOCOLS
from polytune.scores.answers import KEYS, LANGUAGE, PASSES, Answers, check_same_answers, read_answers, read_categories
from polytune.scores.evaluations import Score
from polytune.scores.losses import read_losses
from polytune.scores.means import clustered_scores, mean_score
from polytune.scores.spec import NULL, AnswersSpec, JudgedSpec
from polytune.scores.verdicts import (
    COSTS,
    answer_values,
    check_verdicts,
    file_digest,
    read_verdicts,
    repeat_changes,
    verdict_file,
)

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Measured:
    """What one judge (an identifier, nobody) measured of a run's answers: `items` are `KEYS` and the measures."""

    items: pd.DataFrame
    digest: str
    judge: str = ""
    protocol: str = ""
    opponent: str = ""
    changes: dict[str, np.ndarray] = field(default_factory=dict)
    """Of each measure the differences between the two verdicts on answers that were judged twice."""

    @property
    def words(self) -> dict[str, str]:
        """Return who measured, as scores and items have it."""
        return {"judge": self.judge, "protocol": self.protocol, "opponent": self.opponent}


class JudgedAnswers:
    """Reads what belongs to the answers of a study, each file of verdicts counted once in `checks`."""

    def __init__(self, paths: Paths) -> None:
        self.paths = paths
        self.checks: list[dict[str, Any]] = []
        self._counted: set[tuple] = set()
        self._paid: set[str] = set()
        self._read: dict[tuple[str, str], Answers] = {}
        self._categories: dict[tuple[str, str], dict[tuple[str, int], str]] = {}

    def measure(self, run: str, spec: AnswersSpec) -> Iterator[Measured]:
        """Yield everything that is measured of a run's answers to one prompt set."""
        answers = self._answers(run, spec)
        yield Measured(answers.rows, answers.digest)
        if answers.identified is not None:
            columns = [*KEYS, "answered", *PASSES]
            yield Measured(answers.identified[columns], answers.identified_digest, spec.identifier, LANGUAGE)
        if spec.loss and not run.partition("/")[2].startswith(f"{NULL}/"):
            yield Measured(*read_losses(self.paths, run, spec))
        for judged in spec.judged:
            if not judged.against:
                if judged.runs is None or run in judged.runs:
                    yield self._rated(run, spec, judged, answers)
            elif run in judged.opponents:
                yield self._side_by_side(run, spec, judged, answers)

    def categories(self, spec: AnswersSpec, world: str) -> dict[tuple[str, int], str]:
        """Return the category of each question of one world by language and item, read once."""
        key = (spec.name, world)
        if key not in self._categories:
            self._categories[key] = read_categories(self.paths, spec, world)
        return self._categories[key]

    def _answers(self, run: str, spec: AnswersSpec) -> Answers:
        """Return the answers of a run, read once: runs side by side need each other's."""
        key = (run, spec.name)
        if key not in self._read:
            self._read[key] = read_answers(self.paths, run, spec)
        return self._read[key]

    def _rated(self, run: str, spec: AnswersSpec, judged: JudgedSpec, answers: Answers) -> Measured:
        """Return the ratings, and with an identifier the ratings times the language pass and what that takes away."""
        path = verdict_file(self.paths, run, judged.judge, judged.protocol, spec.name)
        verdicts = read_verdicts(path, list(spec.languages))
        check_same_answers(path, verdicts, self.paths.responses(run, spec.name), answers.rows)
        self._count(path, spec, judged, run, "", verdicts, answers.lengths, None)
        measure = PROTOCOLS[judged.protocol].measure
        values = {measure: answer_values(verdicts, holds=True)}
        if answers.identified is not None and not PROTOCOLS[judged.protocol].computed:
            values["rating_in_language"] = values["rating"].mul(answers.kept, axis=0)
            values["rating_lost"] = values["rating"] - values["rating_in_language"]
        changes = {measure: repeat_changes(both) for measure, both in values.items()}
        items = answers.rows[KEYS].join(_first(values), on=KEYS)
        return Measured(items, file_digest([path]), judged.judge, judged.protocol, changes=changes)

    def _side_by_side(self, run: str, spec: AnswersSpec, judged: JudgedSpec, answers: Answers) -> Measured:
        """Return the wins over the opponents, averaged where an answer has several, and what the run has before them:
        characters and language pass.
        """
        import pandas as pd

        parts, changes, files = [], [], []
        for opponent, languages in judged.opponents[run].items():
            path = verdict_file(self.paths, run, judged.judge, judged.protocol, spec.name, opponent)
            verdicts = read_verdicts(path, languages)
            asked = answers.rows[answers.rows["language"].isin(languages)]
            check_same_answers(path, verdicts, self.paths.responses(run, spec.name), asked)
            others = self._answers(opponent, spec)
            first, second = (answers, others) if run < opponent else (others, answers)
            self._count(path, spec, judged, *sorted((run, opponent)), verdicts, first.lengths, second.lengths)
            won = answer_values(verdicts, holds=run < opponent)
            values = _first({"win": won})
            values["length_advantage"] = answers.lengths - others.lengths
            if answers.identified is not None:
                passes = (one.identified.set_index(KEYS)["language_pass"] for one in (answers, others))
                values["language_advantage"] = next(passes) - next(passes)
            parts.append(values)
            changes.append(repeat_changes(won))
            files.append(path)
        # several opponents in one language: the mean over them
        items = pd.concat(parts).groupby(level=KEYS).mean().reset_index()
        return Measured(items, file_digest(files), judged.judge, judged.protocol, judged.against,
                        {"win": np.concatenate(changes)})  # fmt: skip

    def _count(
        self, path: Any, spec: AnswersSpec, judged: JudgedSpec, run: str, opponent: str, verdicts: pd.DataFrame,
        own: pd.Series, others: pd.Series | None,
    ) -> None:  # fmt: skip
        """Count what a file says of its judge, once for each language; equal requests of two runs are paid for once."""
        if all((path, language) in self._counted for language in verdicts["language"].unique()):
            return  # by the other of the two runs
        asked = verdicts["key"].tolist()  # a study has hundreds of thousands: a set is asked, not an array
        paid = np.fromiter((key in self._paid for key in asked), bool, len(asked)) | verdicts["key"].duplicated()
        verdicts = verdicts.assign(**{cost: verdicts[cost].where(~paid, 0) for cost in COSTS})
        self._paid.update(asked)
        about = {"run": run, "opponent": opponent, "evaluation": spec.name, "origin": spec.origin,
                 "judge": judged.judge, "protocol": judged.protocol}  # fmt: skip
        for row in check_verdicts(verdicts, own, others):
            if (path, row["language"]) not in self._counted:
                self._counted.add((path, row["language"]))
                self.checks.append({**about, **row})


def _first(values: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the first verdicts of each measure: a second one is asked for of a few answers only."""
    import pandas as pd

    return pd.DataFrame({measure: both[0] for measure, both in values.items()})


def answer_scores(items: pd.DataFrame, parallel: bool) -> Iterator[tuple[str, str, str, Score, int]]:
    """Yield (aggregate, language, measure, score, answers without a value) of every language, then of both means.

    `items` are `KEYS` and a column per measure. A measure without any value in some language has no mean.
    """
    languages, numbers = items["language"].to_numpy(), items["item"].to_numpy()
    for measure in items.columns.difference(KEYS, sort=False):
        missing = items[measure].isna().groupby(items["language"]).sum()
        found = clustered_scores(languages, numbers, items[measure].to_numpy(dtype=float))
        for language, score in found.languages.items():
            yield "", language, measure, score, int(missing[language])
        mean, group = found.mean, found.group
        if not parallel:
            mean = mean_score(found.languages, dict.fromkeys(found.languages, 1.0))
            group = mean_score(found.languages, {code: score.items or 1 for code, score in found.languages.items()})
        yield "mean", "", measure, mean, int(missing.sum())
        yield "group", "", measure, group, int(missing.sum())


def drift(changes: np.ndarray) -> float:
    """Return the standard deviation of what two rounds of judging have in common, from their differences.

    sqrt(max(0, (m^2 - s^2 / k) / 2)) for k differences of mean m and standard deviation s: the part of the change of
    the mean that the scatter of single verdicts does not explain. That scatter is in the errors over prompts already;
    a shift of all verdicts is not. 0 if fewer than two answers were judged twice.
    """
    if len(changes) < 2:
        return 0.0
    return math.sqrt(max(0.0, (changes.mean() ** 2 - changes.var(ddof=1) / len(changes)) / 2))


def confusion(answers: pd.DataFrame) -> pd.DataFrame:
    """Return how many answers asked for in `language` were `answered` in which: columns language, answered, answers."""
    counts = answers.groupby(["language", "answered"], sort=True).size()
    return counts.rename("answers").reset_index()
