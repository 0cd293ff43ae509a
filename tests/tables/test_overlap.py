"""Languages in common of base, mixtures and benchmark, against the counts that the authors of the paper give."""

from __future__ import annotations

import pandas as pd
import pytest

from polytune.analysis.choices import RunChoice
from polytune.analysis.context import Context, EvaluationInfo
from polytune.config import tables
from polytune.config.benchmarks import find_benchmark
from polytune.config.settings import load_config
from polytune.errors import InputError
from polytune.languages.codes import from_task_code
from polytune.languages.selections import select_languages
from polytune.languages.vectors import build_vectors, feature_set
from polytune.study.plan import Plan
from polytune.tables.overlap import build_overlap
from polytune.tables.rendering import to_markdown

BENCHMARKS = ("xnli", "xcopa", "xstorycloze", "xwinograd", "pawsx")
# `lang_intersections_all.csv` of the authors' repository, of which tables 4 to 6 are made: languages of set and task,
# of mGPT, set and task, and of mGPT and set. mT5 is without Tagalog there and BLOOM without Chinese (docs/studies).
ORDER = ("all", "fam", "geo", "learn", "rnd", "sem", "typo")
OF_SET_AND_TASK = {
    "xnli": (13, 7, 4, 3, 9, 3, 9),
    "xcopa": (9, 8, 5, 4, 6, 1, 7),
    "xstorycloze": (10, 6, 2, 3, 7, 1, 5),
    "xwinograd": (6, 3, 2, 2, 6, 2, 3),
    "pawsx": (7, 4, 2, 2, 7, 3, 4),
}
OF_ALL_THREE = {
    "xnli": (12, 6, 4, 3, 8, 3, 8),
    "xcopa": (8, 7, 5, 4, 5, 1, 6),
    "xstorycloze": (9, 5, 2, 3, 6, 1, 4),
    "xwinograd": (5, 2, 2, 2, 5, 2, 2),
    "pawsx": (6, 3, 2, 2, 6, 3, 3),
}
OF_MGPT_AND_TASK = {"xnli": 14, "xcopa": 8, "xstorycloze": 10, "xwinograd": 5, "pawsx": 6}
OF_MGPT_AND_SET = (39, 20, 14, 15, 24, 11, 18)
SIZES = (52, 22, 16, 20, 32, 16, 21)


@pytest.fixture(scope="module")
def tuned():
    """The runs of the full study on mGPT and BLOOM-7B1, with the languages that k-means chooses for TYPO."""
    plan = Plan(load_config({"studies": ["linguistic"], "scale": "full"}))
    vectors, rows = feature_set(build_vectors(), "typo"), []
    for path, run in plan.tuned.items():
        recipe = plan.recipes[run.mixture]
        if run.base.name not in ("mgpt-1.3b", "bloom-7b1") or recipe.size not in (14, 52):
            continue
        held = recipe.languages
        if recipe.selection:
            seed = recipe.selection["seed"]
            held = tuple(select_languages("typo", 14, seed, recipe.languages, vectors)["languages"])
        rows.append({"run": path, "base": run.base.name, "method": "lora", "variant": "", "mixture": run.mixture,
                     "world": "", "seed": run.seed, "n_languages": len(held), "languages": list(held), "family": "",
                     "seen_languages": sorted(tables.bases()[run.base.name].seen_languages),
                     "features": recipe.coordinates["features"]})  # fmt: skip
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def scores():
    rows = []
    for name in BENCHMARKS:
        row = find_benchmark(name, "test")
        codes = [from_task_code(code, row.code_scheme) for code in row.languages]
        rows += [{"evaluation": name, "aggregate": "", "language": code} for code in codes]
        rows.append({"evaluation": name, "aggregate": "mean", "language": ""})
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def context():
    return Context("s", "full", (), tuple(EvaluationInfo(name, "hub", name, 0.5, True) for name in BENCHMARKS), {})


def test_the_counts_are_those_of_the_authors(tuned, scores, context):
    data = build_overlap(scores, tuned, context, RunChoice(bases=["mgpt-1.3b"]), against="features").data
    counts = data.set_index(["evaluation", "features"])
    for name in BENCHMARKS:
        here = counts.loc[name].loc[list(ORDER)]
        assert tuple(here["held_asked"]) == OF_SET_AND_TASK[name]
        assert tuple(here["all_three"]) == OF_ALL_THREE[name]
        assert set(here["seen_asked"]) == {OF_MGPT_AND_TASK[name]}
        assert tuple(here["seen_held"]) == OF_MGPT_AND_SET and tuple(here["held"]) == SIZES
        assert list(here["languages"].str.split().map(len)) == list(OF_ALL_THREE[name])


def test_bloom_has_seen_chinese(tuned, scores, context):
    """The authors' counts of BLOOM are one lower wherever Chinese is asked about: ROOTS has it."""
    bloom = build_overlap(scores, tuned, context, RunChoice(bases=["bloom-7b1"]), ["pawsx"], "features").data
    assert set(bloom["seen_asked"]) == {3 + 1}
    held = bloom.set_index("features")
    assert held.at["all", "seen_held"] == 18 + 1 and held.at["fam", "seen_held"] == 8 + 1
    assert held.at["geo", "seen_held"] == 8  # without Chinese


def test_rows_begin_with_what_has_most_in_common_and_say_what_they_are_of(tuned, scores, context):
    table = build_overlap(scores, tuned, context, RunChoice(), ["xwinograd"], "features")
    assert len(table.rows) == 2 * 7
    shared = [int(row[3].text.split("/")[0]) for row in table.rows]
    assert shared == sorted(shared, reverse=True) and table.rows[0][3].text == "5/6"
    shown = to_markdown(table)
    assert "of up to 3 mixtures" in shown and "| mgpt-1.3b | all | 5/6 | 6/6 | 5/6 | 39/52 | en fr ja pt ru |" in shown


def test_what_is_not_there_is_refused(tuned, scores, context):
    with pytest.raises(InputError, match="against: no column 'featured'"):
        build_overlap(scores, tuned, context, RunChoice(), against="featured")
    with pytest.raises(InputError, match="no benchmark 'xnlli'"):
        build_overlap(scores, tuned, context, RunChoice(), ["xnlli"])
    with pytest.raises(InputError, match="no tuned model is chosen"):
        build_overlap(scores, tuned.iloc[:0], context, RunChoice(), against="features")
