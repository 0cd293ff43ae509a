"""Result files, samples, records of Every Eval Ever: what one file says."""

from __future__ import annotations

import json

import pytest

from polytune.errors import InputError
from polytune.imports.eee import read_record
from polytune.imports.results import read_results
from polytune.imports.samples import read_samples
from tests.cases.harness_logs import results_03, results_04, sample_lines

RIGHT = {"xcopa": {"et": 260, "zh": 330}, "xwinograd": {"en": 1800, "jp": 500}}


def write(path, text: str):
    path.write_text(text)
    return path


def test_results_of_version_04(tmp_path):
    found = read_results(write(tmp_path / "results.json", results_04(RIGHT)))
    by_task = {printed.task: printed for printed in found.printed}
    japanese = by_task["xwinograd_jp"]
    assert (japanese.value, japanese.items, japanese.version, japanese.shots) == (500 / 959, 959, "1.0", "0")
    assert japanese.line == 1 + (tmp_path / "results.json").read_text().split('"xwinograd_jp"')[0].count("\n")
    assert by_task["xwinograd"].value == 2300 / (2325 + 959) and found.harness == "0.4.2" and not found.limit
    text = results_04(RIGHT, lm_eval_version=None, config={"limit": 10.0})
    older = read_results(write(tmp_path / "older.json", text))
    assert (older.harness, older.limit) == ("git abc1234", "10.0")


def test_results_of_version_03(tmp_path):
    found = read_results(write(tmp_path / "results.json", results_03({"paws": {"de": 1000}})))
    (german,) = found.printed
    assert (german.task, german.measure, german.value, german.version, german.shots) == (
        "pawsx_de",
        "acc",
        0.5,
        "0",
        "0",
    )
    assert german.stderr == pytest.approx((0.25 / 1999) ** 0.5) and german.items == 0 and found.harness == ""


def test_other_json_is_none(tmp_path):
    assert read_results(write(tmp_path / "config.json", '{"model_type": "bloom"}')) is None
    assert read_results(write(tmp_path / "list.json", "[1]")) is None
    assert read_record(write(tmp_path / "other.json", '{"results": {}}')) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (results_04(RIGHT).rpartition(",")[0], "the file ends early: is it cut"),
        ("", "not valid JSON"),
        (json.dumps({"results": {"xcopa_et": [1]}}), r"results.xcopa_et is \[1\], expected a mapping of metrics"),
        (json.dumps({"results": {"xcopa_et": {"acc": "high"}}}), "results.xcopa_et.acc is 'high', expected a number"),
    ],
)
def test_broken_results_are_one_line(tmp_path, text, message):
    with pytest.raises(InputError, match=message) as caught:
        read_results(write(tmp_path / "results.json", text))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("named", [False, True])
def test_samples(tmp_path, named):
    path = write(tmp_path / "samples_xcopa_et_2024-05-01T10-11-12.345678.jsonl", sample_lines(3, 5, named))
    found = read_samples(path)
    (printed,) = found.printed
    assert (printed.task, printed.value, printed.items, printed.from_samples) == ("xcopa_et", 0.6, 5, True)
    assert [item["acc"] for item in found.items] == [1, 1, 1, 0, 0]
    for item in found.items:  # right where the best choice is the target, by another way of looking
        best = item["loglikelihoods"].index(max(item["loglikelihoods"]))
        assert (best == item["target"]) == bool(item["acc"]) and best == item["prediction"]
    assert found.items[0]["choice_bytes"] == [len(b" because"), len(b" so that")]


def test_targets_that_are_text(tmp_path):
    records = [json.loads(line) for line in sample_lines(2, 2).splitlines()]
    records[0]["target"], records[1]["target"] = "because", "none of them"
    path = write(tmp_path / "samples_t.jsonl", "\n".join(map(json.dumps, records)))
    first, second = read_samples(path).items
    assert first["target"] == 0 and second["target"] == second["prediction"]


def test_samples_of_generated_text_are_none(tmp_path):
    record = {"doc_id": 0, "arguments": [["Q", {"until": ["\n"]}]], "filtered_resps": ["42"], "acc": 1.0}
    assert read_samples(write(tmp_path / "samples_gsm.jsonl", json.dumps(record))) is None
    assert read_samples(write(tmp_path / "requests.jsonl", sample_lines(1, 2))) is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"acc": 0.5}, "row 2: acc is 0.5; a multiple choice is right or wrong"),
        ({"doc_id": 0}, "row 2: item 0 stands there twice"),
        ({"filtered_resps": [[float("1e999"), False], [1.0, False]]}, "no value of JSON|too large|not finite"),
        ({"arguments": [["Q", " a"]]}, "row 2: 2 responses to 1 arguments"),
    ],
)
def test_broken_samples_are_one_line(tmp_path, change, message):
    records = [json.loads(line) for line in sample_lines(1, 2).splitlines()]
    records[1] |= change
    path = write(tmp_path / "samples_xcopa_et.jsonl", "\n".join(map(json.dumps, records)))
    with pytest.raises(InputError, match=message):
        read_samples(path)


def test_records_of_the_converter_for_the_harness(tmp_path):
    """The layout of every_eval_ever's own converter: metric in the description, a filter in the name."""
    result = {
        "evaluation_name": "xcopa_et/flexible",
        "source_data": {"dataset_name": "xcopa_et", "source_type": "hf_dataset", "hf_repo": "cambridgeltl/xcopa"},
        "metric_config": {"evaluation_description": "acc (filter: flexible)", "lower_is_better": False},
        "score_details": {"score": 0.52, "uncertainty": {"standard_error": {"value": 0.02}, "num_samples": 500}},
    }
    record = {
        "schema_version": "0.2.2",
        "evaluation_id": "xcopa_et/m/1",
        "retrieved_timestamp": "1",
        "eval_library": {"name": "lm_eval", "version": "0.4.9"},
        "model_info": {"name": "m", "id": "m"},
        "evaluation_results": [result],
    }
    found = read_record(write(tmp_path / "r.json", json.dumps(record)))
    (printed,) = found.printed
    assert (printed.task, printed.measure, printed.value) == ("xcopa_et", "acc,flexible", 0.52)
    assert (printed.stderr, printed.items, found.harness) == (0.02, 500, "0.4.9")
    del record["model_info"]
    with pytest.raises(InputError, match="no record of Every Eval Ever: the key 'model_info' is missing"):
        read_record(write(tmp_path / "r.json", json.dumps(record)))


RECORD = {
    "schema_version": "0.2.2",
    "evaluation_id": "a",
    "eval_library": {"name": "lm_eval", "version": "1"},
    "model_info": {"id": "m"},
    "evaluation_results": [
        {
            "evaluation_name": "xcopa_et",
            "metric_config": {"metric_id": "acc"},
            "score_details": {"score": 0.5, "uncertainty": {"standard_error": {"value": 0.1}, "num_samples": 5}},
        }
    ],
}
JUNK = (10**400, None, True, -1, "", "x", [], {}, [1], [[1, 2]], "NaN")


def places(value, path=()):
    """Yield the path of every value inside a JSON value."""
    yield path
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(inner, (*path, key))


@pytest.mark.parametrize(
    ("name", "content", "read"),
    [
        ("r.json", json.loads(results_04({"xcopa": {"et": 260}})), read_results),
        ("o.json", json.loads(results_03({"xcopa": {"et": 260}})), read_results),
        ("samples_xcopa_et.jsonl", json.loads(sample_lines(1, 1)), read_samples),
        ("samples_named.jsonl", json.loads(sample_lines(1, 1, True)), read_samples),
        ("e.json", RECORD, read_record),
    ],
)
def test_any_value_may_be_anything(tmp_path, name, content, read):
    """Valid JSON of the wrong types is read or refused in one line, never a traceback."""
    refused = 0
    for path in places(content):
        for junk in JUNK:
            changed = json.loads(json.dumps(content))
            inner = {"": changed}
            place = ("", *path)
            for key in place[:-1]:
                inner = inner[key]
            inner[place[-1]] = junk
            try:
                read(write(tmp_path / name, json.dumps(changed if path else junk)))
            except InputError as error:
                refused += 1
                assert "\n" not in str(error)
    assert refused > 20
