"""Tables at the end of logs: their layouts, what stands before and between them, and what is no table."""

from __future__ import annotations

import gzip
import math

import pytest

from polytune.errors import InputError
from polytune.imports.logs import read_log
from tests.cases.harness_logs import accuracy, log_of, table_03, table_04

RIGHT = {"xcopa": {"et": 260, "zh": 330}, "xwinograd": {"en": 1800, "fr": 50}}


def write(folder, text: str, name: str = "run.log"):
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@pytest.mark.parametrize("direction", [False, True])
def test_tables_of_version_04(tmp_path, direction):
    path = write(tmp_path, log_of(table_04(RIGHT, direction)))
    found = read_log(path)
    assert len(found.printed) == 2 * 2 + 4  # both groups stand in both tables
    by_task = {printed.task: printed for printed in found.printed}
    estonian = by_task["xcopa_et"]
    assert (estonian.value, estonian.stderr) == tuple(round(number, 4) for number in accuracy(260, 500))
    assert (estonian.version, estonian.shots, estonian.measure, estonian.decimals) == ("1", "0", "acc", 4)
    assert by_task["xcopa"].version == "" and by_task["xcopa"].value == round(590 / 1000, 4)
    # the line is the one that an editor, or grep -n, shows
    lines = path.read_bytes().decode().split("\n")
    assert all(printed.task in lines[printed.line - 1] for printed in found.printed)


def test_the_table_of_version_03(tmp_path):
    found = read_log(write(tmp_path, log_of(table_03({"xstorycloze": {"ru": 800}, "paws": {"de": 1000}}))))
    assert [(p.task, p.measure, p.value, p.version) for p in found.printed] == [
        ("xstory_cloze_ru", "acc", 0.5295, "0"),
        ("xstory_cloze_ru", "acc_norm", 0.5295, "0"),
        ("pawsx_de", "acc", 0.5, "0"),
        ("pawsx_de", "acc_norm", 0.5, "0"),
    ]


def test_what_terminals_and_schedulers_add(tmp_path):
    table = table_04(RIGHT)
    plain = read_log(write(tmp_path, log_of(table))).printed
    coloured = "\n".join(f"\x1b[32m{line}\x1b[0m" for line in table.splitlines())
    labelled = "\n".join(f"0: {line}" for line in table.splitlines())
    for text in (coloured, labelled, table.replace("\n", "\r\n")):
        assert [p.value for p in read_log(write(tmp_path, log_of(text))).printed] == [p.value for p in plain]
    # a bar without an end of line before the head, and a bar that was overwritten inside a row's line
    stuck = "100%|████| 5/5 [00:01<00:00]" + table.replace("| - xcopa_zh", " 50%|██  | 3/6\r| - xcopa_zh")
    assert [p.value for p in read_log(write(tmp_path, stuck)).printed] == [p.value for p in plain]
    assert read_log(write(tmp_path, log_of(table).encode("utf-16"))).printed == plain  # a redirect of PowerShell
    packed = tmp_path / "run.log.gz"
    packed.write_bytes(gzip.compress(log_of(table).encode()))
    assert read_log(packed).printed == plain


def test_a_table_ends_at_what_is_no_row_of_it(tmp_path):
    """The empty line after a table may be lost: a bar has `|` too, but does not begin with it."""
    table = table_04({"xcopa": RIGHT["xcopa"]}).rstrip("\n") + "\n"
    plain = read_log(write(tmp_path, table)).printed
    bars = ("100%|████| 5/5 [00:01<00:00]", "Running: 50%|██  | 3/6", "2024-05-01 10:11:12 | INFO | done |", "a | b")
    for bar in bars:
        assert read_log(write(tmp_path, f"{table}{bar}\n")).printed == plain
        labelled = "\n".join(f"2024-05-0{n}T10:11:12Z {line}" for n, line in enumerate((table + bar).splitlines(), 1))
        assert read_log(write(tmp_path, labelled)).printed == plain
    lines = table.splitlines()
    with pytest.raises(InputError, match=r"4 lines look like rows of results, but 1 of them follow .*other output"):
        read_log(write(tmp_path, "\n".join([lines[0], bars[0], *lines[1:]])))


def test_other_filters_metrics_and_gaps(tmp_path):
    head = "|Tasks|Version|Filter|n-shot|Metric|   |Value|   |Stderr|\n|---|---|---|---|---|---|---|---|---|\n"
    rows = (
        "|mmlu |    2|none  |      |      |   |     |   |      |\n"
        "|xcopa|    1|flex  |     0|acc   |↑  | 0.51|±  |   N/A|\n"
        "|     |     |none  |     0|f1    |↑  |  nan|   |      |\n"
    )
    found = read_log(write(tmp_path, head + rows)).printed
    assert [(p.task, p.measure, p.value) for p in found[:1]] == [("xcopa", "acc,flex", 0.51)]
    assert math.isnan(found[0].stderr) and (found[1].task, found[1].measure) == ("xcopa", "f1")
    assert math.isnan(found[1].value) and len(found) == 2


OLD = {"paws": {"de": 1000}}


@pytest.mark.parametrize(("limit", "known"), [("None", ""), ("100", "100"), ("500.0", "500.0")])
@pytest.mark.parametrize(("table", "shots"), [(table_04(RIGHT), ""), (table_03(OLD), "4")])
def test_a_limit_is_known(tmp_path, table, shots, limit, known):
    """From the settings of either version."""
    assert read_log(write(tmp_path, log_of(table, limit=limit, shots=shots))).limit == known


@pytest.mark.parametrize(("written", "known"), [("0", "0"), ("25", "25"), ("None", "")])
def test_shots_of_version_03_stand_in_the_settings(tmp_path, written, known):
    found = read_log(write(tmp_path, log_of(table_03(OLD), shots=written))).printed
    assert {printed.shots for printed in found} == {known} and len(found) == 2


def test_each_table_has_its_own_settings(tmp_path):
    """Two evaluations in one log; and a table that has a column of shots keeps to that."""
    first, second = log_of(table_03(OLD), shots="0"), log_of(table_03({"xcopa": {"et": 260}}), limit="9", shots="5")
    found = read_log(write(tmp_path, first + second))
    assert {(printed.task, printed.shots) for printed in found.printed} == {("pawsx_de", "0"), ("xcopa_et", "5")}
    assert found.limit == "9"
    newer = read_log(write(tmp_path, log_of(table_04(RIGHT, direction=True), shots="5"))).printed
    assert {printed.shots for printed in newer} == {"0", ""}


@pytest.mark.parametrize("text", ["", "nothing happened\n", "|Tasks|Values|\n|---|---|\n", log_of("")])
def test_a_log_without_a_table(tmp_path, text):
    assert read_log(write(tmp_path, text)) is None


def test_hostile_logs_are_one_line(tmp_path):
    table = table_04(RIGHT)
    row = "| - xcopa_zh    |"
    cases = {
        table[: table.index(row) + 30]: "line 5: 3 cells, the head of the table has 8.*is the log cut",
        table.replace(row, f"Traceback!\n{row}"): "8 lines look like rows of results, but 4 of them follow",
        table.replace("|acc   |0.6600", "|acc   |o.66oo"): "line 5: xcopa_zh: the value is 'o.66oo', expected a number",
        table.replace("Metric", "metric", 1): "line 1: the table has no column 'Metric'; it has: Tasks, Version",
        table.replace("±", "+").encode("utf-16-le"): "a NUL character in line 1: no text",
        log_of(table).encode("latin-1", "replace").replace(b"?", b"\xb1"): "invalid UTF-8 in line",
    }
    for text, message in cases.items():
        with pytest.raises(InputError, match=message) as caught:
            read_log(write(tmp_path, text))
        assert "\n" not in str(caught.value) and str(caught.value).startswith(str(tmp_path))
