"""Identification of answers: the stated rules, the model formats, the exact identifier of a world."""

from __future__ import annotations

from dataclasses import replace
from math import isnan, nan

import pytest

from polytune.config.identifiers import codes_of, find_identifier
from polytune.errors import InputError
from polytune.identification.identifiers import ModelIdentifier, WorldIdentifier, open_identifier
from polytune.identification.text import count_letters, is_in_script, lines_of, prose_of, words_of
from polytune.languages import codes
from polytune.world.reading import Reader
from polytune.world.settings import WorldSettings
from polytune.world.world import World
from tests.cases.fasttext_model import write_model

ENGLISH = "the water of the river is very cold today"
GERMAN = "das wasser von dem fluss ist heute sehr kalt"
RUSSIAN = "вода в реке сегодня очень холодная"
CODES = {"eng_Latn": "en", "deu_Latn": "de", "rus_Cyrl": "ru", "nob_Latn": "no"}
WORDS = {word: "eng_Latn" for word in ENGLISH.split()} | {word: "deu_Latn" for word in GERMAN.split()}
WORDS |= {word: "rus_Cyrl" for word in RUSSIAN.split()} | {"minnelid": "ceb_Latn"}


@pytest.fixture(scope="module")
def identifier(tmp_path_factory):
    """OpenLID's interface on a tiny model in fastText's own format."""
    model = write_model(tmp_path_factory.mktemp("model") / "model.bin", WORDS)
    return open_identifier(find_identifier("openlid", "test"), CODES, model=model)


def values(found):
    """Return (answered, the three passes with None for NaN, note)."""
    passes = (found.language_pass, found.line_pass, found.word_pass)
    return found.answered, *(None if isnan(value) else value for value in passes), found.note


@pytest.mark.parametrize(
    ("text", "asked", "expected"),
    [
        (ENGLISH, "en", ("en", 1, 1, None, "")),
        (ENGLISH, "de", ("en", 0, 0, None, "")),
        (f"{GERMAN}\n{GERMAN}\n{ENGLISH}", "de", ("de", 1, 0, None, "")),  # most of it is right, not every line
        (f"{GERMAN}\nok\n\n42", "de", ("de", 1, 1, None, "")),  # lines too short to tell do not count
        (RUSSIAN, "ru", ("ru", 1, 1, 1, "")),
        (f"{RUSSIAN} water", "ru", ("ru", 1, 1, 0, "")),  # an English word
        (f"{RUSSIAN} Python `water` 12 km", "ru", ("ru", 1, 1, 1, "")),  # a name, code, a unit
        (ENGLISH, "ru", ("en", 0, 0, None, "")),
        ("minnelid " * 5, "de", ("", 0, 0, None, "other: ceb_Latn")),
        ("", "de", ("", 0, None, None, "empty")),
        (" \n\t", "de", ("", 0, None, None, "empty")),
        ("42 + 1 = 43", "de", ("", 1, None, None, "no words")),
        (f"```\n{ENGLISH}\n```", "de", ("", 1, None, None, "no words")),
        (f"{GERMAN} ```{ENGLISH} {ENGLISH}", "de", ("de", 1, 1, None, "")),  # a fence that was never closed
        ("Nein.", "de", ("de", 1, None, None, "short: by script")),
        ("Nein.", "ru", ("", 0, None, None, "short: by script")),
        ("Нет!", "ru", ("ru", 1, None, None, "short: by script")),
        ("はい", "ja", ("ja", 1, None, None, "short: by script")),
    ],
)
def test_the_stated_rules(identifier, text, asked, expected):
    assert values(identifier.identify(text, asked)) == expected


def test_the_probability_is_the_models(identifier):
    assert 0.9 < identifier.identify(ENGLISH, "en").probability <= 1
    assert isnan(identifier.identify("", "en").probability)


@pytest.mark.parametrize("asked", ["en", "ru", "zh"])
@pytest.mark.parametrize(
    "text", ["\x00\x1b[31m", "\ud83d" * 30, "[[3]] {question} ignore the above", "a" * 1_000_000, "`" * 99]
)
def test_odd_texts_are_identified_as_something(identifier, text, asked):
    found = identifier.identify(text, asked)
    assert found.language_pass in (0, 1)


def test_what_is_left_of_a_text():
    assert words_of(prose_of("See https://a.bc/d?e, `x = 1`: don’t 3 km₂!")) == "See don’t km"
    assert words_of("क्या है?") == "क्या है"  # marks belong to their letters
    assert lines_of("short\n" + "letters and letters, again\n") == ["letters and letters again"]
    assert count_letters("日本語a 12") == 16


def test_without_its_file_an_identifier_is_refused(tmp_path):
    row = find_identifier("openlid", "test")
    with pytest.raises(InputError, match=r"'openlid' needs its model file \(model.bin\): --model FILE"):
        open_identifier(row, CODES)
    with pytest.raises(InputError, match="needs the folder of its world: --world DIR"):
        open_identifier(find_identifier("exact", "test"), {})
    other = tmp_path / "other.bin"
    other.write_bytes(b"PK\x03\x04 something else")
    with pytest.raises(InputError, match="is no fastText model"):
        open_identifier(row, CODES, model=other)
    whole = write_model(tmp_path / "model.bin", WORDS).read_bytes()
    pointer = tmp_path / "lfs.bin"
    pointer.write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    with pytest.raises(InputError, match="Git LFS pointer"):
        open_identifier(row, CODES, model=pointer)
    assert whole.startswith(b"\xba\x16\x4f\x2f")


def test_py3langid_reads_real_languages_offline():
    row = find_identifier("py3langid", "test")
    identifier = open_identifier(row, codes_of(row))
    for asked, text in {
        "no": "Jeg vet ikke hvorfor han gjorde det i går kveld.",
        "fi": "En tiedä, miksi hän teki sen eilen illalla.",
        "bn": "আমি জানি না কেন সে গতকাল এটা করেছিল।",
        "zh": "我不知道他昨晚为什么这样做。",
    }.items():
        assert values(identifier.identify(text, asked))[:3] == (asked, 1, 1)
        assert identifier.identify(text, "es").language_pass == 0


LANGUAGES = ("en", "es", "gl", "hi", "sw")


@pytest.fixture(scope="module")
def world():
    return World.draw(WorldSettings(seed=3, languages=LANGUAGES, base_languages=("en",)))


def test_the_world_tells_sentences_and_words_apart(world):
    identifier = WorldIdentifier(Reader(world))
    question = next(q for q in world.questions if q.kind == "why")
    answers = {language: question.tell_answers(world.grammar(language, guarded=False))[0] for language in LANGUAGES}
    assert values(identifier.identify(answers["hi"], "hi"))[:4] == ("hi", 1, 1, 1)
    assert values(identifier.identify(answers["hi"], "en"))[:4] == ("hi", 0, 0, None)
    mixed = f"{answers['sw']} {answers['sw']} {answers['hi']}"
    assert values(identifier.identify(mixed, "sw"))[:4] == ("sw", 1, 0, None)
    noisy = answers["sw"].replace(".", " foobar.")
    assert values(identifier.identify(noisy, "sw"))[:4] == ("sw", 1, 1, 0)
    assert values(identifier.identify("", "sw")) == ("", 0, None, None, "empty")
    assert values(identifier.identify("foo bar", "sw")) == ("", 0, 0, None, "no word")
    assert values(identifier.identify("mirela", "sw"))[:3] == ("", 0, None)


def test_a_stub_of_the_same_interface_may_stand_for_a_model():
    identifier = ModelIdentifier(lambda text: ("xx", nan), {"xx": "de"})
    assert identifier.identify(GERMAN, "de").language_pass == 1


@pytest.mark.parametrize(
    ("text", "script", "expected"),
    [
        ("አዎ", "Ethi", True),
        ("ada", "Ethi", False),
        ("ཨོཾ་", "Tibt", True),
        ("ラーメン", "Jpan", True),
        ("人々", "Hant", True),
        ("大韓", "Kore", True),
        ("네", "Hang", True),
        ("ｏｋ", "Latn", True),  # of full width, in Chinese and Japanese texts
        ("да no", "Cyrl", False),  # half of the letters
    ],
)
def test_a_script_is_unicode_s(text, script, expected):
    assert is_in_script(text, script) == expected


def test_a_short_answer_in_a_further_language_is_told_by_its_script(identifier, monkeypatch):
    entry = replace(codes.language("ar"), language="am", script="Ethi")
    monkeypatch.setattr(codes, "language", lambda code: entry)
    assert values(identifier.identify("አዎ", "am")) == ("am", 1, None, None, "short: by script")
