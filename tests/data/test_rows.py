"""Reading instruction sources: layouts, checks, what is dropped."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys

import pyarrow.parquet
import pytest

from polytune.data.columns import keys_of, read_table
from polytune.data.read import command as read_source
from polytune.data.rows import read_rows, row_key
from polytune.errors import InputError


def rows(count: int, **changes) -> list[dict]:
    return [
        {"id": f"id-{i}", "instruction": f"say {i}", "input": "", "output": f"said {i}"} | changes for i in range(count)
    ]


def write(path, records, lines=False):
    text = "\n".join(json.dumps(r) for r in records) if lines else json.dumps(records)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


@pytest.mark.parametrize("name, lines", [("en.json", False), ("en.json.gz", False), ("en.jsonl", True)])
def test_the_layouts_of_bactrian_x_hold_the_same_rows(tmp_path, name, lines):
    read, report = read_rows(write(tmp_path / name, rows(5), lines), "bactrian-x")
    assert [(row.id, row.output) for row in read] == [(f"id-{i}", f"said {i}") for i in range(5)]
    assert (report.read, report.kept, report.dropped) == (5, 5, {})


def test_parquet_is_read_and_written_with_the_same_content(tmp_path):
    source = write(tmp_path / "en.json", rows(4))
    read_source(source, "bactrian-x", tmp_path / "en.parquet", tmp_path / "en.report.json")
    again, _ = read_rows(tmp_path / "en.parquet", "bactrian-x")
    assert [row.id for row in again] == ["id-0", "id-1", "id-2", "id-3"]
    table = pyarrow.parquet.read_table(tmp_path / "en.parquet")
    assert table.column("key").to_pylist() == [row_key(f"id-{i}") for i in range(4)]
    assert json.loads((tmp_path / "en.report.json").read_text())["rows"] == 4


def test_texts_come_back_from_parquet_as_they_were(tmp_path):
    odd = ["", "a\x00b", "é", "e\u0301", "日本語", "\U0001f469\u200d\U0001f467", "\u2028", " \n", "x" * 70_000]
    texts = ["a" + text for text in odd]
    records = [row | {"output": text} for row, text in zip(rows(len(texts)), texts, strict=True)]
    source = write(tmp_path / "en.json", records)
    read_source(source, "bactrian-x", tmp_path / "en.parquet", tmp_path / "en.report.json")
    assert read_table(tmp_path / "en.parquet", ["output"]).column("output").to_pylist() == texts
    assert keys_of(read_table(tmp_path / "en.parquet")).tolist() == [row_key(f"id-{i}") for i in range(9)]


def test_half_a_surrogate_pair_is_dropped_and_counted(tmp_path):
    records = rows(3)
    records[1]["instruction"] = "\ud83d"  # JSON can say so, UTF-8 cannot
    read, report = read_rows(write(tmp_path / "en.json", records), "bactrian-x", largest_dropped_share=0.5)
    assert [row.id for row in read] == ["id-0", "id-2"]
    assert report.dropped == {"half a surrogate pair": 1} and report.first_dropped == {"half a surrogate pair": 2}


def test_reading_imports_no_pandas(tmp_path):
    write(tmp_path / "en.json", rows(3))
    script = (
        "import sys; from pathlib import Path; from polytune.data.read import command; "
        "from polytune.data.columns import keys_of, read_table; folder = Path(sys.argv[1]); "
        "command(folder / 'en.json', 'bactrian-x', folder / 'en.parquet', folder / 'en.report.json'); "
        "keys_of(read_table(folder / 'en.parquet', ['key'])); print('pandas' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"


def test_alpaca_rows_are_parallel_by_position(tmp_path):
    records = [{"instruction": "a", "input": "", "output": "b"}, {"instruction": "c", "input": None, "output": "d"}]
    read, _ = read_rows(write(tmp_path / "de.json", records), "alpaca")
    assert [(row.id, row.input) for row in read] == [("row-1", ""), ("row-2", "")]


def test_a_line_separator_inside_a_text_does_not_end_a_row(tmp_path):
    path = tmp_path / "en.jsonl"
    path.write_text(json.dumps(rows(1, output="a\u2028b")[0], ensure_ascii=False), encoding="utf-8")
    assert read_rows(path, "bactrian-x")[0][0].output == "a\u2028b"


def test_a_missing_field_is_named_with_file_and_row(tmp_path):
    records = rows(3)
    records[1]["ouput"] = records[1].pop("output")
    with pytest.raises(InputError, match=r"en\.json: row 2: field 'output' is missing.*did you mean 'ouput'"):
        read_rows(write(tmp_path / "en.json", records), "bactrian-x")


def test_invalid_utf8_is_named_with_its_line(tmp_path):
    path = tmp_path / "en.jsonl"
    path.write_bytes(json.dumps(rows(1)[0]).encode() + b"\n" + b'{"id": "\xff"}')
    with pytest.raises(InputError, match=r"en\.jsonl: invalid UTF-8 in line 2"):
        read_rows(path, "bactrian-x")


def test_too_many_empty_outputs_are_an_error_that_names_the_first_row(tmp_path):
    records = rows(10)
    records[6]["output"] = "  "
    with pytest.raises(InputError, match=r"1 of 10 rows would be dropped: 1 x empty output \(first in row 7\)"):
        read_rows(write(tmp_path / "en.json", records), "bactrian-x")


def test_few_dropped_rows_are_counted_by_reason(tmp_path):
    records = rows(100)
    records[3]["output"] = ""
    records[50]["id"] = "id-2"
    read, report = read_rows(write(tmp_path / "en.json", records), "bactrian-x", largest_dropped_share=0.05)
    assert len(read) == 98
    assert report.dropped == {"empty output": 1, "duplicate id": 1}
    assert report.first_dropped == {"empty output": 4, "duplicate id": 51}


@pytest.mark.parametrize(
    "content, message",
    [
        (b"{", "not valid JSON"),
        (b"[]", "holds no rows"),
        (b"[1]", r"row 1 is a number \(1\)"),
        (b'[{"id": "a", "instruction": 3, "input": "", "output": "b"}]', "field 'instruction' is 3, expected text"),
    ],
)
def test_broken_files_are_refused(tmp_path, content, message):
    path = tmp_path / "en.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_rows(path, "bactrian-x")


def test_a_null_output_is_an_empty_output(tmp_path):
    records = rows(100)
    records[40]["output"] = None
    records[41]["input"] = None
    read, report = read_rows(write(tmp_path / "en.json", records), "bactrian-x")
    assert (len(read), report.dropped, report.first_dropped) == (99, {"empty output": 1}, {"empty output": 41})
    records[40] |= {"output": "x", "instruction": None}
    with pytest.raises(InputError, match="row 41: field 'instruction' is None, expected text"):
        read_rows(write(tmp_path / "en.json", records), "bactrian-x")


@pytest.mark.parametrize("same", [["1", 1], [1, 1.0], ["7", 7.0], [2**70, str(2**70)]])
def test_ids_that_are_written_alike_are_one_id(tmp_path, same):
    records = [row | {"id": identifier} for row, identifier in zip(rows(2), same, strict=True)]
    read, report = read_rows(write(tmp_path / "en.json", records), "bactrian-x", largest_dropped_share=0.5)
    assert [row.id for row in read] == [str(same[0])] and report.dropped == {"duplicate id": 1}


@pytest.mark.parametrize("odd", [None, True, "", 1.5, 1e300, [1], {"a": 1}, "x" * 2_000, "[" * 60])
def test_ids_that_are_none_are_named(tmp_path, odd):
    records = rows(3)
    records[1]["id"] = odd
    if odd == "[" * 60:
        assert len(read_rows(write(tmp_path / "en.json", records), "bactrian-x")[0]) == 3  # odd, but text
        return
    with pytest.raises(InputError, match=r"en\.json: row 2: field 'id' (is|has) ") as raised:
        read_rows(write(tmp_path / "en.json", records), "bactrian-x")
    assert len(str(raised.value)) < 400


def test_ids_with_odd_characters_come_back(tmp_path):
    odd = ["a\x00b", "\u2028", " ", "日本", "a\nb", "'"]
    records = [row | {"id": identifier} for row, identifier in zip(rows(6), odd, strict=True)]
    read_source(write(tmp_path / "en.json", records), "bactrian-x", tmp_path / "en.parquet", tmp_path / "r.json")
    assert read_table(tmp_path / "en.parquet", ["id"]).column("id").to_pylist() == odd


def test_a_file_of_which_nothing_is_left_is_refused(tmp_path):
    with pytest.raises(InputError, match="none of 3 rows can be kept: empty output"):
        read_rows(write(tmp_path / "en.json", rows(3, output=None)), "bactrian-x", largest_dropped_share=1)
    with pytest.raises(InputError, match="nan is no share; expected 0 to 1"):
        read_rows(tmp_path / "en.json", "bactrian-x", largest_dropped_share=float("nan"))


def test_a_kind_that_is_none_names_the_nearest(tmp_path):
    with pytest.raises(InputError, match="unknown kind of source 'alpacca'; did you mean 'alpaca'"):
        read_rows(write(tmp_path / "en.json", rows(3)), "alpacca")


def test_rows_that_were_written_are_noticed_when_they_rot(tmp_path):
    texts = rows(300)
    read_source(write(tmp_path / "en.json", texts), "bactrian-x", tmp_path / "en.parquet", tmp_path / "r.json")
    content = bytearray((tmp_path / "en.parquet").read_bytes())
    for position in range(200, 240):
        content[position] ^= 0x55
    (tmp_path / "en.parquet").write_bytes(content)
    with pytest.raises(InputError, match=r"en\.parquet: not a readable parquet file, it is corrupt or cut"):
        read_table(tmp_path / "en.parquet")


def test_a_truncated_gzip_file_is_refused(tmp_path):
    path = write(tmp_path / "en.json.gz", rows(50))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match="not a readable gzip file"):
        read_rows(path, "bactrian-x")
