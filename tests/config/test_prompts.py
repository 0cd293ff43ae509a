"""The table of prompt sets."""

import pytest

from polytune import ROOT
from polytune.config.prompts import prompt_sets, read_prompt_sets
from polytune.errors import InputError
from polytune.languages.codes import check_languages

HEADER = "prompts\ttitle\tlayout\tlocation\trevision\tfile\tquestions\tturns\tparallel\tlanguages\tlicence\n"


def test_the_table_of_the_checkout():
    rows = prompt_sets()
    assert {name: (row.layout, row.questions, row.turns) for name, row in rows.items()} == {
        "world-questions": ("fastchat", 100, 2),
        "openassistant-50": ("lines", 50, 1),
        "alpaca-farm": ("alpaca-farm", 617, 1),
        "mt-bench-x": ("fastchat", 80, 2),
        "xquad-held-out": ("instructions", 299, 1),
    }
    for row in rows.values():
        check_languages(row.languages, f"{ROOT}/config/prompts.tsv")
    assert rows["openassistant-50"].file_of("no") == "test_no.jsonl"
    assert rows["mt-bench-x"].file_of("de") == "data/mt_bench_DE/question.jsonl"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"turns": "3"}, "prompts 'a': turns is 3; allowed: 1 to 2"),
        ({"questions": "0"}, "questions is 0"),
        ({"languages": "-"}, "languages is empty"),
        ({"file": "all.jsonl"}, "file is 'all.jsonl', expected text of the pattern"),
        ({"layout": "fastcat"}, "did you mean 'fastchat'"),
    ],
)
def test_values_that_mean_nothing_are_refused(tmp_path, changed, message):
    row = dict(
        prompts="a", title="A", layout="fastchat", location="-", revision="-", file="{language}.jsonl", questions="1",
        turns="1", parallel="yes", languages="en", licence="MIT",
    )  # fmt: skip
    path = tmp_path / "prompts.tsv"
    path.write_text(HEADER + "\t".join((row | changed).values()) + "\n")
    with pytest.raises(InputError, match=message):
        read_prompt_sets(path)
