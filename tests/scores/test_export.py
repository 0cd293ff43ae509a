"""Records of Every Eval Ever: in the published layout, and the same scores when they are read back."""

from __future__ import annotations

import importlib.util
import json
import shutil
import uuid
from dataclasses import asdict
from pathlib import Path

import jsonschema
import pandas as pd
import pytest

from polytune.config.benchmarks import benchmarks
from polytune.config.paths import Paths
from polytune.errors import InputError
from polytune.imports.read import command as import_command
from polytune.imports.read import import_results
from polytune.imports.rows import build_table
from polytune.imports.tasks import Wanted
from polytune.scores.collect import command as collect
from polytune.scores.export import command
from tests.cases.harness_logs import log_of, results_04, table_03, write_mapping
from tests.cases.synthetic_study import synthetic_study, write_json

TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
DETAILS = TEXTS | {
    "required": ["deployment_type", "model_availability"],
    "properties": {
        "deployment_type": {"enum": ["self_deployed", "externally_managed", "unknown"]},
        "model_availability": {"enum": ["open_weights", "closed_weights", "unknown"]},
    },
}
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
            {"name": {"type": "string"}, "id": {"type": "string"}, "additional_details": DETAILS},
            ["name", "id", "additional_details"],
        ),
        "evaluation_results": {"type": "array", "items": RESULT},
    },
    [*NEEDED, "evaluation_results"],
)
"""What the published schema asks of the keys that we write, in our words."""
WANTED = [Wanted(name, row) for name, row in benchmarks().items()]


def schemas() -> list[dict]:
    """Return our words, and the schema itself where the package every-eval-ever is: none of its code runs."""
    found = importlib.util.find_spec("every_eval_ever")
    places = found.submodule_search_locations if found else []
    return [RECORD, *(json.loads((Path(place) / "schemas/eval.schema.json").read_text()) for place in places)]


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
        benchmark, base, run, name = path.relative_to(study.folder / "records").parts
        assert uuid.UUID(name.removesuffix(".json")).version == 4
        assert f"{base}/{run}" == record["model_info"]["id"].replace("/", "_").replace("_", "/", 1)
        assert record["evaluation_id"].startswith(f"{benchmark}/{base}/") and record["model_info"]["id"].startswith(
            base
        )
        assert record["eval_library"]["version"] == "0.4.13"
        relation = record["source_metadata"]["evaluator_relationship"]
        assert relation == ("third_party" if run.startswith("base_none") else "first_party")


def test_the_package_takes_our_records(records, published):
    if len(schemas()) == 1:
        pytest.skip("no every-eval-ever, which needs Python 3.12: pip install every-eval-ever")
    others = [json.loads(path.read_text()) for path in (published / "records").rglob("*.json")]
    for record in (*records.values(), *others):
        jsonschema.validate(record, schemas()[1])
        assert record["schema_version"] == schemas()[1]["version"]


def test_the_same_content_is_the_same_file(study, records):
    command(study.tables, study.folder / "records", "We", results=study.folder)
    assert {*(study.folder / "records").rglob("*.json")} == {*records}


def read_back(folder: Path, described: dict[str, str], *allow: str) -> pd.DataFrame:
    """Import the records below a folder; `described` is the rest of the mapping's row by a part of the run's folder."""
    rows = []
    for path in sorted({path.parent for path in (folder / "records").rglob("*.json")}):
        name = path.relative_to(folder / "records").as_posix()
        rows.append(f"{name},{next(row for part, row in described.items() if part in name)}")
    mapping = write_mapping(folder / "back.csv", *rows)
    checked, _, report = import_results("eee", [folder / "records"], mapping, WANTED, allow)
    assert report["tasks_not_imported"] == {}
    return build_table(checked)


def test_records_are_read_back(study, records):
    table = read_back(study.folder, {"base_none": "m,,,,", "-01-": "m,S,1,1,en", "": "m,S,2,1,en zh"})
    assert set(table["harness"]) == {"0.4.13"}
    japanese = table[(table["evaluation"] == "xwinograd") & (table["language"] == "ja")]
    assert set(japanese["task"]) == {"xwinograd_jp"} and len(japanese) == 3 * 4
    single = table[table["language"] != ""]
    assert set(single["version"]) == {"1.0"} and set(single["shots"]) == {"0"}
    base = study.runs.loc[study.runs["method"] == "base", "run"].iloc[0]
    told = study.scores[(study.scores["run"] == base) & study.scores["aggregate"].isin(["", "group"])]
    keys = ["evaluation", "language", "aggregate", "measure"]
    both = told.merge(table[table["run"] == "m/base/none/seed0"], on=keys, suffixes=("", "_read"))
    assert len(both) == len(told) > 100
    pd.testing.assert_series_equal(both["value"], both["value_read"], check_names=False)
    single = both[both["language"] != ""]
    pd.testing.assert_series_equal(single["stderr"], single["stderr_read"], check_names=False)
    assert (single["items"] == single["items_read"]).all()


def test_data_of_a_world_is_named_so(records, published):
    for record in records.values():
        for result in record["evaluation_results"]:
            assert "generated world" in result["source_data"]["dataset_name"]
    for path in (published / "records").rglob("*.json"):
        for result in json.loads(path.read_text())["evaluation_results"]:
            assert result["source_data"]["dataset_name"] in ("pawsx", "xcopa", "xwinograd")


PAWSX = ["de", "en", "es", "fr", "ja", "ko", "zh"]


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A study of three imported runs: a result file, one of another version of PAWS-X, and a log of version 0.3."""
    folder = tmp_path_factory.mktemp("published")
    right = {"xwinograd": {"en": 1800, "jp": 500}, "paws": dict.fromkeys(PAWSX, 1100)}
    new = json.loads(results_04(right))
    new["results"]["paws_de"] |= {"acc,flexible": 0.6, "acc_stderr,flexible": 0.01}
    old = json.loads(results_04({"paws": dict.fromkeys(PAWSX, 1101)}, lm_eval_version=None))
    old["versions"] = dict.fromkeys(old["versions"], 0)
    (folder / "logs").mkdir()
    write_json(folder / "logs/new.json", new)
    write_json(folder / "logs/old.json", old)
    (folder / "logs/older.log").write_text(log_of(table_03({"xcopa": {"et": 260, "th": 0}}), shots="5"))
    mapping = write_mapping(folder / "m.csv", *(f"{name},m,{name},1,1,en" for name in ("new", "old", "older")))
    output = Path(Paths(str(folder)).imported("published", "logs"))
    import_command("lm-eval", [folder / "logs"], output, mapping, allow=["versions", "missing"])
    runs = [
        {"run": f"m/imported/{name}-1/seed1", "base": "m", "method": "imported", "mixture": f"{name}-1", "seed": 1,
         "languages": ["en"], "seen_languages": ["en"], "imported": "logs"}
        for name in ("new", "old", "older")
    ]  # fmt: skip
    evaluations = [
        {"name": name, "origin": "imported", "parallel": False, "benchmark": asdict(benchmarks()[name])}
        for name in ("xwinograd", "pawsx", "xcopa")
    ]
    spec = {"study": "published", "scale": "full", "runs": runs, "evaluations": evaluations}
    collect(write_json(folder / "spec.json", spec), folder, folder / "tables")
    command(folder / "tables", folder / "records", "We", results=folder)
    return folder


def test_a_round_trip_of_imports_keeps_every_field(published):
    first = pd.read_parquet(Paths(str(published)).imported("published", "logs"))
    described = {name: f"m,{name},1,1,en" for name in ("new-1", "old-1", "older-1")}
    described = {f"imported_{part}": row.replace("-1", "") for part, row in described.items()}
    again = read_back(published, described, "versions", "missing")
    keys = ["run", "evaluation", "language", "aggregate", "measure"]
    kept = ["task", "version", "shots", "harness", "value", "stderr"]
    told = first[first["aggregate"] == ""]
    both = told.merge(again, on=keys, suffixes=("", "_again"))
    assert len(both) == len(told) == 2 + 8 + 7 + 2 * 2
    for name in kept:
        pd.testing.assert_series_equal(both[name], both[f"{name}_again"], check_names=False)
    assert (both["items"] == both["items_again"]).all()
    assert set(both["version"]) == {"1.0", "0"} and set(both["shots"]) == {"0", "5"}
    assert set(both["harness"]) == {"0.4.2", "git abc1234", ""} and "acc,flexible" in set(both["measure"])
    groups = again[(again["aggregate"] == "group") & (again["measure"] == "acc")]
    # nothing says of how many items an accuracy of 0 was, so the mean weighted by items of that log is not known
    assert sorted(groups["task"]) == ["pawsx", "pawsx", "xwinograd"]
    with pytest.raises(InputError, match=r"paws_de: version is 0, but 1\.0 in pawsx/m/imported_new"):
        read_back(published, described, "missing")


def test_free_answers_are_no_result_of_the_harness(study, tmp_path):
    scores, runs = study.scores.head(2).copy(), study.runs
    scores["evaluation"] = scores["benchmark"] = "questions"
    scores["measure"], scores["language"] = "answer_tokens", ["en", "fr"]
    for name, table in (("scores", scores), ("runs", runs)):
        table.to_parquet(tmp_path / f"{name}.parquet")
    command(tmp_path, tmp_path / "records", "We", results=tmp_path)
    (record,) = (json.loads(path.read_text()) for path in (tmp_path / "records").rglob("*.json"))
    assert record["eval_library"] == {"name": "polytune", "version": "unknown"}
    assert [one["evaluation_name"] for one in record["evaluation_results"]] == ["questions_en", "questions_fr"]


def test_scores_without_a_result_file_are_one_line_and_no_record(study, tmp_path):
    results = shutil.copytree(study.folder, tmp_path / "results", ignore=shutil.ignore_patterns("records"))
    last = study.scores.iloc[-1]
    Path(Paths(str(results)).evaluation(last["run"], "world", last["evaluation"])).unlink()
    with pytest.raises(InputError, match=r"\.json: no such file; it has tasks and versions .* with --results"):
        command(study.tables, tmp_path / "records", "We", results=results)
    assert not (tmp_path / "records").exists()


def test_a_folder_without_scores_is_one_line(tmp_path):
    with pytest.raises(InputError, match=r"scores.parquet: no such file; run polytune collect-scores"):
        command(tmp_path, tmp_path / "out", "We")
