"""The table of languages and the translations between codes."""

from __future__ import annotations

import pytest

from polytune.errors import InputError
from polytune.languages.codes import (
    COLUMNS,
    check_languages,
    find_code,
    from_foreign,
    from_task_code,
    known_code,
    language,
    languages,
    split_languages,
    table_path,
    to_foreign,
)

# The order of Lucky 52, from the paper (and not from the table under test).
LUCKY52 = (
    "en zh af ar az bn cs de es et fa fi fr gl gu he hi hr id it ja ka kk km ko lt lv mk ml mn mr my ne "
    "nl pl ps pt ro ru si sl sv sw ta te th tl tr uk ur vi xh"
)
EVALUATED_ONLY = "eu ht qu bg el no sr sk"


def write_table(path, rows: list[dict]) -> None:
    lines = ["\t".join(COLUMNS)] + ["\t".join(row[column] for column in COLUMNS) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def row(code: str, **changes: str) -> dict:
    values = {
        "language": code,
        "name": code.upper(),
        "iso639_3": f"{code}x"[:3],
        "xwinograd": "",
        "flores": f"{code}x"[:3] + "_Latn",
    }
    values |= {"family": "F", "branch": "B", "script": "Latn", "bactrian_x": "yes"}
    return values | changes


def test_table_has_the_52_languages_in_the_papers_order_and_those_evaluated_only():
    table = languages()
    assert " ".join(code for code, entry in table.items() if entry.bactrian_x) == LUCKY52
    assert " ".join(code for code, entry in table.items() if not entry.bactrian_x) == EVALUATED_ONLY


def test_bactrian_x_languages_have_the_fourteen_families_of_the_family_selection():
    # arXiv 2410.07809 draws one language per family and gets 14.
    assert len({entry.family for entry in languages().values() if entry.bactrian_x}) == 14


def test_script_is_the_one_in_the_flores_code():
    for entry in languages().values():
        assert entry.flores.split("_")[1] == entry.script, entry


@pytest.mark.parametrize(
    ("code", "scheme", "foreign"), [("ja", "xwinograd", "jp"), ("sw", "iso639_3", "swa"), ("fa", "flores", "pes_Arab")]
)
def test_translation_goes_both_ways(code, scheme, foreign):
    assert to_foreign(code, scheme) == foreign
    assert from_foreign(foreign, scheme) == code


def test_translations_are_inverse_for_every_code():
    count = 0
    for code, entry in languages().items():
        for scheme in ("iso639_3", "xwinograd", "flores"):
            if getattr(entry, scheme):
                assert from_foreign(to_foreign(code, scheme), scheme) == code
                count += 1
    assert count == 60 + 6 + 60


def test_task_codes_are_translated_by_the_scheme_of_the_benchmark():
    assert from_task_code("jp", "xwinograd") == "ja"
    assert from_task_code("fr", "xwinograd") == "fr" == from_task_code("fr", "language")
    assert from_task_code("de", "xwinograd") == "de", "XWinograd lacks German: the world's own tasks have our code"
    assert from_task_code("swa", "iso639_3") == "sw"
    with pytest.raises(InputError, match="no language 'jp'; did you mean 'ja'"):
        from_task_code("jp", "language")


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("Germn", "did you mean 'de' (German)?"),
        ("Haitian", "did you mean 'ht' (Haitian Creole)?"),
        ("swh_Latm", "did you mean 'sw' (Swahili)?"),
        ("zho_Hant", "did you mean 'zh' (Chinese)?"),
        ("enn", "'en'"),
        ("1", "known: en zh"),
        ("", "known: en zh"),
    ],
)
def test_unknown_language_names_the_table_and_the_nearest(code, hint):
    with pytest.raises(InputError) as error:
        language(code)
    assert str(table_path()) in str(error.value)
    assert f"'{code}'" in str(error.value)
    assert hint in str(error.value)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("de", "de"), ("deu", "de"), ("deu_Latn", "de"), ("German", "de"), ("german", "de"), ("DE", "de"),
        ("jp", "ja"), ("swh", "sw"), ("swa", "sw"), ("pes_Arab", "fa"), ("Haitian Creole", "ht"), ("no", "no"),
        ("haitian-creole", "ht"), ("haitian_creole ", "ht"), ("nob", "no"), ("zho_Hans", "zh"),
    ],
)  # fmt: skip
def test_a_language_may_be_called_by_any_name(name, code):
    assert (known_code(name), find_code(name), language(name).language) == (code, code, code)
    assert [entry.language for entry in check_languages([name], "here")] == [code]


def test_every_name_of_every_language_is_known():
    count = 0
    for code, entry in languages().items():
        for name in (code, entry.name, entry.iso639_3, entry.flores, entry.flores.partition("_")[0]):
            assert known_code(name) == known_code(name.upper()) == code
            count += 1
    assert count == 300
    assert known_code("Klingon") is None


def test_two_names_of_one_language_are_the_same_language():
    with pytest.raises(InputError, match="here: language 'German' is listed twice"):
        check_languages(["de", "German"], "here")


def test_a_name_of_two_languages_asks_for_a_code(tmp_path):
    path = tmp_path / "mine.tsv"
    write_table(
        path,
        [
            row("aa", name="Twin"),
            row("bb", name="Twin"),
            row("cc", flores="aab_Latn"),
            row("aab", flores="zzz_Latn", iso639_3="zzz"),
        ],
    )
    with pytest.raises(InputError, match=r"'twin' is a name of 'aa' \(Twin\) and 'bb' \(Twin\); write one of the two"):
        known_code("twin", path)
    assert known_code("aab", path) == "aab", "our own codes go first"
    assert known_code("AAB", path) == "aab"


def test_languages_of_a_line_stand_with_commas_or_spaces_between_them():
    assert split_languages("de fr, Haitian Creole; deu_Latn ,jp") == ["de", "fr", "ht", "de", "ja"]
    assert split_languages(" , ") == []
    with pytest.raises(InputError, match=r"--languages: .*no language 'Creole'"):
        split_languages("German, Creole", "--languages")


def test_missing_translation_is_an_input_error():
    with pytest.raises(InputError, match="'sw' has no xwinograd code"):
        to_foreign("sw", "xwinograd")
    with pytest.raises(InputError, match="did you mean 'jp'"):
        from_foreign("jpn", "xwinograd")


def test_check_languages_says_where():
    assert [entry.name for entry in check_languages(["de", "xh"], "study.yaml: order")] == ["German", "Xhosa"]
    with pytest.raises(InputError, match=r"study\.yaml: order: .*no language 'dee'; did you mean 'de'"):
        check_languages(["en", "dee"], "study.yaml: order")
    with pytest.raises(InputError, match=r"study\.yaml: order: language 'en' is listed twice"):
        check_languages(["en", "en"], "study.yaml: order")


def test_another_table_by_argument_and_by_environment(tmp_path, monkeypatch):
    path = tmp_path / "mine.tsv"
    write_table(path, [row("aa"), row("bb", bactrian_x="no")])
    assert list(languages(path)) == ["aa", "bb"]
    monkeypatch.setenv("POLYTUNE_LANGUAGES", str(path))
    assert language("bb").bactrian_x is False


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([row("aa"), row("aa", iso639_3="xxx", flores="yyy_Latn")], "language 'aa' stands in two rows"),
        ([row("aa"), row("bb", iso639_3="aax")], "iso639_3 'aax' is already AA's"),
        ([row("aa", bactrian_x="maybe")], "bactrian_x is 'maybe'; allowed: yes, no"),
        ([row("aa", family="")], "language 'aa': family is empty"),
        ([row("aa", iso639_3="AAX")], r"iso639_3 is 'AAX', expected text of the pattern \[a-z\]\{3\}"),
        ([row("aa", script="Ethy")], "language 'aa': script: Unicode has no script 'Ethy'"),
        ([row("aa", script="Zzzz")], "language 'aa': script: Unicode has no script 'Zzzz'"),
        ([row("aaaa")], "language is 'aaaa', expected text of the pattern"),
        ([], "no rows"),
    ],
)
def test_broken_tables_are_input_errors(tmp_path, rows, message):
    write_table(tmp_path / "broken.tsv", rows)
    with pytest.raises(InputError, match=message):
        languages(tmp_path / "broken.tsv")


def test_a_language_of_three_letters_is_a_language(tmp_path):
    write_table(tmp_path / "mine.tsv", [row("ceb"), row("aa")])
    assert list(languages(tmp_path / "mine.tsv")) == ["ceb", "aa"]


def test_missing_table_and_missing_column_are_input_errors(tmp_path):
    with pytest.raises(InputError, match="no table of languages"):
        languages(tmp_path / "absent.tsv")
    (tmp_path / "short.tsv").write_text("language\tname\nen\tEnglish\n", encoding="utf-8")
    with pytest.raises(InputError, match="the columns are language, name; they must be language, name, iso639_3"):
        languages(tmp_path / "short.tsv")
