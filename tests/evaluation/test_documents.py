"""Benchmark data is read from the layouts of hub data sets, and what is wrong with it is told with file and row."""

import gzip
import json

import pytest

from polytune.errors import InputError
from polytune.evaluation.documents import find_files, read_documents
from tests.cases.evaluation_cases import write_xcopa

ROWS = [{"text": f"item {number}\u2028more", "label": number} for number in range(3)]  # U+2028 is no end of a JSON line
COLUMNS = ("text", "label")


def write_rows(path, rows=ROWS):
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    if path.name.endswith(".parquet"):
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.Table.from_pylist(rows), path)
    elif path.name.endswith(".json"):
        path.write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
    elif path.name.endswith(".gz"):
        path.write_bytes(gzip.compress(lines.encode("utf-8")))
    elif path.name.endswith((".csv", ".tsv")):
        separator = "," if path.name.endswith(".csv") else "\t"
        path.write_text(
            "\n".join(separator.join(map(str, row)) for row in [rows[0], *(r.values() for r in rows)]) + "\n"
        )
    else:
        path.write_text(lines, encoding="utf-8")


@pytest.mark.parametrize(
    "name",
    [
        "et/test/0000.parquet",  # the hub's own conversion
        "et/test-00000-of-00001.parquet",
        "et/test.jsonl",
        "test/et.jsonl.gz",
        "data/test.et.json",
        "test.et.csv",
        "data/et/test.tsv",
    ],
)
def test_usual_layouts_and_formats_are_found_without_a_card(name, tmp_path):
    write_rows(tmp_path / name)
    documents = read_documents(tmp_path, "et", "test", COLUMNS)
    assert list(documents) == ROWS
    assert list(documents.features) == ["text", "label"]


def test_the_card_decides_where_it_names_files(tmp_path):
    write_rows(tmp_path / "et" / "test.jsonl", ROWS[:1])
    write_rows(tmp_path / "parts" / "b.jsonl", ROWS[1:])
    write_rows(tmp_path / "parts" / "a.jsonl", ROWS[:1])
    card = "---\nconfigs:\n- config_name: et\n  data_files:\n  - split: test\n    path: parts/*.jsonl\n---\ntext\n"
    (tmp_path / "README.md").write_text(card)
    assert [path.name for path in find_files(tmp_path, "et", "test")] == ["a.jsonl", "b.jsonl"]
    assert list(read_documents(tmp_path, "et", "test", COLUMNS)) == ROWS


def test_same_rows_as_the_datasets_library(shared_data, monkeypatch, tmp_path):
    """The real XCOPA and XWinograd, read by us and by `datasets.load_dataset`."""
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path)
    for hub_id, config, columns in (
        ("cambridgeltl/xcopa", "qu", ("premise", "label")),
        ("Muennighoff/xwinograd", "zh", ("sentence", "answer")),
    ):
        ours = read_documents(shared_data / hub_id, config, "test", columns)
        theirs = datasets.load_dataset(str(shared_data / hub_id), config, cache_dir=str(tmp_path))["test"]
        assert len(ours) > 10
        assert list(ours.features) == theirs.column_names
        assert list(ours) == list(theirs)


def test_what_is_missing_is_named(tmp_path):
    root = write_xcopa(tmp_path) / "cambridgeltl" / "xcopa"
    with pytest.raises(InputError, match="nowhere: no such directory"):
        find_files(tmp_path / "nowhere", "et", "test")
    with pytest.raises(InputError, match=r"README\.md: configs: no config_name 'ett'; did you mean 'et'\?.*et, tr"):
        find_files(root, "ett", "test")
    with pytest.raises(InputError, match=r"config_name 'et' has no split 'eval'.*it has: test"):
        find_files(root, "et", "eval")
    (root / "test.et.jsonl").unlink()
    with pytest.raises(InputError, match=r"xcopa: no file for split 'test' of 'et' \(looked for test\.et\.jsonl"):
        find_files(root, "et", "test")
    (root / "README.md").unlink()
    with pytest.raises(InputError, match=r"looked for et/test/\*, .*data/test\.et\.\*"):
        find_files(root, "et", "test")


def test_wrong_rows_are_named(tmp_path):
    path = tmp_path / "et" / "test.jsonl"
    write_rows(path, [{"txt": "a", "label": 1}])
    with pytest.raises(InputError, match=r"test\.jsonl: no column 'text'; did you mean 'txt'\?; it has: txt, label"):
        read_documents(tmp_path, "et", "test", COLUMNS)
    write_rows(path, [*ROWS, {"label": 1}])
    with pytest.raises(InputError, match=r"test\.jsonl: row 4: no 'text'"):
        read_documents(tmp_path, "et", "test", COLUMNS)
    path.write_text("{broken\n")
    with pytest.raises(InputError, match=r"test\.jsonl: cannot be read as jsonl"):
        read_documents(tmp_path, "et", "test", COLUMNS)
    path.write_bytes(b'{"text": "\xff", "label": 1}\n')
    with pytest.raises(InputError, match=r"test\.jsonl: cannot be read as jsonl: .*utf-8"):
        read_documents(tmp_path, "et", "test", COLUMNS)
    path.write_text("")
    with pytest.raises(InputError, match=r"test\.jsonl: no rows"):
        read_documents(tmp_path, "et", "test", COLUMNS)
    (tmp_path / "README.md").write_text("---\nconfigs: [\n---\n")
    with pytest.raises(InputError, match=r"README\.md: the front matter is not valid YAML"):
        read_documents(tmp_path, "et", "test", COLUMNS)
