"""The tables of bases and sources: typed cells, and what is wrong with one in words."""

from __future__ import annotations

import subprocess
import sys

import pytest

from polytune.config.tables import Base, Source, build_row, read_bases, read_sources
from polytune.errors import InputError

HEADER = list(Base.__dataclass_fields__)
CELLS = {"base": "b-1", "architecture": "decoder", "location": "x/b", "tokenizer": "t.1", "licence": "mit"}
CELLS |= {"revision": "-", "parameters": "12", "layers": "", "hidden": "-", "trusts_remote_code": "false"}
CELLS |= {"pretraining_languages": "en  zh", "counted_as_seen": "-", "template": "-", "notes": "-"}
SOURCE = {"source": "s", "kind": "alpaca", "location": "-", "file": "x.{language}.json", "revision": "-"}
SOURCE |= {"languages": "en ceb", "licence": "CC BY-NC 4.0"}


def write(path, *rows: dict, header: list[str] = HEADER):
    lines = ["\t".join(header), *("\t".join(row[column] for column in header) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_the_projects_tables_are_read(project):
    bases, sources = read_bases(project / "config/bases.tsv"), read_sources(project / "config/sources.tsv")
    assert bases["bloom-560m"].parameters == 559_214_592 and bases["bloom-560m"].trusts_remote_code is False
    assert sources["bactrian-x"].kind == "bactrian-x" and len(sources["bactrian-x"].languages) == 52


def test_cells_have_the_types_of_their_columns_in_any_order(tmp_path):
    table = read_bases(write(tmp_path / "bases.tsv", CELLS, {**CELLS, "base": "c"}, header=HEADER[::-1]))
    assert list(table) == ["b-1", "c"]
    assert table["b-1"] == Base(
        "b-1", "decoder", "x/b", "t.1", "mit", parameters=12, pretraining_languages=("en", "zh")
    )


@pytest.mark.parametrize(
    ("column", "cell", "message"),
    [
        (
            "architecture",
            "decodr",
            "architecture is 'decodr'; did you mean 'decoder'.; allowed: decoder, encoder-decoder",
        ),
        ("parameters", "0.56B", "parameters is '0.56B', expected a whole number"),
        ("parameters", "-5", "parameters is '-5', expected a whole number"),
        ("parameters", "1e6", "parameters is '1e6', expected a whole number"),
        ("parameters", "９", "parameters is '９', expected a whole number"),
        ("trusts_remote_code", "False", "trusts_remote_code is 'False'; allowed: yes, no, true, false"),
        ("trusts_remote_code", "-", "trusts_remote_code is empty"),
        ("tokenizer", "my tokenizer", "tokenizer is 'my tokenizer', expected text of the pattern"),
        ("tokenizer", "../t", "tokenizer is '../t', expected text of the pattern"),
        ("base", "B 1", "base is 'B 1', expected text of the pattern"),
        ("location", "-", "location is empty"),
        ("pretraining_languages", "en zh en", "pretraining_languages: 'en' stands twice"),
    ],
)
def test_a_wrong_cell_is_named_with_row_and_column(tmp_path, column, cell, message):
    path = write(tmp_path / "bases.tsv", {**CELLS, column: cell})
    with pytest.raises(InputError, match=rf"bases\.tsv: base '.*': {message}"):
        read_bases(path)


@pytest.mark.parametrize(
    ("column", "cell", "message"),
    [
        ("kind", "alpacca", "kind is 'alpacca'; did you mean 'alpaca'"),
        ("file", "x.json", "file is 'x.json', expected text of the pattern"),
        ("file", "{language}/{split}.json", "expected text of the pattern"),
    ],
)
def test_a_wrong_cell_of_a_source(tmp_path, column, cell, message):
    header = list(SOURCE)
    assert read_sources(write(tmp_path / "s.tsv", SOURCE, header=header))["s"].languages == ("en", "ceb")
    with pytest.raises(InputError, match=message):
        read_sources(write(tmp_path / "s.tsv", {**SOURCE, column: cell}, header=header))


def test_a_row_may_come_from_yaml():
    values = {"base": "w", "architecture": "decoder", "location": "world", "tokenizer": "w", "licence": "mit"}
    base = build_row(Base, {**values, "parameters": 600_000, "pretraining_languages": ["en", "zh"]}, "world.yaml")
    assert (base.parameters, base.seen_languages, base.revision) == (600_000, {"en", "zh"}, None)
    for change, message in [
        ({"parametres": 1}, "unknown key 'parametres'; did you mean 'parameters'"),
        ({"parameters": True}, "parameters is True, expected a whole number"),
        ({"parameters": 1.5}, "parameters is 1.5, expected a whole number"),
        ({"trusts_remote_code": "maybe"}, "trusts_remote_code is 'maybe'"),
        ({"trusts_remote_code": ["yes"]}, "trusts_remote_code is"),
        ({"architecture": ["decoder"]}, "architecture is"),
        ({"location": 3}, "location is 3, expected text"),
        ({"pretraining_languages": ["en", 3]}, "pretraining_languages is .*, expected a list of words"),
    ]:
        with pytest.raises(InputError, match=f"world.yaml: base 'w': {message}"):
            build_row(Base, {**values, **change}, "world.yaml")
    with pytest.raises(InputError, match=r"world\.yaml: base 'w': the key 'licence' is missing"):
        build_row(Base, {key: value for key, value in values.items() if key != "licence"}, "world.yaml")
    assert build_row(Source, SOURCE, "x").location is None


def test_tables_load_nothing_heavy():
    script = "import sys, polytune.config.tables; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert "polytune.config.tables" in modules
    assert not {"numpy", "pandas", "pyarrow", "torch", "typer", "yaml"} & set(modules)
