"""Scores in the layouts of others: Every Eval Ever (schema 0.3.0), and the hub's metadata of model cards.

Of Every Eval Ever there is a JSON file per run and evaluation, of the hub's metadata a YAML file per run.

The records are written after the published JSON schema (`eval.schema.json` of the package every-eval-ever) and lie as
its repository has them, `BENCHMARK/BASE/RUN/UUID.json`. Tasks have the harness's names, as in the records of its own
converter, so `polytune import eee` reads ours and theirs alike; names, versions and shots come from the result files.
"""

from __future__ import annotations

import hashlib
import math
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from polytune.config.paths import Paths
from polytune.errors import InputError
from polytune.files import digest, read_json, write_json, write_text
from polytune.imports.printed import MISSING
from polytune.readers.parquet import read_table
from polytune.scores.evaluations import harness_version
from polytune.scores.model_index import build_model_index, data_title
from polytune.scores.spec import IMPORTED, UNTUNED

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = "0.3.0"
SHARES = ("acc", "acc_norm", "choice_probability")
"""Measures between 0 and 1; the others have no bounds, and none are claimed."""
LOWER_IS_BETTER = ("bits_per_byte", "answer_loss")

Tasks = dict[tuple[str, str], tuple[str, str, str]]
"""By language (empty for the group) and measure (empty for any): the harness's task, its version, shots; or empty."""


def build_records(
    scores: pd.DataFrame, runs: pd.DataFrame, paths: Paths, organization: str, created: int
) -> Iterator[dict[str, Any]]:
    """Yield a record for every run and evaluation of benchmarks; `created` is in seconds since 1970.

    A record holds each language and the mean weighted by items, where it is known, by every measure. Judged scores are
    not exported: the schema wants the judge's whole prompt, which scores do not have. Raises `InputError` for scores
    without the results that they were collected from.
    """
    described = runs.drop_duplicates("run").set_index("run")
    kept = (scores["judge"] == "") & scores["aggregate"].isin(["", "group"]) & scores["value"].notna()
    for (run, name, _), rows in scores[kept].groupby(["run", "evaluation", "origin"], sort=False):
        row = described.loc[run]
        library, tasks = _read_tasks(paths, rows, row)
        yield {
            "schema_version": SCHEMA,
            "evaluation_id": f"{name}/{run}/{created}",
            "retrieved_timestamp": str(created),
            "source_metadata": _source(rows.iloc[0], row, organization),
            "eval_library": library,
            "model_info": {"name": run, "id": run, "additional_details": _details(row, rows.iloc[0]["origin"])},
            "evaluation_results": [_result(score, tasks) for score in rows.to_dict("records")],
        }


def _source(score: pd.Series, run: pd.Series, organization: str) -> dict[str, Any]:
    """Return who measured: whoever tunes a model is its first party; of an import that is not known."""
    relation = "third_party" if run["method"] == UNTUNED else "first_party"
    return {
        "source_name": f"Polytune, study {score['study']}, scale {score['scale']}",
        "source_type": "evaluation_run",
        "source_organization_name": organization,
        "evaluator_relationship": "other" if score["origin"] == IMPORTED else relation,
    }


def _read_tasks(paths: Paths, scores: pd.DataFrame, run: pd.Series) -> tuple[dict[str, str], Tasks]:
    """Return what evaluated (its version `unknown` where nothing says it), and the tasks of a run's evaluation."""
    first = scores.iloc[0]
    imported = first["origin"] == IMPORTED
    if not imported and "acc" not in set(scores["measure"]):  # free answers: no evaluation of the harness
        names = {code: "_".join(filter(None, (first["benchmark"], code))) for code in scores["language"]}
        return _library("polytune"), {(code, ""): (name, "", "") for code, name in names.items()}
    path = Path(
        paths.imported(first["study"], run["imported"])
        if imported
        else paths.evaluation(first["run"], first["origin"], first["evaluation"])
    )
    if not path.is_file():
        raise InputError(
            f"{path}: no such file; it has tasks and versions of the scores of {first['run']}: name its folder with "
            "--results"
        )
    tasks: Tasks = {("", ""): (first["benchmark"], "", "")}
    if not imported:
        content = read_json(path)
        for language, task in {**content["polytune"]["tasks"], "": first["benchmark"]}.items():
            version, shots = (content[key].get(task) for key in ("versions", "n-shot"))
            tasks[language, ""] = (task, *("" if value in MISSING else str(value) for value in (version, shots)))
        return _library("lm_eval", harness_version(content, path)), tasks
    table = read_table(path, ["run", "evaluation", "language", "measure", "task", "version", "shots", "harness"])
    rows = table.to_pandas()
    rows = rows[(rows["run"] == first["run"]) & (rows["evaluation"] == first["evaluation"])]
    for row in rows.itertuples():
        tasks[row.language, row.measure] = (row.task, row.version, row.shots)
        tasks.setdefault((row.language, ""), (row.task, row.version, row.shots))  # measures of items have no row
    return _library("lm_eval", *filter(None, dict.fromkeys(rows["harness"]))), tasks


def _library(name: str, *versions: str) -> dict[str, str]:
    return {"name": name, "version": ", ".join(versions) or "unknown"}


def _details(run: pd.Series, origin: str) -> dict[str, str]:
    """Return everything that the table of runs says, as the text that the schema asks for, and what it needs."""
    words = {key: " ".join(map(str, value)) if _is_list(value) else str(value) for key, value in run.items()}
    deployment = "unknown" if origin == IMPORTED else "self_deployed"
    needed = {"deployment_type": deployment, "model_availability": "unknown"}  # whether it was published, nothing says
    return {key: word for key, word in words.items() if word not in ("", "nan", "None")} | needed


def _is_list(value: Any) -> bool:
    return hasattr(value, "__iter__") and not isinstance(value, str)


def _result(score: dict[str, Any], tasks: Tasks) -> dict[str, Any]:
    measure, language = score["measure"], score["language"]
    task, version, shots = tasks.get((language, measure)) or tasks[language, ""]
    bounds = {"score_type": "continuous", "min_score": 0.0, "max_score": 1.0} if measure in SHARES else {}
    uncertainty: dict[str, Any] = {"num_samples": int(score["items"])} if score["items"] else {}
    if not math.isnan(score["stderr"]):
        uncertainty["standard_error"] = {"value": score["stderr"], "method": "analytic"}
    details = {key: str(score[key]) for key in ("language", "exposure", "source", "digest") if score[key]}
    details |= {key: word for key, word in (("task_version", version), ("shots", shots)) if word}
    return {
        "evaluation_name": task,
        "source_data": {
            "dataset_name": data_title(score["evaluation"], score["origin"]),
            "source_type": "other",
            "additional_details": {"origin": score["origin"]},
        },
        "metric_config": {"metric_id": measure, "lower_is_better": measure in LOWER_IS_BETTER, **bounds},
        "score_details": {
            "score": score["value"],
            "details": details,
            **({"uncertainty": uncertainty} if uncertainty else {}),
        },
    }


def write_model_indexes(scores: pd.DataFrame, paths: Paths, output: Path) -> None:
    """Write the metadata of every run to `RUN/model-index.yaml`: the lines between the `---` of a card."""
    import yaml

    runs = list(dict.fromkeys(scores["run"]))
    for run in runs:
        content = {"model-index": build_model_index(scores, run, paths)}
        write_text(output / run / "model-index.yaml", yaml.safe_dump(content, sort_keys=False, allow_unicode=True))
    print(f"{output}: {len(runs)} runs")


def command(
    scores: Annotated[Path, typer.Option(help="Folder of scores.parquet and runs.parquet.")],
    output: Annotated[Path, typer.Option(help="Folder to write to.")],
    organization: Annotated[str, typer.Option(help="Who provides the results; eee needs it.")] = "",
    format: Annotated[
        Literal["eee", "model-index"],
        typer.Option(help="eee: records of Every Eval Ever; model-index: what a model card on the hub has."),
    ] = "eee",
    results: Annotated[Path, typer.Option(help="Folder of results, where tasks and versions are.")] = Path("results"),
) -> None:
    """Export the scores of a study in a layout that others read: a file for every run, or run and benchmark."""
    import pandas as pd

    if format == "eee" and not organization:
        raise InputError("--organization: who provides the results is a part of every record of Every Eval Ever")
    tables = []
    for name in ("scores", "runs"):
        if not (path := scores / f"{name}.parquet").is_file():
            raise InputError(f"{path}: no such file; run polytune collect-scores")
        tables.append(pd.read_parquet(path))
    if format == "model-index":
        write_model_indexes(tables[0], Paths(str(results)), output)
        return
    count = 0
    for record in list(build_records(*tables, Paths(str(results)), organization, int(time.time()))):  # all or none
        name, _, run = record["evaluation_id"].rpartition("/")[0].partition("/")
        base, *rest = run.split("/")
        content = digest({**record, "evaluation_id": "", "retrieved_timestamp": ""})
        # of the form that its repository asks for, a version 4, yet the same content has the same name
        name_of_file = uuid.UUID(bytes=hashlib.sha256(content.encode()).digest()[:16], version=4)
        write_json(output / name / base / "_".join(rest) / f"{name_of_file}.json", record)
        count += 1
    judged = int((tables[0]["judge"] != "").sum())
    print(f"{output}: {count} records" + (f"; {judged} judged scores left out" if judged else ""))
