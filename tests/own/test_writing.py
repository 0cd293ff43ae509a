"""Entries are written into a configuration file, and nothing else in it changes."""

import pytest

from polytune.errors import InputError
from polytune.own.writing import insert, write_entries
from polytune.readers.yaml import parse_yaml

MINE = """\
# my studies
studies: [small]   # one
scale: full

own:
  # bases of mine
  bases:
    first:
      architecture: decoder
      location: /models/first
      tokenizer: first
      licence: mit

locations:
  bases: {first: /models/first}
"""
ROW = {"architecture": "decoder", "location": "org/second", "tokenizer": "no", "licence": "CC BY-SA 4.0"}


@pytest.mark.parametrize(
    "text, keys",
    [
        ("", ("own", "bases", "second")),
        ("scale: full\n", ("own", "bases", "second")),
        (MINE, ("own", "bases", "second")),
        (MINE, ("own", "sources", "second")),
        (MINE.replace("locations:", "data: {}\nlocations:"), ("own", "bases", "second")),
        ("own:\n    bases:\n        a: {x: y}\n", ("own", "bases", "second")),
        ("own:\nscale: full\n", ("own", "bases", "second")),
    ],
)
def test_a_text_with_an_entry_is_the_text_and_the_entry(text, keys):
    """Every line that was there stays, in its order, and the values are those merged by another way."""
    longer = insert(text, keys, ROW)
    kept = iter(longer.splitlines())
    assert all(line in kept for line in text.splitlines())
    expected = parse_yaml(text, "") or {}
    place = expected
    for key in keys[:-1]:
        place[key] = place.get(key) or {}
        place = place[key]
    place[keys[-1]] = ROW
    assert parse_yaml(longer, "") == expected


def test_an_entry_is_checked_before_anything_is_written(tmp_path):
    file = tmp_path / "my.yaml"
    file.write_text(MINE)
    entry = (("own", "bases", "second"), ROW)
    write_entries(file, [entry])
    text = file.read_text()
    write_entries(file, [entry])  # the same once more
    assert file.read_text() == text and text.startswith("# my studies\nstudies: [small]   # one\n")
    for row, message in (
        (ROW | {"licence": "mit"}, r"own\.bases\.second is there already, with other values"),
        ({**ROW, "architecture": "encoder"}, r"own\.bases: base 'third': architecture is 'encoder'"),
    ):
        name = "second" if "already" in message else "third"
        with pytest.raises(InputError, match=message):
            write_entries(file, [(("own", "bases", name), row)])
        assert file.read_text() == text
    with pytest.raises(InputError, match=r"own\.bases\.bloom-7b1: config/bases\.tsv has this name; choose another"):
        write_entries(file, [(("own", "bases", "bloom-7b1"), ROW)])


@pytest.mark.parametrize("text", ["own:\n", "own:\n  bases:\n", "own:\n# nothing yet\nscale: full\n", "own: {}\n"])
def test_a_section_with_nothing_below_it_takes_an_entry(tmp_path, text):
    file = tmp_path / "my.yaml"
    file.write_text(text)
    if "{" in text:
        with pytest.raises(InputError, match="cannot be extended line by line"):
            write_entries(file, [(("own", "bases", "second"), ROW)])
        return
    write_entries(file, [(("own", "bases", "second"), ROW)])
    assert parse_yaml(file.read_text(), "")["own"] == {"bases": {"second": ROW}}


def test_a_section_that_is_no_mapping_is_said(tmp_path):
    file = tmp_path / "my.yaml"
    file.write_text("own:\n  bases: 3\n")
    with pytest.raises(InputError, match=r"my\.yaml: own\.bases is 3, expected a mapping of keys"):
        write_entries(file, [(("own", "bases", "second"), ROW)])


def test_a_section_in_braces_is_refused_with_the_lines_to_write(tmp_path):
    file = tmp_path / "my.yaml"
    file.write_text("own: {bases: {}}\n")
    with pytest.raises(
        InputError, match=r"write this into it yourself:\nown:\n  bases:\n    second:\n      architecture"
    ):
        write_entries(file, [(("own", "bases", "second"), ROW)])
    assert file.read_text() == "own: {bases: {}}\n"
