"""A study's scores, runs and items, as three tidy tables (docs/architecture.md has their columns).

A score is of one language (`aggregate` is empty), the plain mean over an evaluation's languages (`mean`), or the mean
weighted by items (`group`), which is the group score of lm-evaluation-harness. The two means differ only where
languages have different numbers of items (XWinograd).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from polytune.config.paths import Paths
from polytune.errors import InputError
from polytune.files import atomic_path
from polytune.progress import track
from polytune.scores.evaluations import Evaluation, Score, check_same_versions, read_evaluation
from polytune.scores.exposure import classify_exposure
from polytune.scores.means import clustered_score, item_score, mean_score
from polytune.scores.measures import read_items
from polytune.scores.runs import build_runs
from polytune.scores.spec import EvaluationSpec, RunSpec, ScoresSpec
from polytune.scores.writing import ItemsWriter

if TYPE_CHECKING:
    import pandas as pd

AGREEMENT = 1e-6
"""How far a harness's own number may lie from what its items or its languages give."""
JUDGED = ("judge", "protocol", "opponent")
"""Columns that say who judged, how and against whom; empty for benchmarks."""


def collect_scores(spec: ScoresSpec, paths: Paths, items: ItemsWriter | None = None) -> tuple[pd.DataFrame, ...]:
    """Return the scores and the runs of a study; `items` takes the items as they are read.

    Raises `InputError` for a missing or broken result file, a value that is not finite, or results that must not be
    compared.
    """
    import pandas as pd

    runs = build_runs(spec.runs, paths)
    trained = runs.drop_duplicates("run").set_index("run")["languages"]
    tuned_by_base = runs.groupby("base")["languages"].agg(lambda lists: {code for codes in lists for code in codes})
    first: dict[tuple[str, ...], Evaluation] = {}
    rows: list[dict[str, Any]] = []
    for run in track({run.run: run for run in spec.runs}.values(), "collect scores", unit="run"):
        for wanted in spec.evaluations:
            evaluation = read_evaluation(Path(paths.evaluation(run.run, wanted.origin, wanted.name)), wanted.name)
            _check_versions(first, evaluation, wanted, run)
            values = read_items(evaluation.samples)
            _check_items(evaluation, values, wanted.parallel)
            if items is not None:
                items.add(run.run, wanted, values)
            benchmark = wanted.benchmark.get("benchmark", wanted.name)
            counted = tuned_by_base[run.base] - spec.counted_as_untuned.get(benchmark, frozenset())
            for aggregate, language, measure, score in _scores(evaluation, values, wanted):
                rows.append(
                    {
                        "study": spec.study,
                        "scale": spec.scale,
                        "run": run.run,
                        "evaluation": wanted.name,
                        "benchmark": benchmark,
                        "origin": wanted.origin,
                        "language": language,
                        "measure": measure,
                        **dict.fromkeys(JUDGED, ""),
                        "aggregate": aggregate,
                        "value": score.value,
                        "stderr": score.stderr,
                        "items": score.items,
                        "exposure": classify_exposure(language, run.seen_languages, counted) if language else "",
                        "tuned": language in trained[run.run] if language else None,
                        "digest": evaluation.digest,
                    }
                )
    return pd.DataFrame(rows).astype({"tuned": "boolean"}), runs


def _check_versions(first: dict, evaluation: Evaluation, wanted: EvaluationSpec, run: RunSpec) -> None:
    """Compare with the first result of this evaluation, and with the first on the same facts."""
    here = run.world if wanted.origin == "world" else ""
    check_same_versions(first.setdefault((wanted.name, wanted.origin), evaluation), evaluation, wanted.name, False)
    check_same_versions(first.setdefault((wanted.name, wanted.origin, here), evaluation), evaluation, wanted.name)


def _check_items(evaluation: Evaluation, values: pd.DataFrame, parallel: bool) -> None:
    """Refuse items that are not those of the result file, or that are not parallel although they should be."""
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
    if parallel:
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
        group = mean_score(scores, {language: score.items for language, score in scores.items()}, known)
        printed = evaluation.groups.get(measure, group.value)
        if abs(printed - group.value) > AGREEMENT:
            raise InputError(
                f"{evaluation.path}: groups.{wanted.name}.{measure} is {printed}, but its languages, weighted by "
                f"items, give {group.value}: the file was edited or holds only some of its languages"
            )
        if wanted.parallel and measure in of_items:
            mean = group = Score(mean.value, clustered_score(values, measure).stderr, mean.items)
        yield "mean", "", measure, mean
        yield "group", "", measure, group


def command(
    spec: Annotated[Path, typer.Option(help="What to collect (JSON): the study's runs and evaluations.")],
    results: Annotated[Path, typer.Option(help="Folder of the results.")],
    output: Annotated[Path, typer.Option(help="Folder for scores.parquet, runs.parquet and items.parquet.")],
) -> None:
    """Collect the evaluations of a study into tidy tables: scores, runs and items.

    Results that differ in the version of the harness or of a task, in shots or in items are refused.
    """
    with ItemsWriter(output / "items.parquet") as items:
        scores, runs = collect_scores(ScoresSpec.read(spec), Paths(str(results)), items)
    for name, table in (("runs", runs), ("scores", scores)):
        with atomic_path(output / f"{name}.parquet") as temporary:
            table.to_parquet(temporary, index=False)
    print(f"{output}: {len(scores)} scores of {scores['run'].nunique()} runs")
