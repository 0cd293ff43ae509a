"""One tidy table of a study's scores.

Rows of `kind` "language" hold one language each. Rows of kind "mean" are the plain mean over a benchmark's languages,
rows of kind "group" the mean weighted by items, which is the group score of lm-evaluation-harness. The two differ only
where languages have different numbers of items (XWinograd). In both, `language` repeats the kind.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from polytune.analysis.exposure import classify_exposure
from polytune.config.bases import read_bases
from polytune.errors import InputError, nearest
from polytune.files import atomic_path
from polytune.progress import track
from polytune.scores.evaluations import Evaluation, Score, check_same_versions, read_evaluation
from polytune.scores.manifest import EvaluatedRun, StudyRuns
from polytune.scores.means import clustered_stderr, mean_score, read_correct

if TYPE_CHECKING:
    import pandas as pd

KINDS = ("language", "mean", "group")
AGREEMENT = 1e-6
"""How far the harness's own group score may lie from the mean of its languages, weighted by items."""


def collect_scores(study: StudyRuns, bases_file: Path) -> pd.DataFrame:
    """Return the scores of all runs of a study, one row per run, benchmark, language (or mean) and metric.

    Raises `InputError` for an unknown base, a broken result file, or results that must not be compared.
    """
    import pandas as pd

    bases = read_bases(bases_file)
    first: dict[str, Evaluation] = {}
    rows: list[dict[str, Any]] = []
    for run in track(study.runs, "collect scores", unit="run"):
        if run.base not in bases:
            raise InputError(f"{bases_file}: no base '{run.base}'{nearest(run.base, bases)} (run {run.run})")
        seen, tuned = bases[run.base].seen_languages, study.tuned_languages(run.base)
        for benchmark, path in run.evaluations.items():
            evaluation = read_evaluation(path, benchmark)
            check_same_versions(first.setdefault(benchmark, evaluation), evaluation, benchmark)
            counted = tuned - study.counted_as_untuned.get(benchmark, frozenset())
            for kind, language, metric, score in _scores(evaluation, benchmark, benchmark in study.parallel):
                single = kind == "language"
                rows.append(
                    {
                        "study": study.study,
                        "scale": study.scale,
                        **_describe(run),
                        "benchmark": benchmark,
                        "kind": kind,
                        "language": language,
                        "metric": metric,
                        "value": score.value,
                        "stderr": score.stderr,
                        "items": score.items,
                        "exposure": classify_exposure(language, seen, counted) if single else None,
                        "tuned": language in run.languages if single else None,
                        "provenance": evaluation.digest,
                    }
                )
    return pd.DataFrame(rows).astype({"tuned": "boolean"})


def _describe(run: EvaluatedRun) -> dict[str, Any]:
    """Return the columns that say which model was evaluated."""
    return {
        "run": run.run,
        "base": run.base,
        "method": run.method,
        "mixture": run.mixture,
        "seed": run.seed,
        "n_languages": len(run.languages),
        "position_languages": list(run.languages),
    }


def _scores(evaluation: Evaluation, benchmark: str, parallel: bool) -> Iterator[tuple[str, str, str, Score]]:
    """Yield (kind, language, metric, score) of every language, then of both means, for every metric."""
    for metric, scores in evaluation.scores.items():
        for language, score in scores.items():
            yield "language", language, metric, score
        mean = mean_score(scores, dict.fromkeys(scores, 1.0))
        group = mean_score(scores, {language: score.items for language, score in scores.items()})
        printed = evaluation.groups.get(metric, group.value)
        if abs(printed - group.value) > AGREEMENT:
            raise InputError(
                f"{evaluation.path}: groups.{benchmark}.{metric} is {printed}, but its languages, weighted by "
                f"items, give {group.value}: the file was edited or holds only some of its languages"
            )
        if parallel and metric == "acc":
            samples = evaluation.path.with_name(f"{evaluation.path.stem}.samples.parquet")
            correct = read_correct(samples, list(scores))
            if abs(correct.mean() - mean.value) > AGREEMENT:
                raise InputError(f"{samples}: its accuracy is {correct.mean()}, but {mean.value} in {evaluation.path}")
            mean = group = Score(mean.value, clustered_stderr(correct), mean.items)
        yield "mean", "mean", metric, mean
        yield "group", "group", metric, group


def command(
    runs: Annotated[Path, typer.Option(help="JSON file that lists the study's runs and their evaluations.")],
    output: Annotated[Path, typer.Option(help="The table to write (parquet).")],
    bases: Annotated[Path, typer.Option(help="Table of base models.")] = Path("config/bases.tsv"),
) -> None:
    """Collect the evaluations of a study into one tidy table.

    Results that differ in the version of the harness or of a task, in shots or in items are refused.
    """
    table = collect_scores(StudyRuns.read(runs), bases)
    with atomic_path(output) as temporary:
        table.to_parquet(temporary, index=False)
    print(f"{output}: {len(table)} scores of {table['run'].nunique()} runs")
