"""What `add-source` says of files of rows, and what it refuses."""

import json

import pytest

from polytune.errors import InputError
from polytune.own.source import command


def write(folder, name, ids, count=8):
    """Write rows with ids, or without (None)."""
    folder.mkdir(exist_ok=True)
    rows = [{"instruction": f"ask {i}", "input": "", "output": f"say {i}"} for i in range(count)]
    if ids is not None:
        rows = [{"id": identifier, **row} for identifier, row in zip(ids, rows, strict=False)]
    (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))


def add(folder, capsys, pattern=""):
    command(str(folder) + pattern, folder.parent / "my.yaml")
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("ids", "said"),
    [
        ((range(8), range(8)), "2 languages, rows are parallel by their id, of which 8 are in every language"),
        ((range(8), range(5, 13)), "2 languages, rows are parallel by their id, of which 3 are in every language"),
        ((range(8), range(8, 16)), "2 languages, rows are not parallel: no id is in every language"),
        ((None, None), "2 languages, rows are parallel by their position"),
    ],
)
def test_whether_rows_are_parallel_is_looked_at(tmp_path, capsys, ids, said):
    for code, mine in zip(("en", "de"), ids, strict=True):
        write(tmp_path / "rows", f"{code}.jsonl", mine)
    assert add(tmp_path / "rows", capsys).endswith(f"source 'rows': {said}\n")


def test_files_of_other_lengths_are_not_parallel_by_position(tmp_path, capsys):
    write(tmp_path / "rows", "en.jsonl", None)
    write(tmp_path / "rows", "de.jsonl", None, count=9)
    assert "rows are not parallel: en has 8 rows and de has 9" in add(tmp_path / "rows", capsys)


@pytest.mark.parametrize("having", ["en", "de"])
def test_ids_in_some_languages_only_are_refused(tmp_path, having):
    for code in ("en", "de"):
        write(tmp_path / "rows", f"{code}.jsonl", range(8) if code == having else None)
    [other] = {"en", "de"} - {having}
    with pytest.raises(
        InputError, match=f"{other}.jsonl: the rows of {having} have ids and those of {other} have none"
    ):
        command(str(tmp_path / "rows"), tmp_path / "my.yaml")
    assert not (tmp_path / "my.yaml").exists()


def test_files_that_are_not_read_are_named(tmp_path, capsys):
    for name in ("en.jsonl", "ca.jsonl", "de.jsonl", "fr.csv"):
        write(tmp_path / "rows", name, range(8))
    said = add(tmp_path / "rows", capsys)
    assert "left out, since config/languages.tsv has no such language: ca.jsonl\n" in said
    assert "left out, since {language}.jsonl is read: fr.csv\n" in said
    assert "2 languages" in said


@pytest.mark.parametrize(
    ("name", "text", "pattern", "message"),
    [
        ("en.jsonl", "", "", r"en\.jsonl: holds no rows"),
        (
            "enen.jsonl",
            "",
            "/{language}{language}.jsonl",
            r"\{language\} stands 2 times in the pattern; it must stand once",
        ),
    ],
)
def test_what_cannot_be_read_is_one_line(tmp_path, name, text, pattern, message):
    (tmp_path / "rows").mkdir()
    (tmp_path / "rows" / name).write_text(text)
    with pytest.raises(InputError, match=message):
        command(str(tmp_path / "rows") + pattern, tmp_path / "my.yaml")
