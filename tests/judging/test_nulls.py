"""Null responders: what they say, and that nobody can mistake them for answers."""

from __future__ import annotations

import json

import pyarrow.parquet
import pytest

from polytune.errors import InputError
from polytune.judging.nulls import CONSTANT, command
from tests.cases.judging_cases import ITEMS, LANGUAGES, RUN, Study, answers, two_turned, write_responses


@pytest.fixture
def study(tmp_path) -> Study:
    return Study(tmp_path)


def answer(study: Study, kind: str, languages=LANGUAGES, items=None, donor=False, **values) -> list[dict]:
    entry = {"name": "questions", "prompts": "questions-x", "languages": list(languages), "items": items}
    spec = {"run": f"null-x/null/{kind}/seed0", "kind": kind, "responses": [entry | values]}
    path = study.root / "null.json"
    path.write_text(json.dumps(spec))
    output = study.root / "null"
    command(path, study.root / "prompts", output, study.responses(RUN) if donor else None)
    return pyarrow.parquet.read_table(output / "questions.parquet").to_pylist()


def said(rows: list[dict]) -> dict[tuple, str]:
    return {(row["language"], row["item"], row["turn"]): row["text"] for row in rows}


def test_each_kind_says_its_own(study):
    places = set(answers(RUN))
    for kind, text in (("empty", ""), ("constant", CONSTANT)):
        found = said(answer(study, kind))
        assert set(found) == places and set(found.values()) == {text}
    copied = said(answer(study, "copied-prompt"))
    assert copied["en", 2, 2] == "en and then 2?" and copied["fr", 2, 1] == "fr question 2?"
    borrowed = said(answer(study, "other-language", donor=True))
    assert borrowed == {(code, *place): answers(RUN)["fr" if code == "en" else "en", *place] for code, *place in places}


def test_the_layout_is_that_of_responses(study):
    rows = answer(study, "copied-prompt", items=3)
    assert len(rows) == len(LANGUAGES) * (3 + sum(map(two_turned, range(3))))
    assert rows[0] == {
        "language": "en",
        "item": 0,
        "turn": 1,
        "text": "en question 0?",
        "tokens": 3,
        "prompt_tokens": 3,
        "stop": "end",
    }
    marker = json.loads((study.root / "null" / "questions.json").read_text())
    assert (marker["rows"], marker["truncated"]) == (len(rows), {"en": 0, "fr": 0})
    answer(study, "copied-prompt", items=ITEMS)
    assert json.loads((study.root / "null" / "questions.json").read_text())["digest"] != marker["digest"]


def test_what_cannot_be_answered_is_one_line(study):
    with pytest.raises(InputError, match="kind: no 'constent'; did you mean 'constant'"):
        answer(study, "constent")
    with pytest.raises(InputError, match="'other-language' needs --donor"):
        answer(study, "other-language")
    with pytest.raises(InputError, match="'empty' takes no --donor"):
        answer(study, "empty", donor=True)
    with pytest.raises(InputError, match="'other-language' needs two languages or more"):
        answer(study, "other-language", languages=["en"], donor=True)
    with pytest.raises(InputError, match="unknown key 'item'; did you mean 'items'"):
        answer(study, "empty", item=3)
    write_responses(study.responses(RUN), {place: "a" for place in answers(RUN) if place != ("fr", 3, 1)})
    with pytest.raises(InputError, match="no answer to item 3, turn 1 in 'fr', which 'other-language' borrows"):
        answer(study, "other-language", donor=True)
