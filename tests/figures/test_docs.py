"""docs/figures.md names every kind of figure and table with every option."""

import importlib
import inspect
import re

import pytest

from polytune import ROOT
from polytune.config.settings import load_study
from polytune.figures.draw import FIGURES
from polytune.tables.build import TABLES

GIVEN = {"scores", "similarity"}  # filled by the command, not by the study


def documented() -> dict[str, str]:
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \|", (ROOT / "docs" / "figures.md").read_text(), flags=re.MULTILINE)
    return dict(rows)


@pytest.mark.parametrize(("kind", "place"), [*FIGURES.items(), *TABLES.items()])
def test_every_kind_is_documented_with_its_options(kind, place):
    function = getattr(importlib.import_module(place[0]), place[1])
    options = documented()[kind]
    for option in set(inspect.signature(function).parameters) - GIVEN:
        assert f"`{option}`" in options, (kind, option)


def test_nothing_else_is_documented():
    assert set(documented()) == {*FIGURES, *TABLES}


def test_the_study_has_every_figure_and_table_of_the_paper():
    study = load_study("lucky52")
    assert [name for name in study["figures"] if name.startswith("fig")] == [
        *(f"fig1{letter}" for letter in "abcd"),
        *(f"fig2{letter}" for letter in "ab"),
        *(f"fig3{letter}" for letter in "abcdefg"),
        *(f"fig4{letter}" for letter in "ab"),
    ]
    assert {spec["draw"] for spec in study["figures"].values()} <= set(FIGURES)
    assert {"table1", "table2", "table3"} <= set(study["tables"])
    assert {spec["build"] for spec in study["tables"].values()} <= set(TABLES)
