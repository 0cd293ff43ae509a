"""The mapping and the tidy CSV: which run a file or score is of, and which file a row means."""

from __future__ import annotations

from pathlib import Path

import pytest

from polytune.errors import InputError
from polytune.imports.files import list_files, match_files
from polytune.imports.mapping import read_mapping
from tests.cases.harness_logs import write_mapping


def rows(folder, *lines: str, more: str = ""):
    return read_mapping(write_mapping(folder / "mapping.csv", *lines, more=more))


def test_a_mapping(tmp_path):
    mapped = rows(
        tmp_path,
        'geo.log,bloom-1b7,GEO,4,66,"af, bn et;jp",64,lora,fast words',
        "rnd.log,bloom-1b7,RND,4,66,af bn et fr,16,,",
        "base.log,bloom-1b7,,,,,,,",
        more=",rank,method,remark",
    )
    geo, rnd, base = (row.run for row in mapped)
    assert geo.path == "bloom-1b7/lora/geo-4/seed66" and geo.languages == ("af", "bn", "et", "ja")
    assert (geo.size, geo.seed, geo.more) == (4, 66, {"rank": 64, "remark": "fast words"})
    assert rnd.path == "bloom-1b7/imported/rnd-4/seed66"
    assert (base.path, base.languages, base.size) == ("bloom-1b7/base/none/seed0", (), "")


def test_whole_numbers_as_tables_with_gaps_write_them(tmp_path):
    first, second, base = rows(tmp_path, "a.log,m,GEO,2.0,66.0,af bn", "b.log,m,GEO,2.0,67.,af bn", "c.log,m,,,0.0,")
    assert [row.run.seed for row in (first, second, base)] == [66, 67, 0]
    assert first.run.path.endswith("/seed66")


def test_two_logs_of_one_run(tmp_path):
    first, second = rows(tmp_path, "a.log,m,GEO,2,1,af bn", "b.log,m,GEO,2,1,af bn")
    assert first.run == second.run


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a.log,m,GEO,2,1,", "log 'a.log': selection is 'GEO', but no languages are given"),
        ("a.log,m,,2,1,af bn", "languages are given, but no selection"),
        ("a.log,m,GEO,2,,af bn", "seed is '', expected a whole number"),
        ("a.log,m,GEO,2,x,af bn", "seed is 'x', expected a whole number"),
        ("a.log,m,GEO,2,1,af xx", "languages: .*no language 'xx'"),
        ("a.log,m,GEO,2,1,ja jp", "languages: 'ja' stands twice"),
        ("a.log,m/x,GEO,2,1,af", "base is 'm/x', expected a name"),
        ("c.log,m,GEO,2,1,af", "describes the run 'm/imported/geo-2/seed1' otherwise than .*'b.log': languages is"),
        ("b.log,m,GEO,2,1,af bn", "log 'b.log' stands in two rows"),
        ("a.log,m,GEO,2,66.5,af bn", "seed is '66.5', expected a whole number"),
        ("a.log,m,GEO,2,-1,af bn", "seed is '-1', expected a whole number"),
        ("a.log,m,geo,2,7,af bn", "log 'a.log': selection is 'geo', but 'GEO' in .*log 'b.log': write it in one way"),
        ("a.log,other,Geo,4,1,af bn et fr", "selection is 'Geo', but 'GEO' in .*log 'b.log'"),
    ],
)
def test_a_wrong_mapping_is_one_line(tmp_path, line, message):
    with pytest.raises(InputError, match=message) as caught:
        rows(tmp_path, "b.log,m,GEO,2,1,af bn", line)
    assert "\n" not in str(caught.value) and str(caught.value).startswith(f"{tmp_path}/mapping.csv")


def test_a_mapping_without_a_column(tmp_path):
    path = tmp_path / "m.csv"
    path.write_text("logs,base,selection,size,seed,languages\na.log,m,,,,\n")
    with pytest.raises(InputError, match="no column 'log'; did you mean 'logs'"):
        read_mapping(path)


# --- which file a row means ---


def tree(folder, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")
    return folder


def match(folder, *logs: str) -> dict[str, str]:
    mapping = rows(folder, *(f"{log},m,S{number},2,1,af bn" for number, log in enumerate(logs)))
    found = match_files(list_files([folder / "logs"]), mapping, "mapping.csv")
    return {file.name: run.selection for file, run in found.items()}


def test_names_paths_and_folders(tmp_path):
    tree(
        tmp_path / "logs",
        "a.log",
        "deep/b.log.gz",
        "deep/c.out",
        "model__x/results_2024-05-01T10-11-12.3.json",
        "model__x/samples_xcopa_et_2024-05-01T10-11-12.3.jsonl",
        "notes.pdf",
        ".cache/a.log",
    )
    assert match(tmp_path, "a.log", "deep/b.log.gz", "c", "model__x") == {
        "a.log": "S0",
        "deep/b.log.gz": "S1",
        "deep/c.out": "S2",
        "model__x/results_2024-05-01T10-11-12.3.json": "S3",
        "model__x/samples_xcopa_et_2024-05-01T10-11-12.3.jsonl": "S3",
    }


def test_files_that_cannot_be_told_apart(tmp_path):
    tree(tmp_path / "logs", "1/run.log", "2/run.log", "1/other.log")
    with pytest.raises(InputError, match=r"log 'run.log': fits several: .*1/run.log, .*2/run.log; write more"):
        match(tmp_path, "run.log")
    with pytest.raises(InputError, match=r"1/run.log is also of the row '1/run.log'; keep one"):
        match(tmp_path, "1/run.log", "1")
    with pytest.raises(InputError, match=r"log 'ran.log': none of the 3 files has that name; did you mean"):
        match(tmp_path, "ran.log")
    assert match(tmp_path, "1", "2/run.log") == {"1/other.log": "S0", "1/run.log": "S0", "2/run.log": "S1"}


def test_paths_that_are_not_there(tmp_path):
    with pytest.raises(InputError, match="no such file or directory"):
        list_files([tmp_path / "nowhere"])
    with pytest.raises(InputError, match=r"holds no file that ends in \.log"):
        list_files([tree(tmp_path, "a.pdf")])
