"""Splitting a source by paragraph: nothing of a question that is asked was seen in training."""

from __future__ import annotations

import json

import pytest

from polytune.errors import InputError
from polytune.own.split import choose_test, command, group_ids
from polytune.own.squad import read_squad


def write(folder, language, rows):
    folder.mkdir(exist_ok=True)
    text = "".join(
        json.dumps(dict(zip(("id", "instruction", "input", "output"), row, strict=True))) + "\n" for row in rows
    )
    (folder / f"{language}.jsonl").write_text(text)


def read(folder, part, language):
    return [json.loads(line) for line in (folder / part / f"{language}.jsonl").read_text().splitlines()]


def questions(language, paragraphs, questions_each=3):
    return [
        (f"q{paragraph}-{number}", f"{language} {number}?", f"{language} paragraph {paragraph}", f"{language} {number}")
        for paragraph in range(paragraphs)
        for number in range(questions_each)
    ]


def test_no_paragraph_is_in_both_parts(tmp_path):
    for language in ("en", "de", "th"):
        write(tmp_path / "rows", language, questions(language, 40))
    command(str(tmp_path / "rows"), tmp_path / "split", share=0.3, by="input", seed=1)
    for language in ("en", "de", "th"):
        train, test = (read(tmp_path / "split", part, language) for part in ("train", "test"))
        assert (len(train), len(test)) == (84, 36)
        assert not {row["input"] for row in train} & {row["input"] for row in test}
        assert {row["id"] for row in train} | {row["id"] for row in test} == {row[0] for row in questions(language, 40)}
    # parallel, line by line
    orders = {tuple(row["id"] for row in read(tmp_path / "split", "test", code)) for code in ("en", "de", "th")}
    assert len(orders) == 1
    # the first questions are a sample over the paragraphs, not those of the first few
    assert len({identifier.split("-")[0] for identifier in orders.pop()[:6]}) >= 4
    report = json.loads((tmp_path / "split/split.json").read_text())
    assert report["groups"] == 40 and report["rows"] == {"train": 84, "test": 36}


def test_a_file_without_rows_is_said(tmp_path):
    for language in ("en", "de"):
        write(tmp_path / "rows", language, questions(language, 4))
    (tmp_path / "rows/en.jsonl").write_text("\n")
    with pytest.raises(InputError, match=r"en\.jsonl: holds no rows"):
        command(str(tmp_path / "rows"), tmp_path / "split")


def test_paragraphs_that_one_language_joins_stay_together():
    rows = {"en": questions("en", 3), "de": questions("de", 3)}
    joined = [(*row[:2], "de both", row[3]) if row[0][:2] in ("q0", "q1") else row for row in rows["de"]]
    from polytune.data.rows import Row

    made = {code: [Row(*row) for row in of_language] for code, of_language in {**rows, "de": joined}.items()}
    assert [len(group) for group in group_ids(made, "input")] == [6, 3]


def test_another_seed_asks_other_paragraphs_and_a_larger_share_asks_more():
    groups = [[f"q{group}-{number}" for number in range(3)] for group in range(50)]
    small, large, other = choose_test(groups, 0.1, 1), choose_test(groups, 0.4, 1), choose_test(groups, 0.1, 2)
    assert set(small) < set(large) and len(small) == 15 and len(large) == 60
    assert set(small) != set(other)


def test_rows_that_a_language_lacks_are_left_out_and_counted(tmp_path):
    write(tmp_path / "rows", "en", questions("en", 4))
    write(tmp_path / "rows", "de", questions("de", 4)[1:])
    command(str(tmp_path / "rows"), tmp_path / "split", share=0.5, by="input", seed=1)
    report = json.loads((tmp_path / "split/split.json").read_text())
    assert report["not_in_every_language"] == {"en": 1, "de": 0} and sum(report["rows"].values()) == 11


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"by": "inptu"}, "--by: 'inptu' is no field of a row; did you mean 'input'"),
        ({"share": 1.0}, "--share: 1 of 4 groups leaves a part empty"),
    ],
)
def test_what_cannot_be_split_is_said(tmp_path, options, message):
    write(tmp_path / "rows", "en", questions("en", 4))
    with pytest.raises(InputError, match=message):
        command(str(tmp_path / "rows"), tmp_path / "split", **{"share": 0.5, "by": "input", "seed": 1, **options})


def test_an_empty_paragraph_is_an_error(tmp_path):
    write(tmp_path / "rows", "en", [("a", "why?", "", "so")])
    with pytest.raises(InputError, match="language 'en', id 'a': 'input' is empty"):
        command(str(tmp_path / "rows"), tmp_path / "split", share=0.5, by="input", seed=1)


QA = {"id": "1", "question": "Who?", "answers": [{"text": "Ada", "answer_start": 0}, {"text": "she"}]}


def test_squads_release_and_its_rows_are_the_same(tmp_path):
    nested = {"version": "1.1", "data": [{"title": "t", "paragraphs": [{"context": "Ada came.", "qas": [QA]}]}]}
    (tmp_path / "nested.json").write_text(json.dumps(nested))
    flat = {**QA, "context": "Ada came.", "answers": {"text": ["Ada", "she"], "answer_start": [0, 0]}}
    (tmp_path / "flat.jsonl").write_text(json.dumps(flat))
    for name in ("nested.json", "flat.jsonl"):
        (row,) = read_squad(tmp_path / name)
        assert (row.id, row.instruction, row.input, row.output) == ("1", "Who?", "Ada came.", "Ada")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"answers": []}, "a question has no answer"),
        ({"question": " "}, "field 'question' is empty"),
        ({"id": 3}, "field 'id' is 3, expected text"),
    ],
)
def test_a_broken_question_is_said(tmp_path, change, message):
    nested = {"data": [{"paragraphs": [{"context": "Ada came.", "qas": [{**QA, **change}]}]}]}
    (tmp_path / "en.json").write_text(json.dumps(nested))
    with pytest.raises(InputError, match=f"en.json: row 1: {message}"):
        read_squad(tmp_path / "en.json")
