"""Records from every kind of file, and what is wrong with one in words."""

from __future__ import annotations

import datetime
import decimal
import json
import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from polytune.errors import InputError
from polytune.readers.json import read_json
from polytune.readers.parquet import read_table
from polytune.readers.records import read_records

ROWS = [{"id": f"r{i}", "text": f"line\u2028{i}, 'quoted' \"twice\"\nnext"} for i in range(5)]
LINES = [json.dumps(row, ensure_ascii=False) for row in ROWS]


def read(path, content: str | bytes):
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    numbers, records = zip(*read_records(path), strict=True)
    assert numbers == tuple(range(1, len(numbers) + 1))
    return list(records)


def refusal(path, content: str | bytes) -> str:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(InputError) as raised:
        list(read_records(path))
    message = str(raised.value)
    assert message.startswith(str(path)) and "\n" not in message
    return message.removeprefix(f"{path}: ")


LAYOUTS = {
    "a list": json.dumps(ROWS),
    "a list over lines": json.dumps(ROWS, indent=2),
    "lines": "\n".join(LINES) + "\n",
    "lines with CR": "\r".join(LINES),
    "lines with CRLF": "\r\n".join(LINES) + "\r\n\r\n",
    "objects over lines": "\n".join(json.dumps(row, indent=1) for row in ROWS),
    "a mark": "\ufeff" + json.dumps(ROWS),
    "two files joined, both with marks": "\ufeff" + LINES[0] + "\n\ufeff" + "\n".join(LINES[1:]),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", ["x.json", "x.jsonl", "x"])
def test_layouts_of_json_hold_the_same_records(tmp_path, name, layout):
    assert read(tmp_path / name, LAYOUTS[layout]) == ROWS


@pytest.mark.parametrize("wrapped", [{"data": ROWS}, {"version": "1.0", "data": ROWS}, {"anything": ROWS}])
def test_rows_under_one_key_are_recognised_and_said(tmp_path, capsys, wrapped):
    assert read(tmp_path / "x.json", json.dumps(wrapped)) == ROWS
    key = list(wrapped)[-1]
    assert f"x.json: recognised a list of 5 rows under the key '{key}'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("value", "recognised"),
    [
        ({"train": ROWS, "test": ROWS}, "lists of rows under the keys train, test"),
        ({"0": ROWS[0], "1": ROWS[1]}, r"one object that holds 2 others \(0, 1, ...\)"),
        ({"id": ["a", "b"], "text": ["c", "d"]}, r"2 columns \(id, text, ...\)"),
    ],
)
def test_what_could_be_several_things_is_refused(tmp_path, value, recognised):
    message = refusal(tmp_path / "x.json", json.dumps(value))
    assert message.replace("\\", "").startswith(f"recognised {recognised}".replace("\\", ""))
    assert "expected a list of rows" in message


def test_a_single_record_is_a_record(tmp_path):
    row = {"question": "?", "choices": [{"text": "a"}, {"text": "b"}], "label": 1}
    assert read(tmp_path / "x.json", json.dumps(row)) == [row]
    only_choices = {"choices": [{"text": "a"}]}
    assert read(tmp_path / "x.jsonl", json.dumps(only_choices)) == [only_choices]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('[{"a": 1}, {"a": 1', "row 2: not valid JSON: .*line 1.*the file ends early: is it cut"),
        ('[{"a": 1}, {"a": 1}', "after row 2 in line 1: the file ends early"),
        ('[{"a": 1} {"a": 1}]', "after row 1 in line 1: a comma or ']' is missing"),
        ('[{"a": 1}] more', "line 1: something follows the list of 1 rows"),
        ('{"a": 1}\n{"a": }\n', "row 2: not valid JSON: Expecting value: line 2, column 7"),
        ('{"a": 1}\r{"a": 1, "a": 2}', "row 2: line 2: not valid JSON: the key 'a' stands twice"),
        ('[{"a": {"b": 1, "b": 1}}]', "row 1: line 1: not valid JSON: the key 'b' stands twice"),
        ('{"a": NaN}', "row 1: .*NaN is no value of JSON"),
        ('{"a": -Infinity}', "row 1: .*-Infinity is no value of JSON"),
        ('{"a": 1e999}', "row 1: .*the number 1e999 is too large"),
        ('{"a": ' + "9" * 5_000 + "}", "row 1: .*a number of thousands of digits"),
        ('{"a": ' + "[" * 100_000, "row 1: .*nested too deeply"),
        ('{"a": ' + "[" * 100 + "]" * 100 + "}", "row 1: nested deeper than 64 levels"),
        ("[1]", r"row 1 is a number \(1\), expected an object"),
        ('{"a": 1}\n["b"]', r"row 2 is a list \(\['b'\]\), expected an object"),
        ('"text"', r"row 1 is text \('text'\)"),
        ("null", "row 1 is null"),
        ("<!DOCTYPE html><html>", "is a page of HTML or XML"),
        ("{'a': 1}", "row 1: not valid JSON: Expecting property name enclosed in double quotes"),
    ],
)
def test_faults_of_json_have_row_and_line(tmp_path, content, message):
    found = refusal(tmp_path / "x.json", content)
    assert re.search(message, found), found
    assert len(found) < 300


def test_whole_numbers_of_any_size_are_exact(tmp_path):
    assert read(tmp_path / "x.json", '[{"id": 340282366920938463463374607431768211456}]') == [{"id": 2**128}]


def test_no_rows_are_no_records(tmp_path):
    for name, content in [("x.jsonl", ""), ("x.json", "[ ]"), ("x.json", '{"data": []}'), ("x.csv", "a,b\n")]:
        (tmp_path / name).write_text(content)
        assert list(read_records(tmp_path / name)) == []


# --- CSV and TSV ---


def test_quotes_line_breaks_and_separators_are_kept(tmp_path):
    text = 'id,text\r\n1,"a ""b"", c\nd"\r\n2,5" wide\r\n'
    assert read(tmp_path / "x.csv", text) == [{"id": "1", "text": 'a "b", c\nd'}, {"id": "2", "text": '5" wide'}]
    assert read(tmp_path / "x.tsv", 'id\ttext\n1\t"a\tb"\n') == [{"id": "1", "text": "a\tb"}]
    commented = '# from "a" table, 1\r\n# b\r\nid,text\r\n1,# c\r\n'
    assert read(tmp_path / "x.csv", commented) == [{"id": "1", "text": "# c"}]
    assert read(tmp_path / "x.csv", "#id,text\n1,a\n") == [{"#id": "1", "text": "a"}]
    assert read(tmp_path / "x.csv", "id,text\r1,a\r2,b\r") == [{"id": "1", "text": "a"}, {"id": "2", "text": "b"}]
    long = "x" * 1_000_000
    assert read(tmp_path / "x.csv", f"id,text\n1,{long}\n") == [{"id": "1", "text": long}]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b\n1,2\n1,2,3\n", "row 2 (line 3) has 3 columns, the header has 2"),
        ("# c\n# d\na,b\n1\n", "row 1 (line 4) has 1 columns, the header has 2"),
        ("a,b\n1\n", "row 1 (line 2) has 1 columns, the header has 2"),
        ("a,a\n1,2\n", "the column 'a' stands twice in the header"),
        ('a,b\n1,"open\n2,x\n', "unexpected end of data"),
        ('a,b\n1,"x"y\n', "row 1 (line 2): ',' expected after '\"'"),
    ],
)
def test_faults_of_csv_have_row_and_line(tmp_path, content, message):
    assert message in refusal(tmp_path / "x.csv", content)


# --- parquet ---


def write_parquet(path, columns: dict, **options):
    pq.write_table(pa.table(columns), path, **options)
    return path.read_bytes()


def test_nested_and_odd_types_are_plain_values(tmp_path):
    columns = {
        "s": [{"a": [1, None]}],
        "kind": pa.array(["x"]).dictionary_encode(),
        "big": pa.array([2**64 - 1], pa.uint64()),
        "money": [decimal.Decimal("1.50")],
        "day": [datetime.date(2024, 1, 2)],
        "none": pa.nulls(1),
    }
    content = write_parquet(tmp_path / "x.parquet", columns)
    (row,) = read(tmp_path / "x.parquet", content)
    assert row["s"] == {"a": [1, None]} and (row["kind"], row["big"], row["none"]) == ("x", 2**64 - 1, None)


def test_a_parquet_file_with_another_name_is_read_and_said(tmp_path, capsys):
    content = write_parquet(tmp_path / "x.parquet", {"a": [1]})
    assert read(tmp_path / "x.json", content) == [{"a": 1}]
    assert "x.json: is a parquet file although its name does not end in .parquet" in capsys.readouterr().err


def test_broken_parquet_is_refused(tmp_path):
    rows = {"text": [f"row {i} " * 20 for i in range(2_000)]}
    whole = write_parquet(tmp_path / "x.parquet", rows, compression="snappy", use_dictionary=False)
    middle = len(whole) // 2
    for content in (
        whole[:middle],  # cut: no footer
        whole[:middle] + b"\xff" * 200 + whole[middle + 200 :],  # a page
        whole[:-20] + b"\xff" * 12 + whole[-8:],  # the footer
        b"PAR1",
        b"not parquet",
    ):
        assert "not a" in refusal(tmp_path / "x.parquet", content)


def test_a_changed_bit_is_noticed_where_pages_carry_checksums(tmp_path):
    rows = {"text": [f"row {i}" for i in range(2_000)]}
    options = {"compression": "none", "use_dictionary": False, "write_page_checksum": True}
    whole = bytearray(write_parquet(tmp_path / "x.parquet", rows, **options))
    whole[whole.index(b"row 1500")] ^= 1
    assert "corrupt or cut: could not verify page integrity" in refusal(tmp_path / "x.parquet", bytes(whole))


def test_repeated_and_missing_columns_are_named(tmp_path):
    pq.write_table(pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"]), tmp_path / "x.parquet")
    with pytest.raises(InputError, match=r"x\.parquet: the column 'a' stands twice"):
        list(read_records(tmp_path / "x.parquet"))
    write_parquet(tmp_path / "x.parquet", {"output": [1]})
    with pytest.raises(InputError, match=r"no column 'ouput'; did you mean 'output'\?; there are: output"):
        read_table(tmp_path / "x.parquet", ["ouput"])


# --- one JSON value ---


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "line 1, column 1; the file ends early: is it cut"),
        ('{"a": 1} {}', "line 1: something follows the end of the JSON value"),
        ('{"a": 1, "a": 2}', "the key 'a' stands twice"),
        ('{"a": NaN}', "NaN is no value of JSON"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_faults_of_one_json_value(tmp_path, content, message):
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(InputError, match=message) as raised:
        read_json(tmp_path / "x.json")
    assert str(raised.value).startswith(str(tmp_path / "x.json"))


def test_one_json_value_with_mark_and_spaces(tmp_path):
    (tmp_path / "x.json").write_bytes(b'\xef\xbb\xbf {"a": [1, 2.5, null]}\r\n')
    assert read_json(tmp_path / "x.json") == {"a": [1, 2.5, None]}
