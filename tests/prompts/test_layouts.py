"""Reading prompt sets: the layouts, and one line for everything that is wrong with a file."""

from __future__ import annotations

import json

import pytest

from polytune.errors import InputError
from polytune.prompts.layouts import read_prompt_file
from polytune.prompts.prompt import Prompt, read_prompts
from polytune.prompts.read import command as read_command

FASTCHAT = {"question_id": "81_DE", "category": "writing", "turns": ["Schreib.", "Noch einmal."], "reference": []}


def write(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


def test_lines_are_numbered_from_0_whatever_their_ids(tmp_path):
    path = write(tmp_path / "en.jsonl", [{"id": "b", "prompt": "Hi?"}, {"id": 7, "prompt": "How?\n"}])
    assert read_prompt_file(path, "lines", "en") == [
        Prompt(0, "b", "", ("Hi?",), ()),
        Prompt(1, "7", "", ("How?\n",), ()),
    ]


def test_alpaca_farm_puts_the_input_after_the_instruction(tmp_path):
    records = [
        {"instruction": "Translate.", "input": "cat", "output": "of another model", "dataset": "koala"},
        {"instruction": "Say.", "input": None},
    ]
    (tmp_path / "fi.json").write_text(json.dumps(records))
    assert read_prompt_file(tmp_path / "fi.json", "alpaca-farm", "fi") == [
        Prompt(0, "row-1", "koala", ("Translate.\n\ncat",), ()),
        Prompt(1, "row-2", "", ("Say.",), ()),
    ]


def test_fastchat_takes_the_item_from_the_id(tmp_path):
    records = [
        FASTCHAT,
        {"question_id": 103, "category": "reasoning", "turns": ["Wer?", "Warum?"], "reference": ["Thomas.", ""]},
        {"question_id": "9", "turns": ["Eins?"]},
    ]
    first, second, third = read_prompt_file(write(tmp_path / "q.jsonl", records), "fastchat", "de")
    assert first == Prompt(81, "81_DE", "writing", ("Schreib.", "Noch einmal."), ())
    assert (second.item, second.id, second.references) == (103, "103", ("Thomas.", ""))
    assert (third.item, third.category, third.turns) == (9, "", ("Eins?",))


@pytest.mark.parametrize(
    ("layout", "records", "message"),
    [
        ("lines", [{"id": "a", "promt": "Hi"}], "row 1: field 'prompt' is missing; .* did you mean 'promt'"),
        ("lines", [{"id": "a", "prompt": " "}], "row 1: field 'prompt' is ' '; it must not be empty"),
        ("lines", [{"id": "a", "prompt": ["Hi"]}], "row 1: field 'prompt' .* must be a text"),
        ("lines", [{"id": "a", "prompt": "\ud83d"}], "row 1: field 'prompt' .* surrogate pair"),
        ("lines", [{"id": None, "prompt": "Hi"}], "row 1: field 'id' is None"),
        ("lines", [{"id": "a", "prompt": "Hi"}] * 2, "row 2: the id 'a' stands already in row 1"),
        ("lines", [], "holds no prompts"),
        ("alpaca-farm", [{"instruction": "a", "input": 3}], "row 1: field 'input' is 3"),
        ("fastchat", [FASTCHAT | {"question_id": "de-81"}], "field 'question_id' .* '81_DE'"),
        ("fastchat", [FASTCHAT | {"question_id": "81_FR"}], "a question in 'fr', the file is read as 'de'"),
        ("fastchat", [FASTCHAT, FASTCHAT | {"question_id": 81}], "row 2: the id '81' stands already in row 1"),
        ("fastchat", [FASTCHAT | {"turns": []}], "'turns' has 0 texts; allowed: 1 to 2"),
        ("fastchat", [FASTCHAT | {"turns": ["a", "b", "c"]}], "'turns' has 3 texts"),
        ("fastchat", [FASTCHAT | {"turns": "a"}], "field 'turns' is text, expected a list"),
        ("fastchat", [FASTCHAT | {"turns": ["a", 2]}], r"field 'turns\[1\]' is 2"),
        ("fastchat", [FASTCHAT | {"reference": ["only one"]}], "'reference' has 1 texts for 2 turns"),
        ("fast-chat", [FASTCHAT], "unknown layout 'fast-chat'; did you mean 'fastchat'"),
    ],
)
def test_every_fault_is_one_line_with_file_row_and_field(tmp_path, layout, records, message):
    path = write(tmp_path / "bad.jsonl", records)
    with pytest.raises(InputError, match=message) as caught:
        read_prompt_file(path, layout, "de")
    assert str(caught.value).startswith(str(path)) and "\n" not in str(caught.value)


def test_parquet_gives_back_what_was_read_and_the_report_counts_it(tmp_path):
    records = [FASTCHAT, {"question_id": "82_DE", "turns": ["日本?\u2028"], "reference": ["ja"]}]
    path = write(tmp_path / "q.jsonl", records)
    read_command("fastchat", "de", path, tmp_path / "de.parquet", tmp_path / "de.report.json")
    assert read_prompts(tmp_path / "de.parquet") == read_prompt_file(path, "fastchat", "de")
    report = json.loads((tmp_path / "de.report.json").read_text())
    assert (report["rows"], report["turns"], report["with_reference"]) == (2, 3, 1)
    write(path, [FASTCHAT, records[1] | {"reference": ["nein"]}])
    read_command("fastchat", "de", path, tmp_path / "de.parquet", tmp_path / "again.json")
    assert json.loads((tmp_path / "again.json").read_text())["digest"] != report["digest"]


def test_an_unknown_language_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="no language 'jpp'; did you mean 'ja'"):
        read_command("lines", "jpp", tmp_path / "x", tmp_path / "y", tmp_path / "z")
