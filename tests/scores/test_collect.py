"""Collecting scores: values against the items they came from, refusals, and the two means."""

import json
import math

import numpy as np
import pandas as pd
import pytest

from polytune import ROOT
from polytune.errors import InputError
from polytune.scores.collect import collect_scores, command
from polytune.scores.manifest import StudyRuns
from tests.cases.synthetic_study import BENCHMARKS, synthetic_scores, write_evaluation, write_study

BASES = ROOT / "config" / "bases.tsv"


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    return folder, synthetic_scores(folder, sizes=(1, 2, 20, 21))


def test_every_run_benchmark_and_language_has_its_row(study):
    _, table = study
    counts = table.groupby(["benchmark", "kind"]).size().to_dict()
    runs = 5
    for benchmark, codes in BENCHMARKS.items():
        assert counts[benchmark, "language"] == runs * len(codes)
        assert counts[benchmark, "mean"] == counts[benchmark, "group"] == runs
    assert set(table[table["kind"] == "language"]["exposure"]) == {"both", "base", "tuning", "neither"}
    assert table[table["kind"] != "language"][["exposure", "tuned"]].isna().all(axis=None)


def test_foreign_codes_are_translated_and_tuning_is_per_mixture(study):
    _, table = study
    japanese = table[(table["benchmark"] == "xwinograd") & (table["language"] == "ja")].set_index("n_languages")
    assert not (table["language"] == "jp").any()
    assert japanese["tuned"].to_dict() == {0: False, 1: False, 2: False, 20: False, 21: True}
    assert set(japanese["exposure"]) == {"neither"}  # counted_as_untuned of the list of runs
    assert list(japanese.loc[2, "position_languages"]) == ["en", "zh"]


def test_means_are_those_of_the_items(study):
    folder, table = study
    run = table["run"].iloc[-1]
    for benchmark in ("xcopa", "xwinograd"):
        samples = pd.read_parquet(folder / "runs" / run / "evaluations" / f"{benchmark}.samples.parquet")
        rows = table[(table["run"] == run) & (table["benchmark"] == benchmark)].set_index("kind")
        assert rows.loc["group", "value"] == pytest.approx(samples["acc"].mean(), abs=1e-12)
        by_language = samples.groupby("language")["acc"].mean()
        assert rows.loc["mean", "value"] == pytest.approx(by_language.mean(), abs=1e-12)
    # XWinograd's languages have 83 to 2,325 items: the two means must differ
    assert abs(rows.loc["group", "value"] - rows.loc["mean", "value"]) > 1e-3


def test_the_error_of_parallel_items_is_clustered_by_item(tmp_path):
    # the same answers in every language: a second language brings no information, so the error must not shrink
    answers = np.random.default_rng(1).integers(0, 2, 400).astype(float)
    path = tmp_path / "evaluations" / "xcopa.json"
    write_evaluation(path, "xcopa", {"et": answers, "it": answers})
    runs = {
        "study": "s",
        "scale": "world",
        "runs": [
            {
                "run": "r",
                "base": "world-bloom",
                "method": "base",
                "mixture": "none",
                "seed": 0,
                "languages": [],
                "evaluations": {"xcopa": str(path)},
            }
        ],
    }
    errors = {}
    for parallel in ([], ["xcopa"]):
        listing = tmp_path / "runs.json"
        listing.write_text(json.dumps({**runs, "parallel": parallel}))
        table = collect_scores(StudyRuns.read(listing), BASES).set_index("kind")
        errors[bool(parallel)] = table.loc["mean", "stderr"]
    single = answers.std(ddof=1) / math.sqrt(400)
    assert errors[True] == pytest.approx(single)
    assert errors[False] == pytest.approx(single / math.sqrt(2))


def edit(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: c.update(lm_eval_version="0.4.9"), ["lm-eval", "0.4.9", "0.4.13"]),
        (lambda c: c["versions"].update(xcopa_it=0.0), ["xcopa_it", "version"]),
        (lambda c: c["n-samples"]["xcopa_it"].update(effective=10), ["xcopa_it", "items"]),
        (lambda c: c["task_hashes"].update(xcopa_it="other data"), ["xcopa_it", "other data"]),
        (lambda c: c["results"].pop("xcopa_it"), ["xcopa_it", "absent"]),
        (lambda c: c.pop("lm_eval_version"), ["not recorded"]),
        (lambda c: c.pop("n-shot"), ["n-shot", "missing"]),
        (lambda c: c["groups"]["xcopa"].update({"acc,none": 0.9}), ["groups.xcopa.acc", "0.9"]),
        (lambda c: c["configs"].update(xnli_ru={}) or c["results"].update(xnli_ru={}), ["xnli_ru", "xcopa_"]),
    ],
)
def test_results_that_must_not_be_merged_are_refused(tmp_path, change, words):
    listing = write_study(tmp_path, sizes=(1,), benchmarks=("xcopa",))
    path = tmp_path / "runs/world-bloom/full/world-incremental-01-all/seed1/evaluations/xcopa.json"
    edit(path, change)
    with pytest.raises(InputError) as error:
        collect_scores(StudyRuns.read(listing), BASES)
    for word in [path.name, *words]:
        assert word in str(error.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: c.update(scale="big"), ["scale", "big", "world or full"]),
        (lambda c: c["runs"][0].update(methd="full"), ["methd", "did you mean 'method'"]),
        (lambda c: c["runs"][1].pop("languages"), ["languages", "missing"]),
        (lambda c: c["runs"][1].update(languages=["en", "en"]), ["twice"]),
        (lambda c: c["runs"][1].update(languages=[]), ["method 'full'"]),
        (lambda c: c["runs"][1].update(base="wrld-bloom"), ["wrld-bloom", "did you mean 'world-bloom'"]),
        (lambda c: c["runs"].append(c["runs"][0]), ["listed twice"]),
        (lambda c: c.update(runs=[]), ["empty"]),
    ],
)
def test_a_wrong_list_of_runs_is_explained(tmp_path, change, words):
    listing = write_study(tmp_path, sizes=(1,), benchmarks=("xwinograd",))
    edit(listing, change)
    with pytest.raises(InputError) as error:
        collect_scores(StudyRuns.read(listing), BASES)
    for word in words:
        assert word in str(error.value)


def test_languages_that_are_not_parallel_are_refused(tmp_path):
    listing = write_study(tmp_path, sizes=(1,), benchmarks=("xwinograd",))
    edit(listing, lambda content: content.update(parallel=["xwinograd"]))
    with pytest.raises(InputError, match="not parallel"):
        collect_scores(StudyRuns.read(listing), BASES)


def test_the_command_writes_the_table(tmp_path):
    listing = write_study(tmp_path, sizes=(1,), benchmarks=("xwinograd",))
    command(runs=listing, output=tmp_path / "scores" / "lucky52.parquet", bases=BASES)
    table = pd.read_parquet(tmp_path / "scores" / "lucky52.parquet")
    assert len(table) == 2 * (6 + 2)
    assert sorted(path.name for path in (tmp_path / "scores").iterdir()) == ["lucky52.parquet"]
