"""Exact match and F1 of tokens, worked out by hand, by another way, and asked of the judge `reference`."""

from __future__ import annotations

import asyncio
import random
import re
import string
from fractions import Fraction

import pytest

from polytune.config.judges import judges
from polytune.errors import InputError
from polytune.judging.asking import Request
from polytune.judging.backends import open_backend
from polytune.judging.overlap import exact_match, normalise, token_f1
from polytune.judging.protocols import PROTOCOLS
from polytune.judging.questions import Question
from polytune.prompts.prompt import Prompt

BY_HAND = [
    # answer, reference, language, exact match, F1
    ("The Beatles.", "beatles", "en", 1, 1),
    ("the quick brown fox", "a quick red fox", "en", 0, Fraction(2 * 2, 3 + 3)),
    ("a cat and a cat", "cat", "en", 0, Fraction(2 * 1, 3 + 1)),
    ("Die Stadt", "Stadt", "de", 0, Fraction(2, 3)),  # articles are removed in English alone
    ("«Москва»!", "москва", "ru", 1, 1),
    ("¿Quién?", "quién", "es", 1, 1),
    ("東京都", "東京", "zh", 0, Fraction(2 * 2, 3 + 2)),
    ("東京、です。", "東京です", "ja", 1, 1),
    ("iPhone 手机 5", "手机", "zh", 0, Fraction(2 * 2, 4 + 2)),
    ("กรุงเทพ", "กรุงเทพ", "th", 1, 1),
    ("น้ำ", "นำ", "th", 0, Fraction(2 * 1, 2 + 2)),  # a tone mark belongs to its letter, the vowel am is a letter
    ("$5", "5", "en", 1, 1),
    ("", "x", "en", 0, 0),
    ("the", "an", "en", 1, 1),  # nothing is left of either
    ("...", "x", "en", 0, 0),
]


@pytest.mark.parametrize(("answer", "reference", "language", "exact", "f1"), BY_HAND)
def test_values_worked_out_by_hand(answer, reference, language, exact, f1):
    assert exact_match(answer, reference, language) == exact
    assert token_f1(answer, reference, language) == pytest.approx(float(f1))
    assert token_f1(reference, answer, language) == pytest.approx(float(f1))


def test_unspaced_scripts_are_cut_into_characters_with_their_marks():
    assert normalise("กิน ข้าว", "th") == ["กิ", "น", "ข้", "า", "ว"]
    assert normalise("한국 사람", "ko") == ["한국", "사람"]
    assert normalise("नमस्ते दुनिया।", "hi") == ["नमस्ते", "दुनिया"]


def plain_english(text):
    """The tokens of an ASCII text as SQuAD's rules say, in another way: one regular expression, no table of Unicode."""
    text = re.sub(f"[{re.escape(string.punctuation)}]", "", text.lower())
    return [word for word in re.split(r"\s+", text) if word and word not in ("a", "an", "the")]


def plain_f1(answer, reference):
    said, right = plain_english(answer), plain_english(reference)
    rest, common = list(right), 0
    for token in said:
        if token in rest:
            rest.remove(token)
            common += 1
    if not said or not right:
        return float(said == right)
    precision, recall = common / len(said), common / len(right)
    return 2 * precision * recall / (precision + recall) if common else 0.0


def test_english_agrees_with_another_computation():
    rng = random.Random(1)
    words = [
        "the",
        "The",
        "a",
        "an",
        "cat",
        "Cat's",
        "dog,",
        "dog",
        "x-ray",
        "(1987)",
        "1987",
        "$5",
        "of",
        "then",
        "...",
        "the.",
    ]
    compared = 0
    for _ in range(3000):
        answer, reference = (" ".join(rng.choices(words, k=rng.randint(0, 5))) for _ in range(2))
        assert normalise(answer, "en") == plain_english(answer)
        assert token_f1(answer, reference, "en") == pytest.approx(plain_f1(answer, reference))
        assert exact_match(answer, reference, "en") == (plain_english(answer) == plain_english(reference))
        compared += 0 < token_f1(answer, reference, "en") < 1
    assert compared > 500


def ask(protocol, answer, references, turn=1):
    judge = judges()["reference"]
    backend = open_backend(judge, None, None)
    turns = ("who?", "and then?")[: max(len(references), 1)]
    question = Question(PROTOCOLS[protocol], "en", 3, turn, Prompt(3, "3", "", turns, references), (answer,) * turn)
    request = Request.write(question, backend.identity)
    return question.protocol.read(asyncio.run(backend.ask(question, request.text, request.key, 0)).text).value


def test_the_judge_says_what_is_computed():
    assert ask("exact-match", "The Beatles", ("beatles",)) == 1
    assert ask("token-f1", "a cat and a cat", ("cat",)) == 0.5
    assert ask("token-f1", "the quick brown fox", ("a quick red fox",)) == pytest.approx(2 / 3, abs=1e-6)
    assert ask("exact-match", "two", ("one", "two"), turn=2) == 1


def test_another_reference_is_another_request():
    prompts = [Prompt(1, "1", "", ("who?",), (reference,)) for reference in ("Ada", "Bob")]
    asked = [Question(PROTOCOLS["exact-match"], "en", 1, 1, prompt, ("Ada",)) for prompt in prompts]
    assert len({Request.write(one, judges()["reference"].identity()).key for one in asked}) == 2


def test_without_a_reference_there_is_no_verdict():
    with pytest.raises(InputError, match="item 3, turn 1: the prompt has no reference answer"):
        ask("exact-match", "x", ())
    with pytest.raises(InputError, match=r"protocol 'rating-3': .* has no such verdict; it has exact-match, token-f1"):
        ask("rating-3", "x", ("y",))
