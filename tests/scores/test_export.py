"""Records of Every Eval Ever: in the published layout, and the same scores when they are read back."""

from __future__ import annotations

import json

import jsonschema
import pandas as pd
import pytest

from polytune.config.benchmarks import benchmarks
from polytune.errors import InputError
from polytune.imports.read import import_results
from polytune.imports.rows import build_table
from polytune.imports.tasks import Wanted
from polytune.scores.export import command
from tests.cases.harness_logs import write_mapping
from tests.cases.synthetic_study import synthetic_study

TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
NEEDED = ["schema_version", "evaluation_id", "retrieved_timestamp", "source_metadata", "model_info", "eval_library"]


def closed(properties: dict, required: list[str]) -> dict:
    return {"type": "object", "additionalProperties": False, "required": required, "properties": properties}


UNCERTAINTY = closed(
    {"standard_error": closed({"value": {"type": "number"}, "method": {"type": "string"}}, ["value"]),
     "num_samples": {"type": "integer"}},
    [],
)  # fmt: skip
RESULT = closed(
    {
        "evaluation_name": {"type": "string"},
        "source_data": closed(
            {"dataset_name": {"type": "string"}, "source_type": {"const": "other"}, "additional_details": TEXTS},
            ["dataset_name", "source_type"],
        ),
        "metric_config": {
            "type": "object",
            "required": ["lower_is_better"],
            "properties": {"lower_is_better": {"type": "boolean"}, "score_type": {"const": "continuous"}},
            "dependentRequired": {"score_type": ["min_score", "max_score"]},
        },
        "score_details": closed({"score": {"type": "number"}, "details": TEXTS, "uncertainty": UNCERTAINTY}, ["score"]),
    },
    ["evaluation_name", "source_data", "metric_config", "score_details"],
)
RECORD = closed(
    {
        **{key: {"type": "string"} for key in NEEDED[:3]},
        "source_metadata": closed(
            {
                "source_name": {"type": "string"},
                "source_type": {"enum": ["documentation", "evaluation_run"]},
                "source_organization_name": {"type": "string"},
                "evaluator_relationship": {"enum": ["first_party", "third_party", "collaborative", "other"]},
            },
            ["source_type", "source_organization_name", "evaluator_relationship"],
        ),
        "eval_library": closed({"name": {"type": "string"}, "version": {"type": "string"}}, ["name", "version"]),
        "model_info": closed(
            {"name": {"type": "string"}, "id": {"type": "string"}, "additional_details": TEXTS}, ["name", "id"]
        ),
        "evaluation_results": {"type": "array", "items": RESULT},
    },
    [*NEEDED, "evaluation_results"],
)
"""What the published schema asks of the keys that we write, in our words."""


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return synthetic_study(tmp_path_factory.mktemp("study"), sizes=(1, 2), items=20)


@pytest.fixture(scope="module")
def records(study):
    command(study.tables, study.folder / "records", "We", results=study.folder)
    return {path: json.loads(path.read_text()) for path in (study.folder / "records").rglob("*.json")}


def test_records_are_in_the_published_layout(study, records):
    assert len(records) == 3 * 3  # runs, benchmarks
    for path, record in records.items():
        jsonschema.validate(record, RECORD)
        benchmark, base, run, _ = path.relative_to(study.folder / "records").parts
        assert record["evaluation_id"].startswith(f"{benchmark}/{base}/") and record["model_info"]["id"].startswith(
            base
        )
        assert record["eval_library"]["version"] == "0.4.13"
        relation = record["source_metadata"]["evaluator_relationship"]
        assert relation == ("third_party" if run.startswith("base-none") else "first_party")


def test_the_same_content_is_the_same_file(study, records):
    command(study.tables, study.folder / "records", "We", results=study.folder)
    assert {*(study.folder / "records").rglob("*.json")} == {*records}


def test_records_are_read_back(study, records, tmp_path):
    folders = sorted({path.parent.relative_to(study.folder / "records").as_posix() for path in records})
    described = {True: "m,,,,", False: "m,{},,1,en zh"}
    rows = [f"{folder},{described['base-none' in folder].format(folder.split('-')[-3])}" for folder in folders]
    mapping = write_mapping(tmp_path / "m.csv", *rows)
    wanted = [Wanted(name, row) for name, row in benchmarks().items()]
    checked, _, report = import_results("eee", [study.folder / "records"], mapping, wanted)
    table = build_table(checked)
    assert report["tasks_not_imported"] == {} and set(table["harness"]) == {"0.4.13"}
    base = study.runs.loc[study.runs["method"] == "base", "run"].iloc[0]
    told = study.scores[(study.scores["run"] == base) & study.scores["aggregate"].isin(["", "group"])]
    keys = ["evaluation", "language", "aggregate", "measure"]
    both = told.merge(table[table["run"] == "m/base/none/seed0"], on=keys, suffixes=("", "_read"))
    assert len(both) == len(told) > 100
    pd.testing.assert_series_equal(both["value"], both["value_read"], check_names=False)
    single = both[both["language"] != ""]
    pd.testing.assert_series_equal(single["stderr"], single["stderr_read"], check_names=False)
    assert (single["items"] == single["items_read"]).all()


def test_a_folder_without_scores_is_one_line(tmp_path):
    with pytest.raises(InputError, match=r"scores.parquet: no such file; run polytune collect-scores"):
        command(tmp_path, tmp_path / "out", "We")
