"""A language in a study file that is misspelt, or that is not there: the same words wherever it stands."""

from __future__ import annotations

import pytest

from polytune.errors import InputError
from polytune.languages.codes import say_meant
from tests.cases.reported_study import ReportedStudy

RUSSIAN = "'Rusian'; did you mean 'ru' (Russian)?"
PLACES = {
    "mixture": ("order: [en, zh, it]", "order: [en, zh, Rusian]"),
    "source": ("{languages: [en, zh, it, tr, af]}", "{languages: [en, Rusian]}"),
    "replay": ("rows: 60, languages: [en, zh]", "rows: 60, languages: [en, Rusian]"),
    "benchmark": ("benchmarks: [xcopa, xwinograd]\n", "benchmarks: {xcopa: {languages: [Rusian]}, xwinograd: {}}\n"),
    "figure": ("figures:\n", "figures:\n  one: {draw: language_accuracy, benchmark: xcopa, languages: [Rusian]}\n"),
    "analysis": ("figures:\n", "analysis: {counted_as_untuned: {xcopa: [Rusian]}}\nfigures:\n"),
    "answers": ("benchmarks: [xcopa, xwinograd]\n", "benchmarks: [xcopa, xwinograd]\n  prompts: {world-questions: "
                "{languages: [Rusian], items: 2, max_new_tokens: 9}}\n"),
}  # fmt: skip


def fault(folder, old: str, new: str) -> str:
    with pytest.raises(InputError) as caught:
        list(ReportedStudy(folder, **{old: new}).plan().specs)
    return str(caught.value)


@pytest.mark.parametrize("place", PLACES)
def test_a_misspelt_language_has_the_same_hint_everywhere(tmp_path, place):
    assert RUSSIAN in fault(tmp_path, *PLACES[place])


@pytest.mark.parametrize("place", ["replay", "mixture"])
def test_a_language_that_is_not_there_is_not_said_to_be_misspelt(tmp_path, place):
    """German is a language; the texts and instructions of the tiny world have none in it."""
    old, new = PLACES[place]
    said = fault(tmp_path, old, new.replace("Rusian", "German"))
    assert "no rows in 'de' (German); it has en, " in said


def test_what_is_said_of_a_language():
    assert say_meant("Rusian") == say_meant("rusian") == "; did you mean 'ru' (Russian)?"
    assert say_meant("de") == say_meant("German") == say_meant("DEU-Latn") == " (German)"
    assert say_meant("1234567") == ""
