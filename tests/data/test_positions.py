"""Files without ids: whether their rows are translations of each other by position."""

from __future__ import annotations

import json
import random

import pytest

from polytune.data.positions import correspond
from polytune.data.read import command as read_source
from polytune.files import read_json

ROWS = 2_000


def translation(language: str) -> list[dict]:
    """Rows of one length distribution, translated: every language has its own factor and noise, inputs stay or go."""
    draw, noise = random.Random(1), random.Random(language)
    factor = 0.4 + noise.random()
    rows = []
    for _ in range(ROWS):
        length = draw.lognormvariate(4, 0.6)
        shown = max(1, round(length * factor * noise.lognormvariate(0, 0.15)))
        rows.append({"instruction": "x" * shown, "input": "" if draw.random() < 0.6 else "eins", "output": "yes"})
    return rows


def report(tmp_path, name: str, rows: list[dict], kind: str = "alpaca") -> dict:
    file = tmp_path / f"{name}.json"
    file.write_text(json.dumps(rows))
    read_source(file, kind, tmp_path / f"{name}.parquet", tmp_path / f"{name}.report.json", 0.5)
    return read_json(tmp_path / f"{name}.report.json")


def test_translations_correspond(tmp_path):
    reports = {code: report(tmp_path, code, translation(code)) for code in ("en", "zh", "de", "fi")}
    assert correspond(reports) is None
    assert (tmp_path / "en.report.json").stat().st_size < 2_000  # two bits a row


def test_dropped_rows_move_nothing(tmp_path):
    german = translation("de")
    german[3]["output"] = german[1_700]["output"] = ""
    assert correspond({"en": report(tmp_path, "en", translation("en")), "de": report(tmp_path, "de", german)}) is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda rows: rows[:-1], "en has 2000 rows and de has 1999: without ids rows are parallel by their position"),
        (lambda rows: rows[1:] + rows[:1], "do not stand where those of en do: in rows 1 to 256"),
        (lambda rows: random.Random(3).sample(rows, len(rows)), "in rows 1 to 256"),
        (lambda rows: rows[:1_100] + rows[1_101:] + rows[:1], "in rows 1025 to 1280"),
        (lambda rows: sorted(rows, key=lambda row: len(row["instruction"])), "in rows 1 to 256"),
    ],
)
def test_files_that_were_changed_differently_do_not(tmp_path, change, words):
    reports = {"en": report(tmp_path, "en", translation("en")), "de": report(tmp_path, "de", change(translation("de")))}
    assert words in correspond(reports)


def test_lengths_alone_tell_where_no_row_has_an_input(tmp_path):
    files = {code: [row | {"input": ""} for row in translation(code)] for code in ("en", "de")}
    assert correspond({code: report(tmp_path, code, rows) for code, rows in files.items()}) is None
    files["de"] = files["de"][1:] + files["de"][:1]
    reports = {code: report(tmp_path, code, rows) for code, rows in files.items()}
    assert "long and short prompts do not agree" in correspond(reports)


def test_a_few_rows_are_compared_by_their_inputs(tmp_path):
    rows = [{"instruction": f"do {i}", "input": "x" * (i % 2), "output": "y"} for i in range(12)]
    reports = {"en": report(tmp_path, "en", rows), "de": report(tmp_path, "de", rows[1:] + rows[:1])}
    assert "in rows 1 to 12, 12 have an input in one language only" in correspond(reports)
    assert correspond({"en": reports["en"], "fr": report(tmp_path, "fr", rows)}) is None


def test_rows_with_ids_need_no_positions(tmp_path):
    rows = [row | {"id": str(number)} for number, row in enumerate(translation("en"))]
    reports = {"en": report(tmp_path, "en", rows, "bactrian-x"), "de": report(tmp_path, "de", rows[5:], "bactrian-x")}
    assert reports["en"]["positions"] is None and correspond(reports) is None
