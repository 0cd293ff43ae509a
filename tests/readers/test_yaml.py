"""YAML has the meaning that its writer had in mind, or is refused with line and remedy."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
import yaml

from polytune.errors import InputError
from polytune.readers.yaml import parse_yaml, read_front_matter, read_mapping, read_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("[no, NO, yes, on, off, y, n]", ["no", "NO", "yes", "on", "off", "y", "n"]),
        ("[true, False, TRUE, null, ~, ]", [True, False, True, None, None]),
        ("[1e-2, 3e-5, 1E3, .5, 1., +1.5, -2]", [0.01, 3e-5, 1000.0, 0.5, 1.0, 1.5, -2]),
        ("[0x1F, 0o17, 0, 10]", [31, 15, 0, 10]),
        ("[1:04, 190:20:30, 1_000, 0b11]", ["1:04", "190:20:30", "1_000", "0b11"]),
        ("[2024-01-01, 2024-01-01 10:00:00, 1.2.3, =]", ["2024-01-01", "2024-01-01 10:00:00", "1.2.3", "="]),
        ("['010', \"1e-2\", 'no', 'null']", ["010", "1e-2", "no", "null"]),
        ("[!!str 1, !!int '3', !!float 2, ! 5]", ["1", 3, 2, "5"]),
        ("no: 1\n123: 2\ntrue: 3\n1e-2: 4\n~: 5", {"no": 1, "123": 2, "true": 3, "1e-2": 4, "~": 5}),
        ("a: |\n  one\n  two\nb: >\n  one\n  two\n", {"a": "one\ntwo\n", "b": "one two\n"}),
        ("a: &x {b: 1}\nc: *x", {"a": {"b": 1}, "c": {"b": 1}}),
        ("a: &x {b: 1, c: 2}\nd: {<<: *x, c: 3}", {"a": {"b": 1, "c": 2}, "d": {"b": 1, "c": 3}}),
        ("x: &x {a: 1, b: 1}\ny: &y {b: 2, c: 2}\nz: {<<: [*x, *y]}",
         {"x": {"a": 1, "b": 1}, "y": {"b": 2, "c": 2}, "z": {"b": 1, "c": 2, "a": 1}}),
        ("%YAML 1.2\n---\na: 1\n...\n", {"a": 1}),
        ("{\"a\": [1, {\"b\": null}]}", {"a": [1, {"b": None}]}),
        ("", None), ("# only a comment\n", None), ("---\n", None), ("text", "text"),
    ],
)  # fmt: skip
def test_plain_values(text, value):
    found = parse_yaml(text, "x.yaml")
    assert found == value and repr(found) == repr(value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3", r"line 3, column 1: the key 'a' stands twice; keep one of them"),
        ("a:\n  1: x\n  '1': y", r"line 3, column 3: the key '1' stands twice"),
        ("a: &x {b: 1}\nc:\n  <<: *x\n  <<: *x", r"line 4, column 3: the key '<<' stands twice"),
        ("a: 010", r"line 1, column 4: 010 is octal to some readers; write 10, or quote it"),
        ("a: -0123", "write -123, or quote it"),
        ("a: .inf", r"\.inf is no finite number; write text in quotes"),
        ("a: .NaN", "is no finite number"),
        ("revision: 12e4567", "12e4567 is no finite number; write text in quotes"),
        ("a: " + "9" * 5_000, "a number of 5000 digits"),
        ("a:\n\tb: 1", r"line 2, column 1: not valid YAML: .*; indent with spaces, not tabs"),
        ("a: b: c", r"line 1, column 5: not valid YAML: mapping values are not allowed"),
        ("a: [1, 2\nb: 3", r"line \d.*not valid YAML"),
        ("a: 'open", "not valid YAML: found unexpected end of stream"),
        ("a: \x07", "not valid YAML: .*control characters are not allowed"),
        ("a: *nowhere", r"line 1, column 4: no value before it has the anchor '&nowhere'"),
        ("a: &a [1, *a]", "no value before it has the anchor '&a'"),
        ("a: !!python/object/apply:os.system [ls]", "the tag '!!python/object/apply:os.system' is not allowed here"),
        ("a: !!int x", "'x' is not of the type !!int"),
        ("a: !!set {b}", "the tag '!!set' is not allowed here"),
        ("? [a, b]\n: 1", "a key must be text"),
        ("? {a: b}\n: 1", "a key must be text"),
        ("a: 1\n---\nb: 2", r"line 2, column 1: a second document begins"),
        ("a: {<<: 3}", "'<<' needs a mapping"),
        ("a: " + "[" * 100_000, "nested deeper than 64 levels"),
        ("- " * 5_000, "nested deeper than 64 levels"),
    ],
)
def test_faults_have_line_and_remedy(text, message):
    with pytest.raises(InputError, match=rf"^x\.yaml: .*{message}") as raised:
        parse_yaml(text, "x.yaml")
    assert "\n" not in str(raised.value)


def test_aliases_do_not_multiply_without_end():
    names = "abcdefghij"
    lines = ["a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"{name}: &{name} [{', '.join([f'*{below}'] * 10)}]" for below, name in pairwise(names)]
    begin = time.perf_counter()
    with pytest.raises(InputError, match="more than 200,000 values, aliases counted as what they stand for"):
        parse_yaml("\n".join(lines), "x.yaml")
    assert time.perf_counter() - begin < 20


def test_what_an_alias_stands_for_can_be_changed_alone():
    value = parse_yaml("a: &x {b: [1]}\nc: *x", "x.yaml")
    value["c"]["b"].append(2)
    assert value == {"a": {"b": [1]}, "c": {"b": [1, 2]}}


def test_tags_of_others_are_text_where_that_is_wanted():
    text = "doc_to_text: !function preprocess.doc_to_text\nn: 1"
    assert parse_yaml(text, "t.yaml", ("!function",)) == {"doc_to_text": "preprocess.doc_to_text", "n": 1}
    with pytest.raises(InputError, match="the tag '!function' is not allowed here"):
        parse_yaml(text, "t.yaml")


def test_the_projects_own_files_are_what_pyyaml_reads_but_for_numbers(project):
    """An independent reader agrees on everything but `3e-5`, which it takes for text, and `no`, for false."""

    def same(ours, theirs):
        if isinstance(ours, dict):
            keys = ["no" if key is False else str(key) for key in theirs]
            return [*ours] == keys and all(map(same, ours.values(), theirs.values()))
        if isinstance(ours, list):
            return len(ours) == len(theirs) and all(map(same, ours, theirs))
        if isinstance(ours, float):
            return ours == float(theirs)
        return ours == theirs or (ours == "no" and theirs is False)

    files = [*(project / "config").rglob("*.yaml"), *(project / "workflow").rglob("*.yaml")]
    assert len(files) > 5
    for file in files:
        assert same(read_yaml(file), yaml.safe_load(file.read_text())), file


def test_a_mapping_is_asked_for(tmp_path):
    (tmp_path / "x.yaml").write_text("")
    assert read_mapping(tmp_path / "x.yaml") == {}
    for text, kind in [("- a", "a list"), ("a", "text"), ("3", "a number"), ("true", "true or false")]:
        (tmp_path / "x.yaml").write_text(text)
        with pytest.raises(InputError, match=rf"x\.yaml: the top level must be a mapping of keys, it is {kind}"):
            read_mapping(tmp_path / "x.yaml")


def test_a_mark_and_windows_lines_are_read(tmp_path):
    (tmp_path / "x.yaml").write_bytes(b"\xef\xbb\xbfa: 1\r\nb: [no]\r\n")
    assert read_yaml(tmp_path / "x.yaml") == {"a": 1, "b": ["no"]}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_front_matter_of_a_data_card(tmp_path, end):
    card = tmp_path / "README.md"
    card.write_bytes(end.join(["---", "license: mit", "configs:", "- config_name: no", "---", "# T", "---"]).encode())
    assert read_front_matter(card) == {"license": "mit", "configs": [{"config_name": "no"}]}
    card.write_text("# no front matter\n---\na: 1\n---\n")
    assert read_front_matter(card) == {}
    card.write_text("---\na: 1\n")
    with pytest.raises(InputError, match="the front matter begins in line 1 and does not end"):
        read_front_matter(card)
    card.write_text("---\n- a\n---\n")
    with pytest.raises(InputError, match="the front matter must be a mapping of keys, it is a list"):
        read_front_matter(card)
    card.write_text("---\na: 1\na: 2\n---\n")
    with pytest.raises(InputError, match=r"README\.md: front matter: line 3, column 1: the key 'a' stands twice"):
        read_front_matter(card)
