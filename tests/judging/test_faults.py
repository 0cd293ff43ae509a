"""A judge behind a server that fails: everything is survived, nothing is billed twice, no fault becomes a score."""

from __future__ import annotations

import time

import pytest

from polytune.errors import InputError
from polytune.judging import asking, judge
from polytune.judging.server import retry_after
from tests.cases.fault_server import FAULTS, serve
from tests.cases.judging_cases import Study, make_judge, server_entry

KEY = "sk-secret-0123456789"
ANSWERS = ("wrong model", "says nothing", "says null", "refuses", "filtered")
"""Faults of answers, which are paid for: the question is put again."""


@pytest.fixture
def study(tmp_path, monkeypatch) -> Study:
    monkeypatch.setattr(asking, "FIRST_WAIT_SECONDS", 0.01)
    monkeypatch.setenv("TEST_JUDGE_KEY", KEY)
    return Study(tmp_path)


@pytest.fixture
def server(monkeypatch):
    with serve() as running:
        monkeypatch.setenv("TEST_JUDGE_URL", running.url)
        yield running


def run(study: Study, max_spend: float | None = None, concurrency: int | None = None, **entry) -> list[dict]:
    """Judge the English questions once; returns the rows."""
    judged = [{"responses": "questions", "prompts": "questions-x", "languages": ["en"]}]
    options = study.options(judge=server_entry(**entry), judged=judged, repeat_share=0.0)
    judge.command(**options, max_spend=max_spend, concurrency=concurrency)
    return study.rows()


def test_a_spec_that_says_nothing_of_the_server_asks_nothing_again(study, server):
    """The settings come from beside it, as the workflow gives them; the keys of the requests are those of before."""
    first = run(study)
    asked = len(server.requests)
    one = make_judge(server_entry(concurrency=2, price_per_million_tokens={"prompt": 9, "completion": 0}))
    judged = [{"responses": "questions", "prompts": "questions-x", "languages": ["en"]}]
    options = study.options(judge=one.to_spec(), judged=judged, repeat_share=0.0)
    judge.command(**options, reached=[f"{key}={value}" for key, value in one.reaching().items()])
    assert len(server.requests) == asked > 0
    assert study.rows() == first  # with the prices of the day on which they were paid
    with pytest.raises(InputError, match="judge: the key 'url_variable' is missing"):
        judge.command(**options)


STRUCK = ("en question 0?", "en question 4?", "en question 9?")
FIRST_TRIES = [*FAULTS, 429, (429, {"Retry-After": "0.1"}), (503, {"Retry-After": "soon"}), 500, 502, 408]


@pytest.mark.parametrize("fault", FIRST_TRIES, ids=str)
def test_a_fault_of_three_requests_is_survived(study, server, fault):
    struck = set()

    def strike(asked):
        if question_of(asked) in STRUCK and asked.trial == 0 and asked.key.endswith("-0"):
            struck.add(asked.key)
            return fault
        return None

    server.fault = strike
    rows = run(study, timeout_seconds=0.4)
    assert len(struck) == 3
    assert {(row["status"], row["value"]) for row in rows} == {("ok", 2.0)}
    again = len(struck) if fault in ANSWERS else 0
    assert sum(server.billed.values()) == len(rows) + again, "an answer is made once, and once more where it was none"
    if "usage" in str(fault):
        assert all(row["prompt_tokens"] > 50 and row["completion_tokens"] > 0 for row in rows)
    if fault in ANSWERS:
        assert sum(row["attempts"] for row in rows) == len(rows) + again
    assert {row["text"] for row in rows} <= {"Rating: [[2]]", "? [[2]]"}


def test_what_always_fails_is_missing_and_is_asked_alone_next_time(study, server):
    def strike(asked):
        return {"en question 3?": 500, "en question 5?": (400, {}), "en question 6?": "refuses"}.get(question_of(asked))

    server.fault = strike
    rows = {row["item"]: row for row in run(study) if row["turn"] == 1}
    assert {row["status"] for item, row in rows.items() if item not in (3, 5, 6)} == {"ok"}
    assert (rows[3]["status"], rows[3]["attempts"]) == ("failed", 4) and rows[3]["reason"].startswith("status 500")
    assert (rows[5]["status"], rows[5]["attempts"]) == ("failed", 1), "it is the request that is bad"
    assert (rows[6]["status"], rows[6]["attempts"], rows[6]["reason"]) == ("refused", 3, "refused: I do not judge.")
    assert study.marker()["status"] == {"failed": 2, "ok": 9, "refused": 1}
    assert study.marker()["missing"] == {"status 500": 1, "status 400": 1, "refused": 1}
    server.fault = lambda asked: None
    before = len(server.requests)
    rows = {row["item"]: row for row in run(study) if row["turn"] == 1}
    assert {question_of(asked) for asked in server.requests[before:]} == {"en question 3?", "en question 5?"}
    assert {row["status"] for item, row in rows.items() if item != 6} == {"ok"}
    assert rows[6]["status"] == "refused", "asked as often as is allowed"


def question_of(asked) -> str:
    return asked.text.split("== question")[1].split("\n")[1] if "== question" in asked.text else ""


@pytest.mark.parametrize("status", [401, 403, 404])
def test_what_would_happen_to_every_request_stops_at_once(study, server, status):
    server.fault = lambda asked: status
    with pytest.raises(InputError) as caught:
        run(study)
    message = str(caught.value)
    assert message.startswith("judge 'served'") and f"status {status}" in message
    assert KEY not in message and server.url not in message and "[hidden]" in message
    assert len(server.requests) <= 3, "as many as were under way"


def test_a_server_that_is_gone_ends_the_job_and_what_was_answered_is_kept(study, server, monkeypatch):
    server.fault = lambda asked: "hang up" if len(server.requests) > 4 else None
    monkeypatch.setattr(asking, "GIVE_UP_AFTER", 5)
    with pytest.raises(InputError, match="5 questions in a row got no answer, the last: no connection"):
        run(study, retries=1, concurrency=1)
    assert len(server.billed) == 4
    server.fault = lambda asked: None
    assert {row["status"] for row in run(study)} == {"ok"}
    assert len(server.billed) == 12


def test_no_server_at_all(study, monkeypatch):
    monkeypatch.setenv("TEST_JUDGE_URL", "http://127.0.0.1:9/v1")
    with pytest.raises(InputError, match="10 questions in a row got no answer, the last: no connection"):
        run(study, retries=0)
    monkeypatch.delenv("TEST_JUDGE_URL")
    with pytest.raises(InputError, match="the variable TEST_JUDGE_URL of the environment is not set"):
        run(study)


def test_max_spend_stops_cleanly_and_a_higher_one_goes_on(study, server):
    with pytest.raises(InputError, match=r"--max-spend: .* of 0.0005 is spent; what was answered is kept"):
        run(study, max_spend=0.0005, concurrency=1)
    asked = len(server.requests)
    assert 0 < asked < 12
    with pytest.raises(InputError, match="--max-spend"):
        run(study, max_spend=0.0005)
    assert len(server.requests) == asked, "what is spent is in the journal"
    rows = run(study, max_spend=1.0)
    assert len(server.requests) == len(rows) == 12
    tokens = [(len(request.text.split()), 2) for request in server.requests]
    price = sum(prompt * 1e-6 + completion * 2e-6 for prompt, completion in tokens)
    assert study.marker()["used"]["price"] == pytest.approx(price)


def test_a_word_that_serves_as_key_is_no_secret(study, server, monkeypatch):
    """Servers of one's own take any key; `2` must not be blotted out of verdicts."""
    monkeypatch.setenv("TEST_JUDGE_KEY", "2")
    assert {row["value"] for row in run(study)} == {2.0}


def test_requests_keep_to_pace_and_number(study, server):
    server.fault = lambda asked: time.sleep(0.05)
    run(study, concurrency=4)
    assert server.most_at_once == 4
    server.requests.clear()
    run(study, requests_per_minute=1200, sampling={"seed": 2})
    times = sorted(asked.time for asked in server.requests)
    assert len(times) == 12 and times[-1] - times[0] >= 11 * 0.05 * 0.95


def test_a_server_that_asks_to_wait_is_left_alone(study, server):
    server.fault = lambda asked: (429, {"Retry-After": "0.5"}) if len(server.requests) == 1 else None
    run(study, concurrency=1)
    first, second = server.requests[0].time, server.requests[1].time
    assert second - first >= 0.5


def test_retry_after_is_a_number_or_a_date():
    assert retry_after({"retry-after": "7"}) == 7.0
    assert retry_after({"retry-after": "-1"}) == 0.0
    later = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 100))
    assert 90 < retry_after({"retry-after": later}) <= 101
    assert retry_after({"retry-after": "soon"}) is None and retry_after({}) is None


def test_the_request_is_what_the_entry_says(study, server):
    run(study, sampling={"temperature": 0.5, "top_p": 0.9, "max_tokens": 77, "seed": 5})
    body = server.requests[0].body
    assert {key: body[key] for key in ("temperature", "top_p", "max_tokens", "seed", "model")} == {
        "temperature": 0.5,
        "top_p": 0.9,
        "max_tokens": 77,
        "seed": 5,
        "model": "judge-1",
    }
    server.say = lambda asked: "well"
    run(study, sampling={"seed": 6})
    seeds = {(asked.key.rpartition("-")[2], asked.body["seed"]) for asked in server.requests if asked.body["seed"] > 5}
    assert seeds == {("0", 6), ("1", 1006), ("2", 2006)}, "a further attempt is another draw"
