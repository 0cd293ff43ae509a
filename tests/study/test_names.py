"""A study that calls its languages by other names is the same study, and shares every run with the first."""

from __future__ import annotations

import re

import pytest

from polytune.config.settings import load_config
from polytune.errors import InputError
from polytune.languages.codes import languages
from polytune.study.plan import Plan

STUDY = """
study: named
title: Languages by their names
sources: {bactrian-x: {languages: [<en>, <zh>, <de>, <it>]}}
mixtures:
  growing: {family: incremental, source: bactrian-x, order: [<en>, <de>, <it>], sizes: [1, 3], rows: 10}
  spread: {family: percent, source: bactrian-x, languages: [<en>, <de>, <it>], percents: [50], total_rows: 30}
  pairs: {family: pairs, source: bactrian-x, languages: [<en>, <it>], pairs: [[<en>, <it>]], rows: 10}
runs:
  - bases: [bloom-7b1]
    method: full
    mixtures: [growing, spread, pairs]
    seeds: [1]
    hyperparameters:
      {learning_rate: 1e-3, epochs: 1, max_length_tokens: 128, template: bactrian-x, global_batch_rows: 16}
evaluation:
  benchmarks: {xcopa: {languages: [<et>, <it>]}, xwinograd: {}}
  prompts:
    questions: {prompts: world-questions, languages: [<en>, <de>], items: 10, max_new_tokens: 24, identifier: exact}
analysis: {outlier: <it>, counted_as_untuned: {xwinograd: [<en>]}, similarity_method: uriel}
figures:
  one: {draw: language_accuracy, benchmark: xwinograd, languages: [<zh>, <en>]}
tables:
  two: {build: similarity_correlation, benchmark: xcopa-et-it}
world:
  bases: {bloom-7b1: world-bloom}
  sources: {bactrian-x: world}
  mixtures:
    growing: {order: [<en>, <de>, <it>], rows: 5, replay: {source: world-text, rows: 5, languages: [<en>]}}
  languages: {<ht>: <fr>}
  hyperparameters: {learning_rate: 3e-3, template: world}
"""
WAYS = {
    "code": lambda entry: entry.language,
    "iso639_3": lambda entry: entry.iso639_3,
    "flores": lambda entry: entry.flores,
    "name": lambda entry: entry.name,
    "small letters": lambda entry: entry.name.lower(),
}


def plan_of(folder, way: str) -> Plan:
    path = folder / "named.yaml"
    path.write_text(re.sub("<(..)>", lambda match: WAYS[way](languages()[match[1]]), STUDY))
    return Plan(load_config({"studies": [str(path)]}))


@pytest.mark.parametrize("way", WAYS)
def test_every_spec_is_the_same(tmp_path, way):
    codes, named = plan_of(tmp_path, "code"), plan_of(tmp_path, way)
    assert named.specs == codes.specs
    assert named.targets(named.studies) == codes.targets(codes.studies)
    assert "<" not in str(named.specs) and len(named.tuned) > 3


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("order: [<en>, <de>", "order: [English, Germn", "mixtures.growing.order[1]: no language 'Germn'"),
        ("outlier: <it>", "outlier: Itelian", "analysis.outlier: no language 'Itelian'"),
        ("[<zh>, <en>]}", "[Chinese, Englisch]}", "figures.one.languages[1]: no language 'Englisch'"),
        ("[<en>, <de>], items", "[English, Duits], items", "evaluation.prompts.questions.languages: "),
        ("order: [<en>, <de>, <it>], sizes", "order: [de, German, it], sizes", "de stands twice"),
    ],
)  # fmt: skip
def test_what_no_language_is_called_is_said_with_its_place(tmp_path, old, new, message):
    changed = STUDY.replace("world:\n  bases", "world:\n  seeds: [1]\n  bases").replace(old, new, 1)
    if "growing" in message or "twice" in message:
        changed = re.sub(r"    growing: \{order.*\n", "    growing: {rows: 5}\n", changed)
    path = tmp_path / "named.yaml"
    path.write_text(re.sub("<(..)>", r"\1", changed))
    with pytest.raises(InputError) as raised:
        Plan(load_config({"studies": [str(path)]}))
    assert message in str(raised.value) and "\n" not in str(raised.value)
