"""Vectors of a base as features of a selection and as a similarity: what is planned, checked and shared."""

from __future__ import annotations

import pytest

from polytune.config.settings import load_config
from polytune.errors import InputError
from polytune.study.plan import Plan

STUDY = """\
study: small
title: A case
sources: {bactrian-x: {languages: all}}
mixtures:
  far: {family: selected, source: bactrian-x, features: model, base: bloom-7b1, k: [2, 3], selection_seeds: [1, 2],
        languages: [en, zh, it, tr], rows: 40}
  other: {family: selected, source: bactrian-x, features: model, base: bloom-560m, k: 2, selection_seeds: [1],
          algorithm: kcentre, languages: [en, zh, it, tr], rows: 40}
runs:
  - {bases: [bloom-7b1, bloom-560m], method: full, mixtures: [far, other], seeds: [1], hyperparameters:
      {learning_rate: 1e-3, epochs: 1, global_batch_rows: 8, max_length_tokens: 64, template: bactrian-x}}
evaluation: {benchmarks: [xcopa]}
tables:
  near: {build: transfer, similarity_measure: model, vectors_of: bloom-7b1, bases: [bloom-7b1]}
  genetic: {build: transfer, bases: [bloom-7b1]}
world:
  bases: {bloom-7b1: world-bloom, bloom-560m: world-bloom-small}
  sources: {bactrian-x: world}
  hyperparameters: {template: world}
"""


def plan_of(tmp_path, text=STUDY, scale="world"):
    path = tmp_path / "study.yaml"
    path.write_text(text)
    return Plan(load_config({"studies": [str(path)], "scale": scale}))


@pytest.mark.parametrize(("scale", "bases"), [("world", ("world-bloom-w1", "world-bloom-small-w1")),
                                              ("full", ("bloom-7b1", "bloom-560m"))])  # fmt: skip
def test_a_selection_by_a_bases_vectors_asks_for_them(tmp_path, scale, bases):
    plan = plan_of(tmp_path, scale=scale)
    selections = plan.chosen.selections
    assert len(selections) == 4 + 1 and len(set(selections)) == 5
    # four selections of one base read one file; all languages, for the table, are another
    asked = {(one.base, one.languages) for one in plan.chosen.vectors.values()}
    source = "world-w1" if scale == "world" else "bactrian-x"
    every = plan.sources[source].languages
    assert {(base, len(languages)) for base, languages in asked} == {(base, 4) for base in bases} | {
        (bases[0], len(every))
    }
    for name, recipe in selections.items():
        (file,) = plan.chosen.own_vectors(name)
        made = plan.chosen.vectors[file.rpartition("/")[2].removesuffix(".parquet")]
        assert made.base == recipe.selection["base"] and set(made.languages) == set(recipe.languages)
        options = dict(zip(*[iter(plan.chosen.options(name))] * 2, strict=True))
        assert options["--own-vectors"] == file and options["--features"] == "model"
        reports = plan.chosen.reports(made.name)
        assert reports == [plan.paths.report(source, code) for code in made.languages]
        assert plan.specs[f"vectors/{made.name}"]["languages"] == list(made.languages)


def test_a_table_reads_the_similarities_of_the_base_that_it_names(tmp_path):
    plan = plan_of(tmp_path)
    near, genetic = (plan.kind_files("small", "tables", name)["--similarity"] for name in ("near", "genetic"))
    assert genetic == plan.paths.similarity and near.startswith(
        f"{plan.paths.results}/languages/models/world-bloom-w1-"
    )


def test_another_base_is_another_selection(tmp_path):
    """Two studies with one key of `mixtures` and two bases: another thing under one name is refused."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "a/study.yaml").write_text(STUDY)
    text = STUDY.replace("study: small", "study: second").replace("base: bloom-7b1", "base: bloom-560m")
    (tmp_path / "b/study.yaml").write_text(text)
    both = [str(tmp_path / folder / "study.yaml") for folder in "ab"]
    with pytest.raises(InputError, match="the mixture 'world-w1-far-model-k2-seed1-40-rows' is another one"):
        Plan(load_config({"studies": both}))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "base: bloom-7b1, k",
            "base: bloom-7b, k",
            "mixtures.far.base: no run of the study has the base 'bloom-7b'; did",
        ),
        ("base: bloom-7b1, k", "vectors: own.csv, base: bloom-7b1, k", "go together, or 'model' and 'base'"),
        ("features: model, base: bloom-7b1", "features: sem, base: bloom-7b1", "go together, or 'model' and 'base'"),
        ("features: model, base: bloom-7b1", "features: geo, base: bloom-7b1", "go together, or 'model' and 'base'"),
        ("vectors_of: bloom-7b1", "vectors_of: bloom-7b", "tables.near.vectors_of: no base 'bloom-7b'"),
    ],
)
def test_a_mistake_is_said_when_planning(tmp_path, old, new, message):
    assert old in STUDY
    with pytest.raises(InputError, match=message):
        plan_of(tmp_path, STUDY.replace(old, new, 1), scale="full")
