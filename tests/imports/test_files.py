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


def sample(doc_id: int, target, values: list[float], acc: int, texts: list[str], **more) -> dict:
    arguments = [["Q", text] for text in texts]
    responses = [[value, False] for value in values]
    return {"doc_id": doc_id, "target": target, "arguments": arguments, "filtered_resps": responses, "acc": acc} | more


LETTERS, WORDS, NUMBERS = [" A", " B", " C"], [" yes", " no", " also"], [" 1", " 2", " 3"]
VALUES = [-3.0, -1.0, -2.0]
"""The second choice is the best."""


@pytest.mark.parametrize(
    ("target", "texts", "acc", "contradicts"),
    [
        (1, WORDS, 1, False),
        ("1", WORDS, 0, True),
        (2, WORDS, 1, True),
        ("B", LETTERS, 0, True),
        (" A", LETTERS, 0, False),
        ("C", LETTERS, 1, True),
        ("no", WORDS, 1, False),
        (" also", WORDS, 1, True),
        ("2", NUMBERS, 1, False),  # the text of the second, the index of the third
        ("1", NUMBERS, 1, False),  # the text of the first, the index of the second
        ("1", NUMBERS, 0, False),
        ("3", NUMBERS, 1, True),  # no index
        ("1", [" 1"] * 3, 1, False),  # the choices stand before it: it says nothing
        ("none of them", WORDS, 1, False),
    ],
)
def test_an_acc_that_the_log_likelihoods_contradict_is_refused(tmp_path, target, texts, acc, contradicts):
    record = sample(0, target, VALUES, acc, texts, acc_norm=1 - acc)  # what lengths change is another metric
    path = write(tmp_path / "samples_t.jsonl", json.dumps(record))
    if not contradicts:
        (item,) = read_samples(path).items
        assert (item["target"] == 1) == bool(acc)
        return
    with pytest.raises(InputError, match=rf"row 1: item 0: acc is {acc}, but choice ., the target, .*1 of 1 items"):
        read_samples(path)


def test_ties_may_go_either_way(tmp_path):
    records = [sample(2 * target + acc, target, [-1.0, -1.0], acc, WORDS[:2]) for target in (0, 1) for acc in (0, 1)]
    path = write(tmp_path / "samples_t.jsonl", "\n".join(map(json.dumps, records)))
    assert [item["acc"] for item in read_samples(path).items] == [0, 1, 0, 1]
    below = sample(9, 2, [-1.0, -1.0, -2.0], 1, WORDS)  # a tie, but not of the target
    with pytest.raises(InputError, match="row 1: item 9: acc is 1, but choice 3, the target, does not have"):
        read_samples(write(tmp_path / "samples_t.jsonl", json.dumps(below)))


def test_a_file_with_every_acc_inverted_is_one_line(tmp_path):
    records = [json.loads(line) for line in sample_lines(60, 100).splitlines()]
    text = "\n".join(json.dumps(record | {"acc": 1.0 - record["acc"]}) for record in records)
    with pytest.raises(InputError, match=r"row 1: item 0: acc is 0, .*\(so with 100 of 100 items\)") as caught:
        read_samples(write(tmp_path / "samples_xcopa_et.jsonl", text))
    assert "\n" not in str(caught.value)


def test_samples_of_mutual_information(tmp_path):
    """The second half of the responses are the choices without their question: none of `acc`."""
    record = sample(0, 1, [*VALUES, -0.5, -9.0, -9.0], 1, WORDS * 2, acc_mutual_info=0)
    (item,) = read_samples(write(tmp_path / "samples_t.jsonl", json.dumps(record))).items
    assert item["loglikelihoods"] == VALUES and item["prediction"] == 1


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
    # since 0.3 there is another name of the metric, which has no filter
    result["metric_config"] |= {"metric_id": "accuracy", "metric_name": "acc"}
    normed = {"evaluation_description": "acc_norm", "metric_id": "lm-evaluation-harness.acc_norm"}
    record["evaluation_results"].append(result | {"evaluation_name": "xcopa_et", "metric_config": normed})
    found = read_record(write(tmp_path / "r.json", json.dumps(record)))
    assert [(p.task, p.measure) for p in found.printed] == [("xcopa_et", "acc,flexible"), ("xcopa_et", "acc_norm")]
    # what others describe in words is no name of a metric
    worded = {"evaluation_description": "Accuracy, per language", "metric_id": "accuracy"}
    record |= {"eval_library": {"name": "other", "version": "1"}}
    record["evaluation_results"] = [result | {"metric_config": worded}]
    assert read_record(write(tmp_path / "r.json", json.dumps(record))).printed[0].measure == "acc"
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
