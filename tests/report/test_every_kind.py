"""The sentence of a figure or table of every kind, from made-up studies: words that a reader knows, none of the code's.

What is drawn is what the figures' and tables' own functions make, so that a sentence sees every column they write.
"""

from __future__ import annotations

import json
import re

import pytest

from polytune import ROOT
from polytune.analysis.asked import Asked
from polytune.config.kinds import call_kind
from polytune.figures.kinds import FIGURES
from polytune.languages.codes import languages
from polytune.languages.vectors import build_vectors
from polytune.report.rows import read_rows
from polytune.report.sentences import interpret
from polytune.tables.kinds import TABLES
from polytune.tables.rendering import Table
from tests.cases.synthetic_answers import TUNED, alpaca_study
from tests.cases.synthetic_duels import ASKED, pinch_study
from tests.cases.synthetic_similarity import synthetic_similarity
from tests.cases.synthetic_study import collect_study, incremental_runs, make_run, write_results

SECTIONS = {"draw": ("figures", FIGURES), "build": ("tables", TABLES)}
ANSWERS = {"benchmark": "questions"}
WIN = {"benchmark": "questions", "measure": "win", "opponent": "monolingual"}
LARGE = {"bases": ["world-bloom-l"]}
TOTALS = {"measure": "rating_in_language", "total_of": 50, "own": ["monolingual"], "languages": list(TUNED)}
SAID_WITH_A_NUMBER = {"turn", "rating", "r", "p", "q", "k", "items"}
"""Columns whose name stands before a number in English as well."""
ENGLISH = {"it", "is", "no", "or", "so"}
"""Codes of languages that are words."""
DRAWS = {"against": "features", "over": ["selection_seed"]}
CHOSEN = {"against": "features", "reference": "rnd"}
CORRELATED = {"benchmark": "xcopa"}
SPECS = [
    ("growing", {"draw": "accuracy_by_languages", "benchmarks": ["xcopa", "xwinograd"]}),
    ("growing", {"draw": "language_accuracy", "benchmark": "xcopa", "languages": ["zh", "th"]}),
    ("growing", {"draw": "exposure_panels", "exposure": "tuning", "benchmarks": ["xcopa"]}),
    ("sets", {"draw": "comparison", "test_over": "runs", **CHOSEN}),
    ("growing", {"draw": "language_map"}),
    ("growing", {"draw": "language_vectors"}),
    ("donors", {"draw": "values", "benchmarks": ["xcopa"], "against": "language", "by": "tuned_on"}),
    ("ratings", {"draw": "values", "benchmarks": ["questions"], "against": "parameters", "by": "family",
                 "panels": "language", **TOTALS}),
    ("ratings", {"draw": "language_confusion", "panels": "family", **ANSWERS, **LARGE}),
    ("ratings", {"draw": "decomposition", "reference": "english", "own": ["monolingual"],
                 "measure": "rating_in_language", "languages": list(TUNED), **ANSWERS, **LARGE}),
    ("ratings", {"draw": "pairs", "beside": "language_pass", "measure": "rating", "panels": "evaluation", **ANSWERS}),
    ("ratings", {"draw": "radar", "turns": "together", "mean": "mean", "measure": "rating",
                 "families": ["multilingual", "downsampled"], **ANSWERS}),
    ("ratings", {"draw": "gains", "reference": "monolingual", "measure": "rating",
                 "families": ["multilingual", "downsampled", "monolingual"], **ANSWERS}),
    ("duels", {"draw": "matrix", "families": ["monolingual"], **WIN}),
    ("duels", {"draw": "language_groups", "families": ["percent"], "against": "percent",
               "groups": {"English": ["en"], "others": [code for code in ASKED if code != "en"]}, **WIN}),
    ("duels", {"draw": "pair_means", "families": ["monolingual", "pairs"], **WIN}),
    ("duels", {"draw": "corpus_share", "families": ["monolingual"], "shares": "shares.csv", **WIN}),
    ("duels", {"draw": "rating_shares", "families": ["monolingual"], "measure": "rating", **ANSWERS}),
    ("growing", {"build": "accuracy"}),
    ("donors", {"build": "values", "benchmarks": ["xcopa"], "against": "tuned_on", "columns": "language"}),
    ("donors", {"build": "comparison", "against": "tuned_on", "reference": "base", "test_over": "items"}),
    ("donors", {"build": "comparison", "against": "n_languages", "reference": "1", "test_over": "items",
                "mixtures": ["world-th", "world-both"]}),
    ("sets", {"build": "run_means", **CHOSEN}),
    ("sets", {"build": "variance_components", **DRAWS}),
    ("sets", {"build": "ranks", **DRAWS}),
    ("sets", {"build": "measure_separation", **DRAWS}),
    ("sets", {"build": "selection_effect", **CHOSEN}),
    ("duels", {"build": "win_rates", "against": "tuned_on", "families": ["monolingual"]}),
    ("growing", {"build": "group_means"}),
    ("growing", {"build": "transfer"}),
    ("growing", {"build": "similarity_correlation", **CORRELATED}),
    ("growing", {"build": "correlation_details", **CORRELATED}),
    ("growing", {"build": "outlier_checkpoints"}),
    ("ratings", {"build": "judge_checks"}),
    ("ratings", {"build": "judged_totals", **TOTALS, **ANSWERS}),
    ("ratings", {"build": "human_agreement", "published": "alpaca-table3.csv"}),
    ("ratings", {"build": "language_confusion", "panels": "family", **ANSWERS, **LARGE}),
    ("growing", {"build": "languages", "benchmark": "xcopa"}),
    ("growing", {"build": "exposure_groups"}),
    ("sets", {"build": "language_overlap", "against": "features"}),
    ("growing", {"build": "cut_answers"}),
]  # fmt: skip


def test_every_kind_is_here():
    used = {spec.get(key) for _, spec in SPECS for key in SECTIONS} - {None}
    assert used == {*FIGURES, *TABLES}


@pytest.fixture(scope="module")
def studies(tmp_path_factory):
    """Growing mixtures and sets of languages in three draws on two bases; donors; rated answers; wins."""
    folder, runs = tmp_path_factory.mktemp("growing"), incremental_runs((1, 2, 4, 8, 12))
    made = {"growing": collect_study(folder, _with_cuts(folder, write_results(folder, runs, items=30)))}
    runs = [make_run([], base=base) for base in ("world-bloom", "world-gpt")]
    for run in list(runs):
        for draw in (1, 2, 3):
            for name, codes in (("rnd", ["zh", "it"]), ("geo", ["ta", "th", "tr"][:draw]), ("fam", ["et", "sw"])):
                about = {"seed": draw, "family": "selected", "coordinates": {"features": name, "selection_seed": draw}}
                runs.append(make_run(codes, f"world-{name}-{draw}", run["base"].removesuffix("-w1"), **about))
    folder = tmp_path_factory.mktemp("sets")
    made["sets"] = collect_study(folder, write_results(folder, runs, ("xcopa", "xwinograd"), items=20))
    donors = [make_run([])]
    for code in ("th", "sw", "zh"):
        donors.append(make_run([code], f"world-{code}", family="single", coordinates={"tuned_on": code}))
    donors.append(make_run(["th", "sw"], "world-both", family="both"))
    folder = tmp_path_factory.mktemp("donors")
    made["donors"] = collect_study(folder, write_results(folder, donors, ("xcopa",), items=40))
    made["ratings"] = alpaca_study(tmp_path_factory.mktemp("ratings"), items=20)
    made["duels"] = pinch_study(tmp_path_factory.mktemp("duels"))
    return made


def _with_cuts(folder, spec):
    """Let the manifests of trainings say that answers of a language were cut; return the spec."""
    for path in folder.rglob("model/manifest.json"):
        part = {"source": "world-w1", "language": "zh", "cut": {"rows": 400, "partly": 30, "wholly": 99}}
        path.write_text(json.dumps(json.loads(path.read_text()) | {"parts": [part]}))
    return spec


@pytest.fixture(scope="module")
def vectors(tmp_path_factory):
    path = tmp_path_factory.mktemp("languages") / "vectors.parquet"
    build_vectors().to_parquet(path)
    synthetic_similarity().to_parquet(path.with_name("similarity.parquet"))
    return path


def make(study, spec, vectors, folder):
    """Return the rows of the csv file of a figure or table, and its sentence."""
    key = next(iter(spec))
    section, kinds = SECTIONS[key]
    content = study.asked(spec)
    asked = Asked(content, study.tables, section)
    given = {**asked.tables(kinds[spec[key]].needs), "context": asked.context, "vectors": vectors}
    given |= {"published_folder": ROOT / "config/published", "similarity": vectors.with_name("similarity.parquet")}
    made = call_kind(kinds, key, spec, given, asked.defaults, asked.where)
    data = made.data if isinstance(made, Table) else made.table
    data.to_csv(folder / "one.csv", index=False, float_format="%.6g")
    rows = read_rows(folder / "one.csv")
    return rows, interpret(section, content, rows)


def strange_words(sentence: str, rows: list[dict[str, str]]) -> set[str]:
    """Return the words of a sentence that are a column with its number, a column's name or a language's code."""
    columns = {name for row in rows for name in row}
    found = {name for name in columns if "_" in name and name in sentence}
    named = "|".join(re.escape(name.replace("_", " ")) for name in columns - SAID_WITH_A_NUMBER)
    found |= set(re.findall(rf"\b(?:{named}) [-−]?\d[\d.]*", sentence))
    values = {part for row in rows for value in row.values() for part in re.split(r"[ ,-]", value or "")}
    return found | {word for word in re.findall(r"[\w-]+", sentence) if word in values & languages().keys() - ENGLISH}


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(SPECS)), ids=lambda number: next(iter(SPECS[number][1].values())))
def test_a_sentence_has_no_columns_and_no_codes(studies, vectors, tmp_path, number):
    name, spec = SPECS[number]
    rows, sentence = make(studies[name], spec, vectors, tmp_path)
    if "draw" in spec and "95 % interval" in FIGURES[spec["draw"]].marks:  # a caption claims none that is not there
        assert {"low", "high"} <= rows[0].keys()
    assert rows and len(sentence) > 30 and sentence.endswith(".")
    assert strange_words(sentence, rows) == set(), sentence
    assert not re.search(r"\bnan\b|None|\{|, [,:;)]|\( ?\)|(?<![.\d])1 (?!is)\w+s\b|  ", sentence), sentence


def test_strange_words_are_found():
    rows = [{"tuned_on": "my", "own": "0.28", "draw": "3", "language": "th"}]
    said = "In this run own 0.28, draw 3: my over th, 3 draws, tuned_on."
    assert strange_words(said, rows) == {"own 0.28", "draw 3", "my", "th", "tuned_on"}
    assert strange_words("In this run tuned on Burmese over Thai, 3 draws.", rows) == set()
