"""Tables of the project in specs: an edit of a row is in those that it decides, a comment or an empty line in none."""

from __future__ import annotations

import shutil

import pytest

from polytune.config import tables
from polytune.config.judges import judges
from polytune.config.settings import load_config
from polytune.study import answer_specs, specs
from polytune.study.plan import Plan

PUBLISHED = {
    "lucky52-xcopa.csv": ("lucky52", "tables/lucky52/full/table1", "0.44,0.44,0.63", "0.44,0.45,0.63"),
    "alpaca-figure5.csv": ("alpaca", "figures/alpaca/full/fig5", "7b1,multilingual,en,", "7b1,multilingual,en,9"),
    "alpaca-table3.csv": ("alpaca", "tables/alpaca/full/agreement", "en,95.5,93", "en,95.5,94"),
    "pinch-agreement.csv": ("pinch", "tables/pinch/full/agreement", "es,77\n", "es,78\n"),
    "mc4-shares.csv": ("pinch", "figures/pinch/full/fig8", "en,43.6", "en,43.7"),
    "polyglot-gain.csv": ("polyglot", "figures/polyglot/full/gain-large", "9.9\n", "9.8\n"),
}  # fmt: skip
"""Files that studies name: the study, a spec that such a file decides, and an edit of a value."""


@pytest.fixture
def checkout(project, tmp_path, monkeypatch):
    """A copy of `config/` that specs and tables of bases and sources are read from."""
    shutil.copytree(project / "config", tmp_path / "config")
    monkeypatch.setattr(specs, "ROOT", tmp_path)
    monkeypatch.setattr(tables, "ROOT", tmp_path)
    yield tmp_path
    tables._read_table.cache_clear()


def changed(before, study, **config) -> set[str]:
    """What the specs that are other ones now are about."""
    now = specs_of(study, **config)
    assert now.keys() == before.keys()
    return {about for about in now if now[about] != before[about]}


def specs_of(study, **config) -> dict[str, dict]:
    tables._read_table.cache_clear()
    return Plan(load_config({"studies": [study], "scale": "full", **config})).specs


def edit(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def comment(path):
    """Write comments and empty lines where a reader would: above the header, between two rows, at the end."""
    first, *rest = path.read_text(encoding="utf-8").splitlines()
    lines = [first, "# a comment that says nothing", "", *rest[:-1], "# another", rest[-1], "", "# the last"]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("file", PUBLISHED)
def test_a_published_value_decides_what_shows_it_and_a_comment_nothing(checkout, file):
    study, about, old, new = PUBLISHED[file]
    path, before = checkout / "config/published" / file, specs_of(study)
    comment(path)
    assert changed(before, study) == set()
    edit(path, old, new)
    found = changed(before, study)
    assert about in found
    assert all(one.startswith(("figures/", "tables/")) for one in found)


def test_the_source_that_a_published_table_names_is_shown_and_so_decides(checkout):
    before = specs_of("lucky52")
    edit(checkout / "config/published/lucky52-xcopa.csv", "Ji & Chen 2024, arXiv", "Ji and Chen 2024, arXiv")
    assert changed(before, "lucky52") == {"tables/lucky52/full/table1"}


def test_every_published_file_that_a_study_names_is_tried(project):
    studies = "".join(path.read_text() for path in (project / "config/studies").glob("*.yaml"))
    named = {path.name for path in (project / "config/published").glob("*.csv") if f": {path.name}" in studies}
    assert named - set(PUBLISHED) == {"lucky52-xstorycloze.csv", "lucky52-xwinograd.csv"}  # as lucky52-xcopa.csv


def test_a_basic_word_decides_similarities_and_a_comment_nothing(checkout):
    path, before = checkout / "config/languages/basic-words.tsv", specs_of("lucky52")
    comment(path)
    assert changed(before, "lucky52") == set()
    edit(path, "\nen\tai\t", "\nen\tei\t")
    assert changed(before, "lucky52") == {"languages/similarity"}


def test_a_language_that_a_base_has_seen_decides_scores_and_a_comment_nothing(checkout):
    path, before = checkout / "config/bases.tsv", specs_of("lucky52")
    comment(path)
    assert changed(before, "lucky52") == set()
    lines = path.read_text(encoding="utf-8").splitlines()
    (row,) = (number for number, line in enumerate(lines) if line.startswith("bloom-7b1\t"))
    lines[row] = lines[row].replace("ar bn en", "ar bn de en")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert changed(before, "lucky52") == {"scores/lucky52/full"}


def test_how_a_judge_is_reached_decides_no_verdict_and_how_it_writes_does(checkout, monkeypatch):
    path = checkout / "config/judges.yaml"
    monkeypatch.setattr(answer_specs, "judges", lambda: judges(path))
    before = specs_of("polyglot")
    comment(path)
    edit(path, "concurrency: 8\n  requests_per_minute: 500", "concurrency: 7\n  requests_per_minute: 90\n  retries: 9")
    edit(path, "{prompt: 2.5, completion: 10}", "{prompt: 3, completion: 9}")
    assert changed(before, "polyglot") == set()
    edit(path, "{temperature: 0, max_tokens: 512}", "{temperature: 0, max_tokens: 513}")
    found = changed(before, "polyglot")
    assert found and all(about.startswith("verdicts/") and "/gpt-4o/" in about for about in found)


def test_the_layout_of_a_source_decides_its_rows_and_a_comment_nothing(checkout):
    rows = checkout / "rows"
    rows.mkdir()
    (rows / "en.json").write_text("[]")
    given = {"locations": {"sources": {"bactrian-x": f"{rows}/{{language}}.json"}}}
    path, before = checkout / "config/sources.tsv", specs_of("lucky52", **given)
    comment(path)
    assert changed(before, "lucky52", **given) == set()
    edit(path, "bactrian-x\tbactrian-x\tMBZUAI", "bactrian-x\talpaca\tMBZUAI")
    assert changed(before, "lucky52", **given) == {"data/bactrian-x/en"}


def test_a_study_alone_writes_the_specs_of_shared_models_as_all_studies_do():
    """Alpaca and Pinch share monolingual runs and list their hyperparameters in different orders."""
    everything = Plan(load_config({"studies": ["alpaca", "pinch"]}))
    alone = Plan(load_config({"studies": ["pinch"]}))
    runs = [f"runs/{path}" for path in alone.tuned]
    listed = [list(plan.specs[about]["hyperparameters"]) for about in runs for plan in (alone, everything)]
    assert any(mine != other for mine, other in zip(listed[::2], listed[1::2], strict=True)), "orders differ"
    for about in (about for about in alone.specs if about.split("/")[0] in ("runs", "bases", "mixtures")):
        assert specs.spec_text(about, alone.specs[about]) == specs.spec_text(about, everything.specs[about]), about


def test_the_order_of_labels_is_an_option_of_a_figure():
    assert specs.spec_text("figures/x", {"b": 1, "a": 2}) != specs.spec_text("figures/x", {"a": 2, "b": 1})
    assert specs.spec_text("runs/x", {"b": 1, "a": 2}) == specs.spec_text("runs/x", {"a": 2, "b": 1})
