"""Benchmark data is read from the layouts of hub data sets; what is wrong with it is told with file, row and field."""

import gzip
import json
import random

import pytest

from polytune.config.fields import Field
from polytune.errors import InputError
from polytune.evaluation.documents import find_files, read_documents
from tests.cases.evaluation_cases import write_xcopa

ROWS = [{"text": f"item {number}\u2028more", "label": number} for number in range(3)]  # U+2028 is no end of a JSON line
FIELDS = tuple(map(Field.parse, ("text:text", "label:int(0,1,2)", "id:id")))


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


def write_card(folder, text):
    (folder / "README.md").write_text(f"---\n{text}\n---\n# A card\n", encoding="utf-8")


def refusal(folder, *arguments):
    """The one line with which reading the split `test` of `et` is refused."""
    with pytest.raises(InputError) as error:
        read_documents(folder, "et", "test", *(arguments or (FIELDS,)))
    assert "\n" not in str(error.value)
    return str(error.value)


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
    documents = read_documents(tmp_path, "et", "test", FIELDS)
    assert list(documents) == ROWS
    assert list(documents.features) == ["text", "label"]
    write_card(tmp_path, "license: cc0-1.0")  # a card that names no files decides nothing
    assert list(read_documents(tmp_path, "et", "test", FIELDS)) == ROWS
    write_card(tmp_path, "configs:\n- config_name: et\n- config_name: tr")
    assert list(read_documents(tmp_path, "et", "test", FIELDS)) == ROWS


def test_the_card_decides_where_it_names_files(tmp_path):
    write_rows(tmp_path / "et" / "test.jsonl", ROWS[:1])
    write_rows(tmp_path / "parts" / "b.jsonl", ROWS[1:])
    write_rows(tmp_path / "parts" / "a.jsonl", ROWS[:1])
    write_card(tmp_path, "configs:\n- config_name: et\n  data_files:\n  - split: test\n    path: parts/*.jsonl")
    assert [path.name for path in find_files(tmp_path, "et", "test")] == ["a.jsonl", "b.jsonl"]
    assert list(read_documents(tmp_path, "et", "test", FIELDS)) == ROWS


def test_same_rows_as_the_datasets_library(shared_data, monkeypatch, tmp_path):
    """The real XCOPA and XWinograd, read by us and by `datasets.load_dataset`."""
    import datasets

    from polytune.config.benchmarks import find_benchmark

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path)
    for name, config in (("xcopa", "qu"), ("xwinograd", "zh")):
        benchmark = find_benchmark(name)
        ours = read_documents(shared_data / benchmark.hub_id, config, "test", benchmark.fields)
        theirs = datasets.load_dataset(str(shared_data / benchmark.hub_id), config, cache_dir=str(tmp_path))["test"]
        assert len(ours) > 10
        assert list(ours.features) == theirs.column_names
        assert list(ours) == list(theirs)


@pytest.mark.parametrize("name", ["xcopa", "xwinograd", "xnli", "pawsx"])
def test_the_real_data_sets_pass_every_check(name, shared_data):
    from polytune.config.benchmarks import find_benchmark

    benchmark = find_benchmark(name)
    folder = shared_data / benchmark.hub_id
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    rows = {config: read_documents(folder, config, benchmark.split, benchmark.fields) for config in benchmark.languages}
    items = {len(documents) for documents in rows.values()}
    expected = {"xcopa": {500}, "xwinograd": {2325, 83, 959, 263, 315, 16}, "xnli": {2490}, "pawsx": {2000}}
    assert items == expected[name]
    assert (len(items) == 1) == benchmark.parallel
    if name == "pawsx":
        assert len({tuple(row["id"] for row in documents) for documents in rows.values()}) == 1


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


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("et/test.jsonl", "et/test.jsonl.gz"),  # one layout, two formats
        ("et/test.json", "et/test.parquet"),
        ("et/test/0000.parquet", "et/test/rows.jsonl"),
        ("et/test.jsonl", "test/et.jsonl"),  # two layouts
        ("test.et.jsonl", "data/test.et.jsonl"),
        ("et/test.jsonl", "et/test-00000-of-00001.jsonl"),
        ("et/test-00000-of-00001.parquet", "et/test-00000-of-00002.parquet"),  # two series of parts
        ("et/test-00000-of-00001.parquet", "et/test-old.parquet"),
    ],
)
def test_a_split_that_lies_there_twice_is_refused_with_both_names(first, second, tmp_path):
    write_rows(tmp_path / first)
    write_rows(tmp_path / second)
    for order in (FIELDS, ()):
        message = refusal(tmp_path, order)
        assert first in message and second in message and "keep one" in message


def test_a_file_that_is_named_twice_is_refused(tmp_path):
    write_rows(tmp_path / "a.jsonl")
    write_rows(tmp_path / "c.parquet")
    (tmp_path / "b.jsonl").symlink_to(tmp_path / "a.jsonl")
    for paths, names in (
        (["a.jsonl", "a.*"], ["a.jsonl"]),
        (["a.jsonl", "b.jsonl"], ["a.jsonl", "b.jsonl"]),
        (["a.jsonl", "c.parquet"], ["a.jsonl", "c.parquet"]),
    ):
        write_card(tmp_path, f"configs:\n- config_name: et\n  data_files:\n  - split: test\n    path: {paths}")
        assert all(name in refusal(tmp_path) for name in names)


def test_parts_that_are_missing_are_named(tmp_path):
    for part in (0, 2):
        write_rows(tmp_path / "et" / f"test-0000{part}-of-00003.parquet", ROWS[part : part + 1])
    assert "is one of 3 parts; part 00001 is not there" in refusal(tmp_path)
    write_rows(tmp_path / "et" / "test-00001-of-00003.parquet", ROWS[1:2])
    assert list(read_documents(tmp_path, "et", "test", FIELDS)) == ROWS
    write_card(tmp_path, "configs:\n- config_name: et\n  data_files:\n  - {split: test, path: [et/*, more/*]}")
    assert "no file fits 'more/*'" in refusal(tmp_path)


def test_other_files_beside_the_data_are_no_data(tmp_path):
    write_rows(tmp_path / "test" / "et.jsonl")
    for name in ("test/et.old.jsonl", "test/et.jsonl.sha256", "test/._et.jsonl", "test/etc.jsonl", "et/test.txt"):
        write_rows(tmp_path / name)
    assert list(read_documents(tmp_path, "et", "test", FIELDS)) == ROWS


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        ("configs: [", "README.md: front matter: line"),
        ("configs: {et: x}", "configs: must be a list of entries"),
        ("configs: [et]", "configs: must be a list of entries"),
        ("- configs", "README.md: the front matter must be a mapping"),
        ("configs:\n- data_files:\n  - {split: test, path: et/test.jsonl}", "no config_name 'et'; there are: default"),
        ("configs:\n- config_name: et\n- config_name: et", "two entries are called 'et'"),
        ("configs:\n- config_name: et\n  data_files: et/test.jsonl", "'et' has no split 'test'; it has: train"),
        ("configs:\n- config_name: et\n  data_files:\n  - split: test", "data_files of 'et' must list split and path"),
        ("configs:\n- config_name: et\n  data_files:\n  - {split: test, path: 5}", "must list split and path"),
        ("configs:\n- config_name: et\n  data_files:\n  - {split: test, path: [[a]]}", "must list split and path"),
        ("configs:\n- config_name: et\n  data_files:\n  - {path: et/test.jsonl}", "must list split and path"),
        ("configs:\n- config_name: et\n  data_files:\n  - {split: test, path: /tmp/*.jsonl}", "path '/tmp/*.jsonl'"),
        ("configs:\n- config_name: et\n  data_files:\n  - {split: test, path: 'hf://x/*.jsonl'}", "no file for split"),
        ("configs: " + "[" * 3000, "README.md: front matter"),
    ],
)  # fmt: skip
def test_cards_that_say_nothing_usable_are_refused_in_one_line(card, expected, tmp_path):
    write_rows(tmp_path / "et" / "test.jsonl")
    write_card(tmp_path, card)
    assert expected in refusal(tmp_path)


def test_norwegian_is_a_language_and_a_byte_order_mark_is_none_of_the_card(tmp_path):
    write_rows(tmp_path / "n.jsonl")
    card = "---\nconfigs:\n- config_name: no\n  data_files:\n  - {split: test, path: n.jsonl}\n---\n"
    (tmp_path / "README.md").write_text(card, encoding="utf-8-sig")
    assert list(read_documents(tmp_path, "no", "test", FIELDS)) == ROWS


def test_wrong_rows_are_named(tmp_path):
    path = tmp_path / "et" / "test.jsonl"
    write_rows(path, [{"txt": "a", "label": 1}])
    assert "row 1: no column 'text'; did you mean 'txt'?; it has: txt, label; needed: text, label, id" in refusal(
        tmp_path
    )
    write_rows(path, [*ROWS, {"label": 1}])
    assert "test.jsonl: row 4: no column 'text'" in refusal(tmp_path)
    for content, expected in (
        (b"{broken\n", "row 1"),
        (b'{"text": "\xff", "label": 1}\n', "UTF-8"),
        (b"", "no rows"),
        (b"[]", "no rows"),
        (b"[1]", "row 1 is a number"),
        (b"[" * 100_000, "nested"),
        (b'{"text": "a", "label": ' + b"9" * 5000 + b"}", "row 1"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "Git LFS pointer"),
        (b"PAR1 and no parquet", "test.jsonl"),
    ):
        path.write_bytes(content)
        message = refusal(tmp_path)
        assert expected in message and "test.jsonl" in message and len(message) < 600


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_byte_order_marks_are_no_part_of_the_data(encoding, tmp_path):
    path = tmp_path / "et" / "test.jsonl"
    write_rows(path)
    path.write_text(path.read_text(encoding="utf-8"), encoding=encoding)
    assert list(read_documents(tmp_path, "et", "test", FIELDS)) == ROWS


def test_archives_and_parquet_files_that_are_cut_are_refused(tmp_path):
    for name in ("test.jsonl.gz", "test.parquet"):
        path = tmp_path / "et" / name
        write_rows(path, ROWS * 50)
        whole = path.read_bytes()
        draw = random.Random(1)
        for _ in range(40):
            cut = whole[: draw.randrange(len(whole))]
            flipped = bytearray(whole)
            flipped[draw.randrange(len(whole))] ^= 1 << draw.randrange(8)
            # parquet files need not have checksums
            for content in (cut, bytes(flipped)) if name.endswith(".gz") else (cut,):
                path.write_bytes(content)
                try:
                    found = list(read_documents(tmp_path, "et", "test", FIELDS))
                except InputError as error:
                    assert name in str(error) and "\n" not in str(error)
                else:
                    assert found == ROWS * 50  # a flipped bit of the header's time stamp, for instance
        path.unlink()


def test_ids_that_stand_twice_are_refused(tmp_path):
    rows = [{**row, "id": f"q{number}"} for number, row in enumerate(ROWS)]
    write_rows(tmp_path / "et" / "test" / "a.jsonl", rows)
    assert len(read_documents(tmp_path, "et", "test", FIELDS)) == 3
    write_rows(tmp_path / "et" / "test" / "b.jsonl", [{**ROWS[0], "id": "q1"}])
    assert "b.jsonl: row 1: id 'q1' stands in a.jsonl, row 2, too" in refusal(tmp_path)
    (tmp_path / "et" / "test" / "a.jsonl").unlink()
    write_rows(tmp_path / "et" / "test" / "b.jsonl", [{**ROWS[0], "id": None}, {**ROWS[0], "id": None}, ROWS[1]])
    assert len(read_documents(tmp_path, "et", "test", FIELDS)) == 3  # rows may lack it
    write_rows(tmp_path / "et" / "test" / "b.jsonl", [{**ROWS[0], "id": ["q"]}])
    assert "row 1: id is ['q']; it must be a text or a number" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("declared", "accepted", "refused"),
    [
        ("x", [None, "", [1], {}], []),
        ("x:text", ["a", " a"], [None, "", " \n", 5, ["a"], "half \ud800"]),
        ("x:text?", ["a", "", None], [5, {}]),
        ("x:text(cause,effect)", ["cause"], [None, "", "Cause", "causes", 1, True]),
        ("x:text(1,2)", ["1", 2, 1.0], ["3", 0, True, 1.5, "1 "]),
        ("x:int(0,1)", [0, 1, 1.0, "1"], [-1, 2, True, None, "a", "1.0", 0.5, float("nan"), [0], "\u0664"]),
        ("x:blank", ["a _ b", "_b"], ["a b", "a _ b _", "a _", "a _ ", None, ""]),
    ],
)  # fmt: skip
def test_values_are_what_their_column_declares(declared, accepted, refused):
    field = Field.parse(declared)
    wanted = {"x:text(1,2)": ["1", "2", "1"], "x:int(0,1)": [0, 1, 1, 1]}.get(declared, accepted)
    assert [(type(found), found) for found in map(field.read, accepted)] == [(type(value), value) for value in wanted]
    for value in refused:
        with pytest.raises(ValueError, match=r"^(must|holds half)"):
            field.read(value)


def test_parquet_columns_of_other_types_mean_the_same(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    text = [row["text"] for row in ROWS]
    (tmp_path / "et").mkdir()
    for labels in (pa.int8(), pa.uint64(), pa.float64(), pa.string(), pa.dictionary(pa.int8(), pa.int64())):
        for words in (pa.large_string(), pa.dictionary(pa.int32(), pa.string())):
            columns = {"text": pa.array(text).cast(words), "label": pa.array([0, 1, 2]).cast(pa.int64())}
            plain = labels.value_type if isinstance(labels, pa.DictionaryType) else labels
            columns["label"] = columns["label"].cast(plain)
            if labels != plain:
                columns["label"] = columns["label"].dictionary_encode()
            pq.write_table(pa.table(columns), tmp_path / "et" / "test.parquet")
            assert list(read_documents(tmp_path, "et", "test", FIELDS)) == ROWS
    for labels in ([True, False, True], [b"0", b"1", b"2"], [0, None, 2], [[0], [1], [2]]):
        pq.write_table(pa.table({"text": text, "label": labels}), tmp_path / "et" / "test.parquet")
        assert "label is" in refusal(tmp_path)


def test_random_rows_are_accepted_or_refused_in_one_line(tmp_path):
    """Values of every type in every field: never a library's error."""
    draw = random.Random(5)
    values = [None, True, 0, 1, 2, -1, 1.0, 1e300, "", " ", "a", "_", "a _ b", "0", "cause", [], [0], {}, {"a": None},
              "\ud800", "x" * 5000, 10**30]  # fmt: skip
    fields = tuple(
        map(Field.parse, ("a:text", "b:text?", "c:int(0,1)", "d:text(cause,effect)", "e:blank", "f:id", "g"))
    )
    right = {"a": "x", "b": "", "c": 1, "d": "cause", "e": "a _ b", "f": "q", "g": {}}
    path = tmp_path / "et" / "test.jsonl"
    path.parent.mkdir()
    refused = 0
    for _ in range(500):
        row = {name: draw.choice(values) if draw.random() < 0.2 else value for name, value in right.items()}
        if draw.random() < 0.2:
            del row[draw.choice(list(row))]
        path.write_text(json.dumps(row) + "\n")
        try:
            [found] = read_documents(tmp_path, "et", "test", fields)
        except InputError as error:
            refused += 1
            assert "test.jsonl: row 1: " in str(error) and "\n" not in str(error) and len(str(error)) < 400
        else:
            assert found["a"].strip() and found["c"] in (0, 1) and found["e"].count("_") == 1
    assert 200 < refused < 450
