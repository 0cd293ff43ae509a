"""`polytune judge` on the disk: what is asked, what is written, what is asked again."""

from __future__ import annotations

import json
import math

import pytest

from polytune.config.judges import Judge
from polytune.errors import InputError
from polytune.judging import judge
from polytune.judging.exact import ExactJudge
from tests.cases.judging_cases import (
    ITEMS,
    LANGUAGES,
    OPPONENT,
    RUN,
    Scripted,
    Study,
    Truth,
    answers,
    judge_entry,
    make_spec,
    two_turned,
    write_responses,
)


@pytest.fixture
def study(tmp_path) -> Study:
    return Study(tmp_path)


@pytest.fixture
def asked(monkeypatch):
    """Let the command ask this judge; returns what sets it."""

    def use(backend):
        monkeypatch.setattr(judge, "open_backend", lambda *_: backend)
        return backend

    return use


def exact(**options) -> ExactJudge:
    return ExactJudge(Judge.from_json(judge_entry(options=options), "test"), Truth(), "digest of a world")


def test_ratings_are_the_truth_in_order(study, asked):
    asked(exact())
    judge.command(**study.options())
    rows, texts = study.rows(), answers(RUN)
    places = [(code, item, turn) for code in LANGUAGES for item in range(ITEMS) for turn in (1, 2)]
    expected = [place for place in places if place[2] == 1 or two_turned(place[1])]
    first = [row for row in rows if row["repeat"] == 0]
    assert [(row["language"], row["item"], row["turn"]) for row in first] == expected
    for row in rows:
        truth = Truth().rate(0, 0, texts[row["language"], row["item"], row["turn"]])
        assert (row["status"], row["value"], row["order"]) == ("ok", truth, "")
        assert row["text"].endswith(f"[[{truth}]]")
    repeated = {row["item"] for row in rows if row["repeat"]}
    assert len(repeated) == 1, "5 % of ten items, rounded up"
    assert sum(row["repeat"] for row in rows) == sum(row["item"] in repeated for row in first)
    marker = study.marker()
    assert marker["status"] == {"ok": len(rows)} and marker["missing"] == {}
    assert marker["used"]["calls"] == len(rows) == marker["rows"]


def test_both_orders_are_asked_and_valued_for_the_run(study, asked):
    asked(exact())
    judge.command(**study.options(protocol="side-by-side"))
    own, other = answers(RUN), answers(OPPONENT)
    by_place = {}
    for row in study.rows():
        place = (row["language"], row["item"], row["turn"])
        rates = [Truth().grade(0, 0, texts[place]) for texts in (own, other)]
        assert row["value"] == (rates[0] > rates[1]) + 0.5 * (rates[0] == rates[1])
        by_place.setdefault((*place, row["repeat"]), []).append(row["order"])
    assert set(map(tuple, by_place.values())) == {("first", "second")}
    assert (study.root / "verdicts" / "questions" / "against" / f"{OPPONENT}.parquet").is_file()


def test_a_judge_who_loves_the_first_seat_shows_in_the_order(study, asked):
    asked(Scripted(lambda question, text, attempt: "[[A]]"))
    judge.command(**study.options(protocol="side-by-side"))
    assert {(row["order"], row["value"]) for row in study.rows()} == {("first", 1.0), ("second", 0.0)}


def test_nothing_is_asked_twice(study, asked):
    backend = asked(Scripted())
    judge.command(**study.options())
    asked_once, rows = len(backend.asked), study.rows()
    assert asked_once == len(rows) > 20
    for path in (study.root / "verdicts").rglob("*.*"):
        path.unlink()
    judge.command(**study.options())
    assert len(backend.asked) == asked_once and study.rows() == rows
    # a larger repeat block asks for what is new in it
    judge.command(**study.options(repeat_share=0.3))
    assert 0 < len(backend.asked) - asked_once < asked_once
    assert {(row["item"]) for row in rows if row["repeat"]} < {row["item"] for row in study.rows() if row["repeat"]}


def test_another_way_of_reading_asks_nothing(study, asked, monkeypatch):
    backend = asked(Scripted(lambda question, text, attempt: "Rating: <2>"))
    options = study.options()
    judge.command(**options)
    sent = len(backend.asked)
    assert study.marker()["missing"] == {"no verdict": sent // 3} == {"no verdict": len(study.rows())}
    monkeypatch.setattr("polytune.judging.protocols.DOUBLE", r"<\s*({})\s*>")
    judge.command(**options)
    assert len(backend.asked) == sent
    assert {row["value"] for row in study.rows()} == {2.0}


def test_equal_words_of_two_runs_are_one_request(study, asked):
    write_responses(study.responses(OPPONENT), answers(RUN))
    backend = asked(Scripted())
    options = study.options()
    twice = {"spec": options["spec"] * 2, "responses": [study.responses(RUN), study.responses(OPPONENT)]}
    judge.command(**options | twice | {"output": [study.root / "verdicts", study.root / "other"]})
    assert len(backend.asked) == len(study.rows())
    assert (study.root / "other" / "questions.parquet").is_file()


def test_what_came_to_no_verdict_is_missing_with_a_reason(study, asked):
    said = {0: "[[1]] or rather [[2]]", 3: "[[7]]", 4: "", 5: "I would rather not.", 6: "[2]"}
    backend = asked(Scripted(lambda question, text, attempt: said.get(question.item, f"attempt [[{1 + attempt}]]")))
    judge.command(**study.options(repeat_share=0.0))
    found = {row["item"]: row for row in study.rows() if row["language"] == "en"}
    reasons = {item: (found[item]["status"], found[item]["reason"], found[item]["attempts"]) for item in range(7)}
    assert reasons == {
        0: ("unparsable", "different verdicts", 3),
        1: ("ok", "", 1),
        2: ("ok", "", 1),
        3: ("unparsable", "outside the scale", 3),
        4: ("unparsable", "nothing said", 3),
        5: ("unparsable", "no verdict", 3),
        6: ("ok", "", 1),
    }
    assert found[5]["text"] == said[5], "what was said is kept"
    for item, row in found.items():
        assert math.isnan(row["value"]) == (item in (0, 3, 4, 5))
        assert row["prompt_tokens"] == sum(len(text.split()) for asked, text, *_ in backend.asked if same(asked, row))


def same(question, row) -> bool:
    return all(getattr(question, name) == row[name] for name in ("language", "item", "turn", "order", "repeat"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"protocol": "rating-4"}, "no protocol 'rating-4'; did you mean 'rating-3'"),
        ({"judge": judge_entry(sampling={})}, "sampling: means nothing to a judge with backend 'world'"),
        ({"judge": judge_entry(options={"nois": 1})}, "unknown key 'options.nois'; did you mean 'noise'"),
        ({"judge": judge_entry(backend="server")}, "the key 'model' is missing; a judge with backend 'server'"),
        ({"protocol_text_digest": "0"}, "the words of 'rating-3' have changed"),
        ({"opponent": OPPONENT}, "'rating-3' rates; write null"),
        ({"repeat_share": 1.5}, "repeat_share: is 1.5; it must be"),
        ({"judged": []}, "whose 'judged' is a list of mappings that is not empty"),
    ],
)
def test_bad_specs_are_one_line(study, change, message):
    options = study.options()
    spec = {**make_spec(), **change}
    options["spec"][0].write_text(json.dumps(spec))
    with pytest.raises(InputError) as caught:
        judge.command(**options)
    assert str(caught.value).startswith(str(options["spec"][0])) and message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bad_responses_are_one_line(study, asked):
    asked(Scripted())
    texts = answers(RUN)
    cases = {
        "no answers in 'fr'": {place: text for place, text in texts.items() if place[0] == "en"},
        "its prompt set has no turn 2": texts | {("en", 0, 2): "more"},
        "turn 2 is there, turn 1 is not": {place: text for place, text in texts.items() if place != ("en", 2, 1)},
        "item 99: its prompt set": texts | {("en", 99, 1): "more"},
    }
    for message, changed in cases.items():
        write_responses(study.responses(RUN), changed)
        with pytest.raises(InputError, match=message):
            judge.command(**study.options())
    write_responses(study.responses(RUN), dict(list(texts.items())[:-1]))
    with pytest.raises(InputError, match="item 9, turn 1 is answered by one of the two runs only"):
        judge.command(**study.options(protocol="side-by-side"))
    with pytest.raises(InputError, match="--output: is given 1 times for 2 specs"):
        options = study.options()
        judge.command(**options | {"spec": options["spec"] * 2, "responses": options["responses"] * 2})
