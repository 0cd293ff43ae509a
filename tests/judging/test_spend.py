"""What judging costs: the forecast against what is counted."""

from __future__ import annotations

from dataclasses import astuple
from statistics import fmean

import pytest

from polytune.costs.assumptions import Assumptions
from polytune.judging import judge
from polytune.judging.protocols import PROTOCOLS
from polytune.judging.replies import Reply
from polytune.judging.spend import Lengths, Usage, estimate_tokens, forecast, used
from tests.cases.judging_cases import (
    ITEMS,
    LANGUAGES,
    OPPONENT,
    RUN,
    Scripted,
    Study,
    answers,
    make_judge,
    server_entry,
    two_turned,
)

SECOND_TURNS = sum(map(two_turned, range(ITEMS)))
SAID = "Because it is so. Verdict: [[{}]]"


def counted(question, text, attempt) -> Reply:
    """A judge whose tokens are counted as the forecast estimates them."""
    return Reply(SAID.format(2 if question.protocol.scale else "C"), estimate_tokens(text), estimate_tokens(SAID))


@pytest.mark.parametrize("protocol", [name for name, one in PROTOCOLS.items() if not one.computed])
def test_the_forecast_is_near_what_was_used(tmp_path, monkeypatch, protocol):
    study = Study(tmp_path)
    monkeypatch.setattr(judge, "open_backend", lambda *_: Scripted(counted))
    judge.command(**study.options(protocol=protocol, repeat_share=0.05, judge=server_entry()))
    actual = Usage(**study.marker()["used"])
    texts = [answers(run)[place] for run in (RUN, OPPONENT) for place in answers(RUN)]
    lengths = Lengths(
        question=estimate_tokens("en question 1?"),
        answer=fmean(map(estimate_tokens, texts)),
        judgement=estimate_tokens(SAID),
    )
    items = {1: ITEMS, 2: SECOND_TURNS}
    one = forecast(PROTOCOLS[protocol], make_judge(server_entry()), items, lengths, 0.05)
    expected = sum((one for _ in LANGUAGES), Usage())
    assert expected.calls == pytest.approx(actual.calls, abs=2 * len(LANGUAGES)), "the repeat block is one item"
    assert astuple(expected)[1:] == pytest.approx(astuple(actual)[1:], rel=0.2)


def test_the_worlds_judge_says_as_much_as_is_forecast():
    assumed = Assumptions().content["generation"]["judgement_tokens"]["world"]
    said = [f"By what is true in the world. {verdict}" for verdict in ("Rating: [[3]]", "Verdict: [[A]]")]
    assert [estimate_tokens(text) for text in said] == pytest.approx([assumed] * 2, rel=0.1)


def test_a_forecast_by_hand():
    protocol = PROTOCOLS["side-by-side"]
    entry = make_judge(server_entry(price_per_million_tokens={"prompt": 10, "completion": 100}))
    usage = forecast(protocol, entry, {1: 40}, Lengths(question=7, answer=11, judgement=5), 0.05)
    shown = estimate_tokens(protocol.text(1, False)) + 7 + 2 * 11
    assert astuple(usage) == pytest.approx((84, 84 * shown, 84 * 5, 84 * (shown * 10 + 5 * 100) / 1e6))


def test_references_are_shown_where_the_protocol_shows_them():
    entry, lengths = make_judge(server_entry()), Lengths(question=7, answer=11, judgement=5, reference=1000)
    for name, more in {"rating-10": 1000, "rating-3": 0}.items():
        usage = forecast(PROTOCOLS[name], entry, {1: 1}, lengths, 0.0)
        assert usage.prompt_tokens == estimate_tokens(PROTOCOLS[name].text(1, True)) + 18 + more


def test_a_request_that_rows_share_is_paid_once():
    row = {"key": "a", "attempts": 2, "prompt_tokens": 10, "completion_tokens": 5, "price": 0.5}
    assert used([row, dict(row), row | {"key": "b"}]) == Usage(4, 20, 10, 1.0)
    assert used([]) == Usage()
