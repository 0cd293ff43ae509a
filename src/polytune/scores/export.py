"""Scores in the layouts of others: Every Eval Ever (schema 0.2.2), and the hub's metadata of model cards.

Of Every Eval Ever there is a JSON file per run and evaluation, of the hub's metadata a YAML file per run.

The records are written after the published JSON schema (`eval.schema.json` of github.com/evaleval/every_eval_ever) and
lie as its repository has them, `BENCHMARK/BASE/RUN/UUID.json`. Tasks have the harness's names, as in the records of its
own converter, so `polytune import eee` reads ours and theirs alike.
"""

from __future__ import annotations

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
from polytune.readers.parquet import read_table
from polytune.scores.evaluations import harness_version
from polytune.scores.model_index import build_model_index
from polytune.scores.spec import IMPORTED, UNTUNED

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = "0.2.2"
SHARES = ("acc", "acc_norm", "choice_probability")
"""Measures between 0 and 1; the others have no bounds, and none are claimed."""
LOWER_IS_BETTER = ("bits_per_byte", "answer_loss")
NAMESPACE = uuid.UUID("a0a4d4a2-7a0c-5a0e-9d55-6a2f6c1f0e52")
"""Of the names of files, which follow from their content."""


def build_records(
    scores: pd.DataFrame, runs: pd.DataFrame, paths: Paths, organization: str, created: int
) -> Iterator[dict[str, Any]]:
    """Yield a record for every run and evaluation of benchmarks; `created` is in seconds since 1970.

    A record holds each language and the mean weighted by items, by every measure. Judged scores are not exported: the
    schema wants the judge's whole prompt, which scores do not have.
    """
    described = runs.drop_duplicates("run").set_index("run")
    benchmarks = scores[(scores["judge"] == "") & scores["aggregate"].isin(["", "group"])]
    for (run, name, _), rows in benchmarks.groupby(["run", "evaluation", "origin"], sort=False):
        row = described.loc[run]
        yield {
            "schema_version": SCHEMA,
            "evaluation_id": f"{name}/{run}/{created}",
            "retrieved_timestamp": str(created),
            "source_metadata": _source(rows.iloc[0], row, organization),
            "eval_library": {"name": "lm_eval", "version": _harness(paths, rows.iloc[0], row, run)},
            "model_info": {"name": run, "id": run, "additional_details": _details(row)},
            "evaluation_results": [_result(score) for score in rows.to_dict("records")],
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


def _harness(paths: Paths, score: pd.Series, run: pd.Series, name: str) -> str:
    """Return the version of lm-evaluation-harness that made a result, `unknown` where nothing says it."""
    if score["origin"] == IMPORTED:
        path = paths.imported(score["study"], run["imported"])
        table = read_table(path, ["run", "harness"]).to_pandas() if Path(path).is_file() else None
        known = [] if table is None else [version for version in table.loc[table["run"] == name, "harness"] if version]
        return known[0] if known else "unknown"
    path = Path(paths.evaluation(name, score["origin"], score["evaluation"]))
    return harness_version(read_json(path), path) if path.is_file() else "unknown"


def _details(run: pd.Series) -> dict[str, str]:
    """Return everything that the table of runs says, as the text that the schema asks for."""
    words = {key: " ".join(map(str, value)) if _is_list(value) else str(value) for key, value in run.items()}
    return {key: word for key, word in words.items() if word not in ("", "nan", "None")}


def _is_list(value: Any) -> bool:
    return hasattr(value, "__iter__") and not isinstance(value, str)


def _result(score: dict[str, Any]) -> dict[str, Any]:
    measure, language = score["measure"], score["language"]
    task = f"{score['benchmark']}_{language}" if language else score["benchmark"]
    bounds = {"score_type": "continuous", "min_score": 0.0, "max_score": 1.0} if measure in SHARES else {}
    uncertainty: dict[str, Any] = {"num_samples": int(score["items"])} if score["items"] else {}
    if not math.isnan(score["stderr"]):
        uncertainty["standard_error"] = {"value": score["stderr"], "method": "analytic"}
    details = {key: str(score[key]) for key in ("language", "exposure", "source", "digest") if score[key]}
    return {
        "evaluation_name": task,
        "source_data": {
            "dataset_name": score["evaluation"],
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
    results: Annotated[Path, typer.Option(help="Folder of results, where versions of the harness are.")] = Path(
        "results"
    ),
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
    for record in build_records(*tables, Paths(str(results)), organization, int(time.time())):
        name, _, run = record["evaluation_id"].rpartition("/")[0].partition("/")
        base, *rest = run.split("/")
        content = digest({**record, "evaluation_id": "", "retrieved_timestamp": ""})
        write_json(output / name / base / "-".join(rest) / f"{uuid.uuid5(NAMESPACE, content)}.json", record)
        count += 1
    judged = int((tables[0]["judge"] != "").sum())
    print(f"{output}: {count} records" + (f"; {judged} judged scores left out" if judged else ""))
