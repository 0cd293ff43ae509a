"""The table of languages: how they are related, and who understands whom."""

from __future__ import annotations

import pandas as pd

from polytune.analysis.context import Context, EvaluationInfo
from polytune.tables.languages import build_languages
from polytune.tables.rendering import DASH


def test_languages_that_are_understood_are_named():
    scores = pd.DataFrame({"run": "base", "evaluation": "slavic", "aggregate": "", "language": ["hr", "ru"]})
    runs = pd.DataFrame({"run": ["base"], "base": ["mt5"], "world": [""], "seen_languages": [["ru"]]})
    asked = EvaluationInfo("slavic", "directory", "AlpacaFarm", float("nan"), True)
    context = Context("pinch", "full", (), (asked,), {"hr": "Croatian", "ru": "Russian"})
    table = build_languages(scores, runs, context, "slavic", {"hr": "Serbian", "sr": "Croatian"})
    assert table.header[-2:] == ["mutually intelligible with", "seen by mt5"]
    assert [[cell.text for cell in row[-2:]] for row in table.rows] == [["Serbian", "no"], [DASH, "yes"]]
    assert "mutually intelligible with" not in build_languages(scores, runs, context, "slavic").header
