"""What a judge is shown, and what counts as its verdict."""

from __future__ import annotations

import random
import re

import pytest

from polytune.errors import InputError
from polytune.judging.protocols import FOLDER, PLACEHOLDER, PROTOCOLS, find_protocol, render
from polytune.judging.questions import Question
from polytune.prompts.prompt import Prompt
from tests.cases.judging_cases import hostile_text

ASKED = {name: protocol for name, protocol in PROTOCOLS.items() if not protocol.computed}
"""Those whose texts somebody reads."""
RATING_3, RATING_10, DUEL = (PROTOCOLS[name] for name in ("rating-3", "rating-10", "side-by-side"))


@pytest.mark.parametrize(
    ("protocol", "said", "value", "reason"),
    [
        (RATING_10, "Good. Rating: [[8]]", 8.0, ""),
        (RATING_10, "Good. Rating: [8]", 8.0, ""),
        (RATING_10, "As [1] says, fine. [[8]]", None, "different verdicts"),
        (RATING_10, "As [12] says, fine. [[8]]", 8.0, ""),
        (RATING_10, "As [12] says, fine. [8]", None, "different verdicts"),
        (RATING_10, "It returns x[1], f(x)[2] and x[3][4]. [[8]]", 8.0, ""),
        (RATING_10, "[[8]], that is [8]", 8.0, ""),
        (RATING_10, "[[8]], that is [ 8.0 ]", 8.0, ""),
        (RATING_10, "[[8]] so, again: [[8]]", 8.0, ""),
        (RATING_10, "[[ 7.5 ]]", 7.5, ""),
        (RATING_10, "[[8]] or [[9]]", None, "different verdicts"),
        (RATING_10, "[8] or [9]", None, "different verdicts"),
        (RATING_10, "[[0]]", None, "outside the scale"),
        (RATING_10, "[[11]]", None, "outside the scale"),
        (RATING_10, "[[-1]]", None, "no verdict"),
        (RATING_10, "8/10", None, "no verdict"),
        (RATING_10, "[[eight]]", None, "no verdict"),
        (RATING_10, " \n", None, "nothing said"),
        (RATING_3, "Rating: [[3]]", 3.0, ""),
        (RATING_3, "The answer says [[3]]. My rating: [1]", None, "different verdicts"),
        (RATING_3, "My rating: [1]. The answer says [[3]]", None, "different verdicts"),
        (RATING_3, "Rating: [12]", None, "outside the scale"),
        (RATING_3, "Rating: [[4]]", None, "outside the scale"),
        (RATING_3, "[[A]]", None, "no verdict"),
        (DUEL, "Verdict: [[A]]", 1.0, ""),
        (DUEL, "Verdict: [[B]]", 0.0, ""),
        (DUEL, "Verdict: [C]", 0.5, ""),
        (DUEL, "[[A]] is good, yet [[B]]", None, "different verdicts"),
        (DUEL, "It asks for [[A]]. Mine: [B]", None, "different verdicts"),
        (DUEL, "It asks for [[A]] at x[B]", 1.0, ""),
        (DUEL, "[[1]]", None, "no verdict"),
    ],
)
def test_a_verdict_is_read_from_what_was_said(protocol, said, value, reason):
    verdict = protocol.read(said)
    assert (verdict.value, verdict.reason) == (value, reason)


def ask(protocol, turn=1, references=(), answers=("first answer", "second answer")) -> Question:
    prompt = Prompt(1, "1", "", ("first question", "second question")[: max(turn, 1)], references)
    others = ("first other", "second other")[:turn] if protocol.scale is None else ()
    return Question(protocol, "en", 1, turn, prompt, answers[:turn], others)


@pytest.mark.parametrize("protocol", ASKED.values(), ids=ASKED)
@pytest.mark.parametrize("turn", [1, 2])
@pytest.mark.parametrize("references", [(), ("first reference", "second reference")], ids=["", "reference"])
def test_every_text_shows_all_that_there_is(protocol, turn, references):
    text = ask(protocol, turn, references[:turn]).render()
    assert PLACEHOLDER.search(text) is None
    shown = ["first question", "first answer", *(["second question", "second answer"] if turn == 2 else [])]
    shown += ["first other"] * (protocol.scale is None)
    for words in shown:
        assert text.count(f"\n{words}\n") == 1
    assert ("\nfirst reference\n" in text) == bool(references and protocol is RATING_10)
    # the verdict that is asked for is one that is understood
    example = re.findall(r"\[\[\w\]\]", text)
    assert {bool(protocol.read(verdict).value is not None) for verdict in example} == {True}


@pytest.mark.parametrize("turn", [1, 2])
def test_what_is_computed_hangs_on_answer_and_reference(turn):
    computed = [protocol for protocol in PROTOCOLS.values() if protocol.computed]
    assert {protocol.name for protocol in computed} == {"exact-match", "token-f1"}
    for protocol in computed:
        references = ("first reference", "second reference")[:turn]
        word = ("first", "second")[turn - 1]
        text = f"{protocol.name}\nReference: {word} reference\nAnswer: {word} answer\n"
        assert ask(protocol, turn, references).render() == text
        assert protocol.read("[[0.5]]").value == 0.5 and protocol.read("[[2]]").value is None


def test_every_text_belongs_to_a_protocol():
    assert {path.name.partition(".")[0] for path in FOLDER.iterdir()} == set(ASKED)


def test_a_reference_of_the_other_turn_is_none():
    text = ask(RATING_10, 2, ("first reference", "")).render()
    assert "reference" not in text.lower()


def test_another_word_is_another_protocol(monkeypatch):
    before = {name: protocol.text_digest() for name, protocol in PROTOCOLS.items()}
    assert len(set(before.values())) == len(PROTOCOLS)
    monkeypatch.setattr("polytune.judging.protocols._texts", lambda name: {name: "another {question}"})
    assert all(protocol.text_digest() != before[name] for name, protocol in PROTOCOLS.items())


def test_unknown_protocols_are_one_line():
    with pytest.raises(InputError, match="study: no protocol 'side-by-sid'; did you mean 'side-by-side'"):
        find_protocol("side-by-sid", "study")


def test_what_stands_in_an_answer_is_shown_as_it_is():
    rng = random.Random(1)
    for _ in range(300):
        first, second = hostile_text(rng), hostile_text(rng)
        for protocol in ASKED.values():
            text = ask(protocol, 2, answers=(first, second)).render()
            mark = re.search(r"== first question (\w{8}) ==", text)[1]
            answer = re.search(rf"== second answer[^=]* {mark} ==\n(.*?)\n== [^=]*{mark} ==", text, re.DOTALL)[1]
            assert answer == second and f"\n{first}\n" in text
            assert mark not in first + second, "an answer cannot contain the lines that enclose it"


def test_rendering_is_one_pass():
    assert render("{a} {b} {mark}", {"a": "{b}", "b": "{a}{mark}"})[:-8] == "{b} {a}{mark} "
