"""What a command is given on top of the configuration, and that snakemake gets the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from polytune.config.given import Given
from polytune.errors import InputError


def test_values_stand_above_files_and_files_above_the_default(project, monkeypatch, tmp_path):
    monkeypatch.chdir(project)
    mine = tmp_path / "mine.yaml"
    mine.write_text("scale: full\nstorage: {results: here}\n")
    merged = Given([mine], ["storage={results: there}", "studies=[pinch]"]).merge()
    assert (merged["scale"], merged["storage"]["results"], merged["studies"]) == ("full", "there", ["pinch"])
    assert Given.of(None, None).merge() == Given().merge()
    assert Given().merge()["scale"] == "world"


def test_snakemake_gets_the_same():
    assert Given().words() == []
    assert Given([Path("a.yaml"), Path("b.yaml")], ["c=1", "d=[2]"]).words() == [
        "--configfile", "a.yaml", "b.yaml", "--config", "c=1", "d=[2]"
    ]  # fmt: skip


def test_the_line_that_calls_snakemake_with_the_same():
    assert Given().call("--force") == "snakemake --force"
    given = Given([Path("my a.yaml")], ["studies=[pinch]", "scale=full"])
    line = "snakemake --force --configfile 'my a.yaml' --config 'studies=[pinch]' scale=full --"
    assert given.call("--force") == line


def test_a_file_in_the_place_of_a_value_is_told_where_it_belongs(project, monkeypatch):
    monkeypatch.chdir(project)
    with pytest.raises(InputError, match=r"--config my\.yaml: expected KEY=VALUE .a file is given with --configfile"):
        Given((), ["my.yaml"]).merge()
