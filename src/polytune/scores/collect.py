"""A study's scores, runs and items, and what is known of its judges, as tidy tables (docs/architecture.md).

A score is of one language (`aggregate` is empty), the plain mean over an evaluation's languages (`mean`), or the mean
weighted by items (`group`), which is the group score of lm-evaluation-harness. The two means differ only where
languages have different numbers of items (XWinograd).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from polytune.config.paths import Paths
from polytune.errors import InputError
from polytune.files import atomic_path
from polytune.progress import track
from polytune.scores.evaluations import Evaluation, Score, check_same_versions, read_evaluation
from polytune.scores.exposure import classify_exposure
from polytune.scores.imported import Imported, Sources, read_imports
from polytune.scores.judged import JudgedAnswers, Measured, answer_scores, confusion, drift
from polytune.scores.means import clustered_score, item_score, mean_score
from polytune.scores.measures import read_items
from polytune.scores.runs import build_runs
from polytune.scores.spec import IMPORTED, NULL, EvaluationSpec, RunSpec, ScoresSpec
from polytune.scores.verdicts import CHECKS
from polytune.scores.writing import ItemsWriter

if TYPE_CHECKING:
    import pandas as pd

AGREEMENT = 1e-6
"""How far a harness's own number may lie from what its items or its languages give."""
JUDGED = ("judge", "protocol", "opponent")
"""Columns that say who judged, how and against whom; empty for benchmarks."""
DRIFTING = ("evaluation", "origin", *JUDGED, "measure")
"""What scores have in common that shift together when everything is judged again."""
CONFUSION = ("run", "evaluation", "origin", "judge", "language", "answered", "answers")
"""Columns of the table of asked and answered languages; `answered` is empty where the identifier cannot tell."""


@dataclass
class Collected:
    """What is collected of a study, as rows of its tables (docs/architecture.md has their columns)."""

    runs: pd.DataFrame
    scores: list[dict[str, Any]] = field(default_factory=list)
    checks: list[dict[str, Any]] = field(default_factory=list)
    confusion: list[pd.DataFrame] = field(default_factory=list)
    changes: dict[tuple[str, ...], list[np.ndarray]] = field(default_factory=dict)
    """By what `DRIFTING` says of scores: differences between two verdicts on one answer."""

    def add_answers(
        self, one: Measured, row: Callable[..., dict], where: dict[str, str], parallel: bool, items: ItemsWriter | None,
        categories: dict[tuple[str, int], str],
    ) -> None:  # fmt: skip
        """Add what one judge or identifier measured of a run's answers; `row` makes a score, `where` says of what."""
        values = one.items
        if "answered" in values:
            self.confusion.append(confusion(values).assign(**where, judge=one.judge))
            values = values.drop(columns="answered")
        if items is not None:
            questions = zip(values["language"], values["item"], strict=True)
            named = values.assign(category=[categories.get(question, "") for question in questions])
            items.add(named, **where, **one.words)
        self.scores += [row(*score) | one.words for score in answer_scores(values, parallel)]
        for measure, change in one.changes.items():
            about = where | one.words | {"measure": measure}
            self.changes.setdefault(tuple(about[name] for name in DRIFTING), []).append(change)

    def add_drift(self) -> None:
        """Add to the errors of judged scores what two rounds of judging differ by as a whole."""
        drifts = {key: drift(np.concatenate(parts)) for key, parts in self.changes.items()}
        for score in self.scores:
            score["drift"] = drifts.get(tuple(score[name] for name in DRIFTING), 0.0)
            score["stderr"] = math.hypot(score["stderr"], score["drift"])

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return the tables by name; those about answers are empty where the study has none."""
        import pandas as pd

        return {
            "scores": pd.DataFrame(self.scores).astype({"tuned": "boolean"}),
            "runs": self.runs,
            "checks": pd.DataFrame(self.checks, columns=list(CHECKS)),
            "confusion": pd.concat([pd.DataFrame(columns=list(CONFUSION)), *self.confusion], ignore_index=True),
        }


def collect_scores(spec: ScoresSpec, paths: Paths, items: ItemsWriter | None = None) -> Collected:
    """Return the scores and the runs of a study; `items` takes the items as they are read.

    Raises `InputError` for a missing or broken result file, a value that is not finite, or results that must not be
    compared.
    """
    found = Collected(build_runs(spec.runs, paths))
    rows = _Rows(spec, found.runs)
    first: dict[tuple[str, ...], Evaluation] = {}
    answers, imports = JudgedAnswers(paths), read_imports(paths, spec.study, spec.runs)
    for run in track({run.run: run for run in spec.runs}.values(), "collect scores", unit="run"):
        for wanted in spec.evaluations if run.method != NULL else ():
            mine = bool(run.imported) == (wanted.origin == IMPORTED)
            if not mine or (read := _read(run, wanted, paths, imports)) is None:
                continue
            evaluation, values, sources = read
            _check_versions(first, evaluation, wanted, run)
            if not run.imported:
                _check_items(evaluation, values)
            if wanted.parallel:
                _check_parallel(evaluation, values)
            if items is not None:
                items.add(values, run=run.run, evaluation=wanted.name, origin=wanted.origin)
            benchmark = wanted.benchmark.get("benchmark", wanted.name)
            row = rows.of(run, wanted.name, benchmark, wanted.origin, evaluation.digest)
            for score in _scores(evaluation, values, wanted):
                found.scores.append(row(*score) | {"source": sources.get(score[:3], "")})
        for wanted in spec.answers if not run.imported else ():
            if wanted.runs is not None and run.run not in wanted.runs:
                continue
            where = {"run": run.run, "evaluation": wanted.name, "origin": wanted.origin}
            categories = answers.categories(wanted, run.world)
            for measured in answers.measure(run.run, wanted):
                row = rows.of(run, wanted.name, wanted.prompts, wanted.origin, measured.digest)
                found.add_answers(measured, row, where, wanted.parallel, items, categories)
    found.checks = [{"study": spec.study, "scale": spec.scale, **row} for row in answers.checks]
    found.add_drift()
    return found


class _Rows:
    """Rows of the scores: what every one says of its study, run and language."""

    def __init__(self, spec: ScoresSpec, runs: pd.DataFrame) -> None:
        self._spec = spec
        self._trained = runs.drop_duplicates("run").set_index("run")["languages"]
        by_base = runs.groupby("base")["languages"]
        self._tuned = by_base.agg(lambda lists: {code for codes in lists for code in codes})

    def of(self, run: RunSpec, evaluation: str, benchmark: str, origin: str, digest: str) -> Callable[..., dict]:
        """Return what makes a row of an evaluation; `benchmark` is the prompt set of answers."""
        counted = self._tuned[run.base] - self._spec.counted_as_untuned.get(benchmark, frozenset())

        def row(aggregate: str, language: str, measure: str, score: Score, missing: int = 0) -> dict[str, Any]:
            return {
                "study": self._spec.study,
                "scale": self._spec.scale,
                "run": run.run,
                "evaluation": evaluation,
                "benchmark": benchmark,
                "origin": origin,
                "language": language,
                "measure": measure,
                **dict.fromkeys(JUDGED, ""),
                "aggregate": aggregate,
                "value": score.value,
                "stderr": score.stderr,
                "drift": 0.0,
                "items": score.items,
                "clusters": score.clusters,
                "missing": missing,
                "exposure": classify_exposure(language, run.seen_languages, counted) if language else "",
                "tuned": language in self._trained[run.run] if language else None,
                "digest": digest,
                "source": "",
            }

        return row


def _read(
    run: RunSpec, wanted: EvaluationSpec, paths: Paths, imports: dict[str, Imported]
) -> tuple[Evaluation, pd.DataFrame, Sources] | None:
    """Return a run's evaluation, its items, and where imported numbers stand; None for what an import may lack."""
    if run.imported:
        return imports[run.imported].find(run, wanted.name)
    evaluation = read_evaluation(Path(paths.evaluation(run.run, wanted.origin, wanted.name)), wanted.name)
    return evaluation, read_items(evaluation.samples), {}


def _check_versions(first: dict, evaluation: Evaluation, wanted: EvaluationSpec, run: RunSpec) -> None:
    """Compare with the first result of this evaluation, and with the first on the same facts."""
    here = run.world if wanted.origin == "world" else ""
    check_same_versions(first.setdefault((wanted.name, wanted.origin), evaluation), evaluation, wanted.name, False)
    check_same_versions(first.setdefault((wanted.name, wanted.origin, here), evaluation), evaluation, wanted.name)


def _check_items(evaluation: Evaluation, values: pd.DataFrame) -> None:
    """Refuse items that are not those of the result file."""
    means = values.groupby("language")["acc"].agg(["mean", "size"])
    for language, score in evaluation.scores.get("acc", {}).items():
        if language not in means.index:
            raise InputError(f"{evaluation.samples}: no items of '{language}'; it has: {' '.join(means.index)}")
        if means.at[language, "size"] != score.items:
            raise InputError(
                f"{evaluation.samples}: {means.at[language, 'size']} items of '{language}', "
                f"but {score.items} in {evaluation.path}; evaluate again"
            )
        if abs(means.at[language, "mean"] - score.value) > AGREEMENT:
            raise InputError(
                f"{evaluation.samples}: the accuracy of '{language}' is {means.at[language, 'mean']}, "
                f"but {score.value} in {evaluation.path}; evaluate again"
            )


def _check_parallel(evaluation: Evaluation, values: pd.DataFrame) -> None:
    """Refuse items that are not parallel although they should be."""
    of_language = values.groupby("language")["item"].agg(frozenset)
    everything = frozenset().union(*of_language)
    for language, own in of_language.items():
        if own != everything:
            raise InputError(
                f"{evaluation.samples}: language '{language}' lacks {len(everything - own)} of {len(everything)} "
                "items: these languages are not parallel; take the evaluation out of the list 'parallel'"
            )


def _scores(
    evaluation: Evaluation, values: pd.DataFrame, wanted: EvaluationSpec
) -> Iterator[tuple[str, str, str, Score]]:
    """Yield (aggregate, language, measure, score) of every language, then of both means, for every measure.

    What the harness reports is taken from there; its other measures follow from the items.
    """
    of_items = [column for column in values.columns if column not in ("language", "item")]
    measured = dict(evaluation.scores)
    for measure in of_items:
        groups = values.groupby("language")[measure]
        measured.setdefault(measure, {language: item_score(group.to_numpy()) for language, group in groups})
    for measure, scores in measured.items():
        for language, score in scores.items():
            yield "", language, measure, score
        # the harness's other metrics of parallel items have no items here, so their clustered error is unknown
        known = not wanted.parallel or measure in of_items
        mean = mean_score(scores, dict.fromkeys(scores, 1.0), known)
        weights = {language: score.items for language, score in scores.items()}
        # an accuracy of 0 or 1 in a log does not say of how many items
        group = mean_score(scores, weights, known) if all(weights.values()) else Score(math.nan, math.nan, 0)
        printed = evaluation.groups.get(measure, group.value)
        if evaluation.imported:  # compared when it was read; it may be rounded
            group = replace(group, value=printed)
        elif abs(printed - group.value) > AGREEMENT:
            raise InputError(
                f"{evaluation.path}: groups.{wanted.name}.{measure} is {printed}, but its languages, weighted by "
                f"items, give {group.value}: the file was edited or holds only some of its languages"
            )
        if wanted.parallel and measure in of_items:
            mean = group = replace(clustered_score(values, measure), value=mean.value, items=mean.items)
        yield "mean", "", measure, mean
        yield "group", "", measure, group
    for measure, value in evaluation.groups.items():
        if measure not in measured:  # imported as a mean over languages alone
            yield "group", "", measure, Score(value, math.nan, 0)


def command(
    spec: Annotated[Path, typer.Option(help="What to collect (JSON): the study's runs and evaluations.")],
    results: Annotated[Path, typer.Option(help="Folder of the results.")],
    output: Annotated[Path, typer.Option(help="Folder for the tables (parquet).")],
) -> None:
    """Collect the evaluations and judged answers of a study into tidy tables: scores, runs, items, checks, confusion.

    Results that differ in the version of the harness or of a task, in shots or in items are refused.
    """
    with ItemsWriter(output / "items.parquet") as items:
        tables = collect_scores(ScoresSpec.read(spec), Paths(str(results)), items).tables()
    for name, table in tables.items():
        with atomic_path(output / f"{name}.parquet") as temporary:
            table.to_parquet(temporary, index=False)
    print(f"{output}: {len(tables['scores'])} scores of {tables['runs']['run'].nunique()} runs")
