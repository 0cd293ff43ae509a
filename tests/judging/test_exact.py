"""The world's judge: the truth word by word, and faults of the stated size."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace

import pytest

from polytune.errors import InputError
from polytune.judging.backends import open_backend
from polytune.judging.exact import ExactJudge
from polytune.judging.protocols import PROTOCOLS
from polytune.judging.questions import Question
from polytune.prompts.prompt import Prompt
from tests.cases.judging_cases import Truth, judge_entry, make_judge

PROMPT = Prompt(1, "1", "", ("one two three four?",), ())
SHORT, LONG = "a", "a b c d e f g h"
N = 4000


def question(protocol: str, answer: str, other: str | None = None) -> Question:
    others = () if other is None else (other,)
    return Question(PROTOCOLS[protocol], "en", 1, 1, PROMPT, (answer,), others)


def verdicts(asked: Question, n: int = N, **options) -> list[float]:
    """Ask `n` times, each time as another request."""
    judge = ExactJudge(make_judge(judge_entry(options=options)), Truth(), "world")

    async def ask_all():
        return [await judge.ask(asked, "text", str(number), 0) for number in range(n)]

    return [asked.protocol.read(reply.text).value for reply in asyncio.run(ask_all())]


def share(values: list[float], value: float) -> float:
    return values.count(value) / len(values)


@pytest.mark.parametrize("answer", ["", SHORT, LONG, "x" * 3, "a b c d"])
def test_without_options_it_says_the_truth(answer):
    assert set(verdicts(question("rating-3", answer), 20)) == {Truth().rate(1, 1, answer)}
    if answer:
        assert set(verdicts(question("rating-10", answer), 20)) == {Truth().grade(1, 1, answer)}
    assert set(verdicts(question("side-by-side", answer, answer), 20)) == {0.5}
    assert set(verdicts(question("side-by-side", LONG + " i", answer), 20)) == {1.0}
    assert set(verdicts(question("side-by-side", answer, LONG + " i"), 20)) == {0.0}


def test_side_by_side_another_language_is_worth_nothing():
    away = f"elsewhere {LONG}"
    assert set(verdicts(question("side-by-side", SHORT, away), 20)) == {1.0}
    assert set(verdicts(question("side-by-side", away, "elsewhere"), 20)) == {0.5}
    assert set(verdicts(question("rating-3", away), 20)) == {3.0}


def test_noise_is_a_draw_from_all_verdicts():
    # the truth in 1 - p of the cases, and in a third of the others
    assert share(verdicts(question("side-by-side", LONG, SHORT), noise=0.3), 1.0) == pytest.approx(0.8, abs=0.02)
    rated = verdicts(question("rating-3", LONG), noise=0.3)
    assert [share(rated, value) for value in (1, 2, 3)] == pytest.approx([0.1, 0.1, 0.8], abs=0.02)


def test_position_bias_is_a_share_of_the_first_seat():
    worse_first, better_first = question("side-by-side", SHORT, LONG), question("side-by-side", LONG, SHORT)
    assert share(verdicts(worse_first, position_bias=0.2), 1.0) == pytest.approx(0.2, abs=0.02)
    assert share(verdicts(better_first, position_bias=0.2), 1.0) == 1.0


def test_length_bias_is_a_share_of_the_longer_answer():
    class Reversed(Truth):
        def grade(self, item, turn, text):
            return 10 - super().grade(item, turn, text)

    judge = ExactJudge(make_judge(judge_entry(options={"length_bias": 0.25})), Reversed(), "world")

    async def ask_all():
        asked = question("side-by-side", LONG, SHORT)
        return [await judge.ask(asked, "", str(number), 0) for number in range(N)]

    values = [PROTOCOLS["side-by-side"].read(reply.text).value for reply in asyncio.run(ask_all())]
    assert share(values, 1.0) == pytest.approx(0.25, abs=0.02)
    rated = verdicts(question("rating-3", "a b c d e"), length_bias=0.25)
    assert [share(rated, value) for value in (2, 3)] == pytest.approx([0.75, 0.25], abs=0.02)
    assert set(verdicts(question("rating-3", "a b c d"), length_bias=1.0)) == {2.0}, "not longer than the question"


def test_chance_follows_from_the_request():
    asked = question("side-by-side", LONG, SHORT)
    one, other = (verdicts(asked, 50, noise=0.9) for _ in range(2))
    assert one == other and len(set(one)) == 3
    judge = ExactJudge(make_judge(judge_entry(options={"noise": 0.9})), Truth(), "world")

    async def ask_all():
        return [(await judge.ask(asked, "", "key", attempt)).text for attempt in range(30)]

    assert len(set(asyncio.run(ask_all()))) == 3, "another attempt is another draw"


def test_worlds_are_different_judges():
    entry = make_judge(judge_entry())
    assert ExactJudge(entry, Truth(), "w1").identity != ExactJudge(entry, Truth(), "w2").identity


def test_a_world_must_be_named():
    with pytest.raises(InputError, match="judge 'exact': judges by the truth of a world; name its folder: --world DIR"):
        open_backend(make_judge(judge_entry()), None, None)


def test_random_answers_keep_to_the_order_of_grades():
    rng = random.Random(2)
    for _ in range(50):
        first, second = (" ".join("a" * rng.randint(1, 12)) for _ in range(2))
        asked = question("side-by-side", first, second)
        swapped = replace(asked, answers=asked.others, others=asked.answers)
        assert verdicts(asked, 1)[0] + verdicts(swapped, 1)[0] == 1.0
