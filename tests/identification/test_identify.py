"""The command `polytune identify`: files in, files out, one line for what is wrong."""

from __future__ import annotations

import json
from dataclasses import asdict

import pyarrow
import pyarrow.parquet
import pytest

from polytune.config.identifiers import codes_of, find_identifier
from polytune.errors import InputError
from polytune.identification.identify import command
from polytune.world.build import build_world
from polytune.world.settings import WorldSettings

COLUMNS = ["language", "item", "turn", "answered", "probability", "language_pass", "line_pass", "word_pass", "note"]


def write_spec(path, identifier, responses):
    row = find_identifier(identifier, "test")
    spec = {"identifier": asdict(row), "codes": codes_of(row), "run": "b/full/m/seed1", "responses": responses}
    path.write_text(json.dumps(spec))
    return path


def write_responses(path, rows):
    names = ("language", "item", "turn", "text")
    table = pyarrow.Table.from_pylist(
        [dict(zip(names, row, strict=True)) | {"tokens": 3, "stop": "end"} for row in rows]
    )
    pyarrow.parquet.write_table(table, path)
    return path


def test_a_row_per_answer_and_a_marker_that_counts(tmp_path):
    german, english = "Das weiß ich leider auch nicht so genau.", "I am afraid that I do not know that."
    first = write_responses(
        tmp_path / "a.parquet", [("de", 0, 1, german), ("de", 1, 1, english), ("en", 0, 1, english)]
    )
    write_responses(tmp_path / "b.parquet", [("de", 7, 2, "")])
    spec = write_spec(tmp_path / "spec.json", "py3langid", ["a", "b"])
    targets = [tmp_path / "out" / "a.parquet", tmp_path / "out" / "b.parquet"]
    command([spec], [tmp_path], [tmp_path / "out"])
    table = pyarrow.parquet.read_table(targets[0])
    assert table.column_names == COLUMNS
    rows = table.to_pylist()
    assert [(row["language"], row["item"], row["turn"], row["answered"]) for row in rows] == [
        ("de", 0, 1, "de"),
        ("de", 1, 1, "en"),
        ("en", 0, 1, "en"),
    ]
    assert [row["language_pass"] for row in rows] == [1, 0, 1]
    marker = json.loads((tmp_path / "out" / "a.json").read_text())
    assert (marker["run"], marker["responses"], marker["identifier"], marker["rows"]) == (
        "b/full/m/seed1",
        "a",
        "py3langid",
        3,
    )
    assert marker["passed"]["de"] == {"rows": 2, "in_language": 1, "without_lines": 0}
    (row,) = pyarrow.parquet.read_table(targets[1]).to_pylist()
    assert (row["item"], row["turn"], row["language_pass"], row["note"]) == (7, 2, 0, "empty")
    command([spec, spec], [tmp_path, tmp_path], [tmp_path / "one", tmp_path / "other"])  # several runs, one process
    for folder in ("one", "other"):
        assert (tmp_path / folder / "a.json").read_bytes() == (tmp_path / "out/a.json").read_bytes()

    write_responses(first, [("de", 0, 1, german), ("de", 1, 1, german), ("en", 0, 1, english)])
    command([spec], [tmp_path], [tmp_path / "out"])
    assert json.loads((tmp_path / "out" / "a.json").read_text())["digest"] != marker["digest"]


def test_the_world_needs_its_folder_and_nothing_else(tmp_path):
    settings = WorldSettings(
        seed=2, languages=("en", "hi"), base_languages=("en",), documents_per_base_language=1, instruction_rows=1
    )
    build_world(settings, tmp_path / "w2")
    question = json.loads((tmp_path / "w2/prompts/questions/hi.jsonl").read_text().splitlines()[0])
    rows = [("hi", 1, 1, question["reference"][0]), ("en", 1, 1, question["reference"][0])]
    write_responses(tmp_path / "q.parquet", rows)
    command([write_spec(tmp_path / "spec.json", "exact", ["q"])], [tmp_path], [tmp_path / "out"], world=tmp_path / "w2")
    found = pyarrow.parquet.read_table(tmp_path / "out/q.parquet").to_pylist()
    assert [(row["answered"], row["language_pass"]) for row in found] == [("hi", 1), ("hi", 0)]
    assert found[0]["word_pass"] == 1


def test_a_spec_that_does_not_fit_is_refused(tmp_path):
    write_responses(tmp_path / "q.parquet", [("de", 0, 1, "x")])
    spec, output = write_spec(tmp_path / "spec.json", "py3langid", ["q"]), tmp_path / "out"
    with pytest.raises(InputError, match="--spec, --responses and --output are given 2, 1 and 1 times"):
        command([spec, spec], [tmp_path], [output])
    other = write_spec(tmp_path / "other.json", "exact", ["q"])
    with pytest.raises(InputError, match=r"other\.json: another identifier than in .*spec\.json"):
        command([spec, other], [tmp_path, tmp_path], [output, output])
    for key, value, message in (
        ("response", ["q"], "must have the keys identifier, codes, run, responses and no others; did you mean"),
        ("responses", "q", "responses 'q'"),
    ):
        content = json.loads(write_spec(spec, "py3langid", ["q"]).read_text())
        spec.write_text(json.dumps(content | {key: value}))
        with pytest.raises(InputError, match=message):
            command([spec], [tmp_path], [output])
