"""Sound correspondence: well-known relations between languages, the scoring of words, and bad tables."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from polytune.errors import InputError
from polytune.languages.codes import languages
from polytune.languages.sound import (
    WORDS,
    build_sound_similarity,
    compare_languages,
    compare_words,
    default_words_path,
    read_words,
)


@pytest.fixture(scope="module")
def words():
    return read_words(default_words_path())


@pytest.fixture(scope="module")
def similarity(words):
    codes = list(languages())
    return pd.DataFrame(build_sound_similarity(words, codes), index=codes, columns=codes)


def test_table_has_eighteen_words_of_every_language(words):
    assert len(WORDS) == 18
    assert set(words) == set(languages())
    assert all(forms[word] for forms in words.values() for word in WORDS)


@pytest.mark.parametrize(
    "chain",
    [
        ["es pt", "es fr", "es de", "es eu"],
        ["sw xh", "sw en"],
        ["tr az", "tr kk", "tr mn"],
        ["de nl", "de en", "de ru"],
        ["ru uk", "ru pl", "ru lt", "ru fi"],
        ["ta ml", "ta te", "ta hi"],
        ["hi ne", "hi fa", "hi en", "hi zh"],
        ["ar he", "ar en"],
        ["fr ht", "fr en", "fr ja"],
        ["cs sk", "cs hr", "cs en"],
    ],
)
def test_nearer_relatives_are_more_similar(similarity, chain):
    values = [similarity.loc[tuple(pair.split())] for pair in chain]
    assert values == sorted(values, reverse=True)
    assert all(nearer > farther + 0.05 for nearer, farther in itertools.pairwise(values)), dict(
        zip(chain, values, strict=True)
    )


@pytest.mark.parametrize(
    ("first", "second", "least"),
    [
        ("hi", "ur", 0.95),
        ("fi", "et", 0.85),
        ("tr", "az", 0.85),
        ("nl", "af", 0.9),
        ("de", "nl", 0.7),
        ("hr", "sr", 0.85),
    ],
)
def test_close_relatives_are_nearly_the_same(similarity, first, second, least):
    assert similarity.loc[first, second] >= least


def test_every_language_is_nearest_to_one_of_its_family(similarity):
    # the isolates and the only members of a family have no relative to find
    table = languages()
    families = [entry.family for entry in table.values()]
    alone = [code for code, entry in table.items() if families.count(entry.family) == 1]
    strangers = []
    for code in set(table) - set(alone):
        nearest = similarity.loc[code].drop(code).idxmax()
        if table[nearest].family != table[code].family:
            strangers.append((code, nearest))
    # Indonesian-Greek is a known coincidence (mata, mati: eye); Burmese and Vietnamese have distant relatives only
    assert {code for code, _ in strangers} == {"id", "my", "vi"}


def test_unrelated_languages_are_at_the_level_of_chance(similarity):
    table = languages()
    pairs = [(a, b) for a, b in itertools.combinations(table, 2) if table[a].family != table[b].family]
    values = np.array([similarity.loc[pair] for pair in pairs])
    assert len(values) > 1000
    assert 0.02 < values.mean() < 0.15  # elinguistics.net: a distance of 80 to 100 is no recognisable relation
    assert np.quantile(values, 0.99) < 0.3


def test_similarity_is_symmetric_in_range_and_one_to_itself(similarity):
    matrix = similarity.to_numpy()
    assert (np.diag(matrix) == 1).all()
    assert (matrix == matrix.T).all()
    assert matrix.min() >= 0 and matrix.max() <= 1
    assert (matrix[~np.eye(len(matrix), dtype=bool)] < 1).all()


@pytest.mark.parametrize(
    ("ours", "theirs", "score"),
    [
        ("nam", "nom", 1.0),  # vowels do not count
        ("taŋ", "toŋ", 1.0),
        ("tod", "dot", 0.5),  # in order: only one consonant can be matched identically, t-d twice is worth the same
        ("pat", "fad", 0.5),  # two related consonants
        ("mano", "man", 1.0),
        ("dant", "dent", 1.0),
        ("dan", "dant", 2 / 3),
        ("man", "kilo", 0.0),
        ("trua", "tri", 1.0),
        ("mort", "m", 0.0),  # one of three: below the threshold of a cognate
        ("au", "mo", 0.0),
    ],
)
def test_words_score_by_their_consonants_in_order(ours, theirs, score):
    assert compare_words(ours, theirs) == pytest.approx(score)
    assert compare_words(theirs, ours) == pytest.approx(score)


def test_words_without_consonants_are_left_out():
    assert compare_words("ai", "eu") is None
    same = dict.fromkeys(WORDS, "ai") | {"name": "nam"}
    assert compare_languages(same, same) == 1
    assert np.isnan(compare_languages(dict.fromkeys(WORDS, "ai"), dict.fromkeys(WORDS, "o")))


def write_words(path, rows: dict[str, list[str]], separator: str = "\t", columns=("language", *WORDS)) -> None:
    lines = ["# a comment", separator.join(columns)]
    lines += [separator.join([language, *forms]) for language, forms in rows.items()]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_a_user_may_supply_a_csv_with_gaps(tmp_path):
    path = tmp_path / "mine.csv"
    write_words(path, {"en": ["nam"] * 17 + ["-"], "de": ["nam"] * 9 + ["kol"] * 9, "fr": ["-"] * 18}, separator=",")
    words = read_words(path)
    assert words["en"]["name"] == ""
    matrix = build_sound_similarity(words, ["en", "de", "fr", "sw"])
    assert matrix[0, 1] == matrix[1, 0] == pytest.approx(9 / 17)
    assert np.isnan(matrix[0, 2]) and np.isnan(matrix[0, 3])
    assert (np.diag(matrix) == 1).all()


def test_bad_tables_are_input_errors(tmp_path):
    path = tmp_path / "bad.tsv"
    with pytest.raises(InputError, match=r"bad\.tsv: no table of basic words"):
        read_words(path)
    write_words(path, {"en": ["nam"] * 17}, columns=("language", *WORDS[:-1]))
    with pytest.raises(InputError, match=r"bad\.tsv: no column 'name'"):
        read_words(path)
    write_words(path, {"en": ["nam"] * 17 + ["nam2"]})
    with pytest.raises(InputError, match=r"bad\.tsv: en: name: 'nam2' has the letter '2'; the letters are '"):
        read_words(path)
    path.write_text("\t".join(["language", *WORDS]) + "\n" + ("en" + "\tnam" * 18 + "\n") * 2, encoding="utf-8")
    with pytest.raises(InputError, match=r"bad\.tsv: language 'en' stands in two rows"):
        read_words(path)
