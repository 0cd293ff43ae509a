"""Collecting scores: values against the items they came from, languages as trained, refusals, and the two means."""

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from polytune.config.paths import Paths
from polytune.errors import InputError
from polytune.mixtures.families import FAMILIES, expand_family
from polytune.scores.collect import collect_scores, command
from polytune.scores.runs import COLUMNS, build_runs
from polytune.scores.spec import ScoresSpec
from tests.cases.synthetic_study import (
    BENCHMARKS,
    ORDER,
    collect_study,
    incremental_runs,
    make_run,
    synthetic_study,
    write_evaluation,
    write_json,
    write_mixture,
    write_results,
    write_study,
)

TUNED = "world-bloom-w1/full/world-w1-incremental-01-all/seed1"


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return synthetic_study(tmp_path_factory.mktemp("study"), sizes=(1, 2, 20, 21))


def collect(spec):
    tables = collect_scores(ScoresSpec.read(spec), Paths(str(spec.parent))).tables()
    return tables["scores"], tables["runs"]


def edit(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def samples_of(folder, run, benchmark, origin="world"):
    return Path(Paths(str(folder)).samples(run, origin, benchmark))


def test_every_run_evaluation_language_and_measure_has_its_row(study):
    table = study.scores
    assert set(table["measure"]) == {"acc", "choice_probability", "margin", "bits_per_byte"}
    runs = 5
    for (evaluation, aggregate, _), rows in table.groupby(["evaluation", "aggregate", "measure"]):
        assert len(rows) == runs * (1 if aggregate else len(BENCHMARKS[evaluation]))
    assert len(table) == runs * 4 * (sum(map(len, BENCHMARKS.values())) + 2 * 3)
    single = table["aggregate"] == ""
    assert set(table.loc[single, "exposure"]) == {"both", "base", "tuning", "neither"}
    assert (table.loc[~single, ["exposure", "language"]] == "").all(axis=None)
    assert table.loc[~single, "tuned"].isna().all() and table.loc[single, "tuned"].notna().all()
    assert list(table)[:14] == [
        "study", "scale", "run", "evaluation", "benchmark", "origin", "language", "measure", "judge", "protocol",
        "opponent", "aggregate", "value", "stderr",
    ]  # fmt: skip


def test_tuning_is_per_mixture_and_exposure_per_study(study):
    table = study.scores.merge(study.runs, on="run")
    japanese = table[(table["language"] == "ja") & (table["measure"] == "acc")].set_index("n_languages")
    assert japanese["tuned"].to_dict() == {0: False, 1: False, 2: False, 20: False, 21: True}
    assert set(japanese["exposure"]) == {"neither"}  # counted_as_untuned
    assert (table.loc[table["language"] == "th", "exposure"] == "neither").all()  # no mixture here holds Thai


def test_means_are_those_of_the_items(study):
    run = study.runs["run"].iloc[-1]
    for benchmark in ("xcopa", "xwinograd"):
        samples = pd.read_parquet(samples_of(study.folder, run, benchmark))
        chosen = (study.scores["run"] == run) & (study.scores["evaluation"] == benchmark)
        rows = study.scores[chosen & (study.scores["measure"] == "acc")].set_index("aggregate")
        assert rows.loc["group", "value"] == pytest.approx(samples["acc"].mean(), abs=1e-12)
        by_language = samples.groupby("language")["acc"].mean()
        assert rows.loc["mean", "value"] == pytest.approx(by_language.mean(), abs=1e-12)
    # XWinograd's languages have 83 to 2,325 items: the two means must differ
    assert abs(rows.loc["group", "value"] - rows.loc["mean", "value"]) > 1e-3


def test_items_hold_every_measure_and_give_the_scores(study):
    items = pd.read_parquet(study.tables / "items.parquet")
    assert list(items) == [
        "run", "evaluation", "origin", "language", "category", "item", "turn", "measure", "judge", "protocol",
        "opponent", "value",
    ]  # fmt: skip
    assert (items["turn"] == 1).all() and (items[["category", "judge", "protocol", "opponent"]] == "").all(axis=None)
    assert (study.scores["missing"] == 0).all() and (study.scores["drift"] == 0).all()
    keys = ["run", "evaluation", "origin", "language", "measure"]
    means = items.groupby(keys, observed=True)["value"].agg(["mean", "sem", "size"]).reset_index()
    rows = study.scores[study.scores["aggregate"] == ""].merge(means, on=keys)
    assert len(rows) == len(means) == 5 * 4 * sum(map(len, BENCHMARKS.values()))
    np.testing.assert_allclose(rows["value"], rows["mean"], rtol=1e-12)
    np.testing.assert_allclose(rows["stderr"], rows["sem"], rtol=1e-12)
    assert (rows["items"] == rows["size"]).all()


@pytest.mark.parametrize("measure", ["acc", "choice_probability", "margin", "bits_per_byte"])
def test_the_error_of_parallel_items_is_clustered_by_item(tmp_path, measure):
    # the same answers in every language: a second language brings no information, so the error must not shrink
    answers = np.random.default_rng(1).integers(0, 2, 400).astype(float)
    spec = write_results(tmp_path, [make_run([])], ("xcopa",), items=10)
    path = Path(Paths(str(tmp_path)).evaluation("world-bloom-w1/base/none/seed0", "world", "xcopa"))
    write_evaluation(path, "xcopa", {"et": answers, "it": answers})
    samples = pd.read_parquet(samples_of(tmp_path, "world-bloom-w1/base/none/seed0", "xcopa"))
    for column in ("loglikelihoods", "target", "choice_bytes"):
        samples[column] = [*samples[column][:400]] * 2
    samples.to_parquet(samples_of(tmp_path, "world-bloom-w1/base/none/seed0", "xcopa"))
    errors = {}
    for parallel in (False, True):
        edit(spec, lambda content, parallel=parallel: content["evaluations"][0].update(parallel=parallel))
        table = collect(spec)[0]
        errors[parallel] = table[table["measure"] == measure].set_index("aggregate")["stderr"]
    single = errors[False][""].iloc[0]
    assert errors[True]["mean"] == errors[True]["group"] == pytest.approx(single)
    assert errors[False]["mean"] == pytest.approx(single / math.sqrt(2))


def test_languages_are_those_trained_and_not_the_candidates(tmp_path):
    run = make_run(["ru", "en", "zh", "th"], "world-typo-k2-all", family="selected", coordinates={"k": 2})
    spec = write_results(tmp_path, [make_run([]), run], ("xwinograd",), items=20)
    edit(spec, lambda content: content["runs"][1].update(languages=None))
    write_mixture(tmp_path, run["mixture"], ["zh", "ru"])
    table, runs = collect(spec)
    assert list(runs.loc[1, "languages"]) == ["zh", "ru"] and runs["n_languages"].tolist() == [0, 2]
    rows = table[(table["run"] == run["run"]) & (table["measure"] == "acc")].set_index("language")
    assert rows.loc[["en", "zh", "ru"], "tuned"].tolist() == [False, True, True]
    assert rows.loc[["en", "ru", "ja"], "exposure"].tolist() == ["base", "tuning", "neither"]


def test_a_language_without_rows_is_not_trained_and_notes_are_kept(tmp_path):
    spec = write_study(tmp_path, sizes=(2,), benchmarks=("xwinograd",), items=20)
    mixture = "world-w1-incremental-02-all"
    write_mixture(tmp_path, mixture, ["zh", "en"], ["replay: 60 of 4,000 rows asked for are there"], zh=0)
    table, runs = collect(spec)
    assert list(runs.loc[1, "languages"]) == ["en"] and runs.loc[1, "n_languages"] == 1
    assert list(runs.loc[1, "notes"]) == ["replay: 60 of 4,000 rows asked for are there"]
    assert not table.loc[table["language"] == "zh", "tuned"].any()
    write_mixture(tmp_path, mixture, ["zh", "en"], zh=0, en=0)
    with pytest.raises(InputError, match=r"no language has a row.*tuned on nothing"):
        collect(spec)
    write_mixture(tmp_path, mixture, ["zh", "en", "fr"])
    with pytest.raises(InputError, match=r"rows of 'fr'.*en zh"):
        collect(spec)


def test_the_familys_order_is_that_of_the_runs(tmp_path):
    spec = write_study(tmp_path, sizes=(4,), benchmarks=("xwinograd",), items=20)
    write_mixture(tmp_path, "world-w1-incremental-04-all", sorted(ORDER[:4]))
    assert list(collect(spec)[1].loc[1, "languages"]) == ORDER[:4] != sorted(ORDER[:4])


def test_runs_have_their_coordinates_and_costs(tmp_path):
    runs = [
        make_run([]),
        make_run(["en"], "world-en-all", family="percent", coordinates={"percent": 0}),
        make_run(["en"], "world-en-all", family="monolingual"),
        make_run(["en", "zh"], "world-pairs", family="pairs", coordinates={"pair": ["en", "zh"]}, variant="slow"),
    ]
    spec = write_results(tmp_path, runs, ("xwinograd",), items=20)
    Path(Paths(str(tmp_path)).model_marker(runs[3]["run"])).unlink()  # a deleted model's scores stay true
    scores, table = collect(spec)
    assert table["family"].tolist() == ["", "percent", "monolingual", "pairs"]
    assert table["percent"].tolist()[1] == 0 and table["percent"].isna().tolist() == [True, False, True, True]
    assert table["pair"].tolist() == ["", "", "", "en-zh"] and table["variant"].tolist() == ["", "", "", "slow"]
    assert table["tokens"].tolist()[:3] == [0, 1000, 1000] and np.isnan(table["tokens"][3])
    assert table["device_hours"].tolist()[:2] == [0, 0.5]
    assert len(scores) == 3 * 4 * (6 + 2)  # a run of two families is collected once


def test_no_family_has_a_coordinate_that_scores_have_a_column_for(tmp_path):
    languages = ["en", "zh", "ru", "th"]
    entries = {
        "incremental": {"order": languages, "sizes": [2], "rows": 20},
        "monolingual": {"languages": languages, "rows": 20},
        "percent": {"languages": languages, "percents": [0, 10], "total_rows": 80},
        "permutations": {"languages": languages, "permutation_seeds": [1], "sizes": [2], "total_rows": 80},
        "pairs": {"pairs": [["en", "zh"]], "rows": 20},
        "parallel": {"languages": languages, "rows": "all"},
        "downsampled": {"languages": languages, "total_rows": 80},
        "selected": {"languages": languages, "features": "typo", "k": 2, "selection_seeds": [1], "share": 0.5},
    }
    assert set(entries) == set(FAMILIES)
    for family, options in entries.items():
        options |= {"family": family, "source": "world"}
        recipes = expand_family(family, options, languages, "x.yaml: mixtures")
        runs = [make_run(list(one.languages), one.name, coordinates=one.coordinates) for one in recipes]
        for run in runs:
            write_mixture(tmp_path, run["mixture"], run["languages"])
        spec = {"study": "s", "scale": "world", "evaluations": [{"name": "x", "origin": "world", "benchmark": {}}]}
        table = build_runs(
            ScoresSpec.read(write_json(tmp_path / "s.json", spec | {"runs": runs})).runs, Paths(str(tmp_path))
        )
        assert set(table) == {*COLUMNS, *(name for one in recipes for name in one.coordinates)}


def test_a_model_of_another_mixture_is_refused(tmp_path):
    spec = write_study(tmp_path, sizes=(1,), benchmarks=("xwinograd",), items=20)
    edit(Path(Paths(str(tmp_path)).model_marker(TUNED)), lambda content: content.update(mixture_digest="abc"))
    with pytest.raises(InputError, match=r"digest abc, but .*incremental-01-all.json now has digest of w.*train again"):
        collect(spec)


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
        (lambda c: c.pop("polytune"), ["polytune.tasks", "missing"]),
        (lambda c: c["groups"]["xcopa"].update({"acc,none": 0.9}), ["groups.xcopa.acc", "0.9"]),
        (lambda c: c["configs"].update(xnli_ru={}) or c["results"].update(xnli_ru={}), ["xnli_ru", "xcopa_"]),
        (lambda c: c["results"]["xcopa_it"].update({"acc,none": math.nan}), ["NaN"]),
        (lambda c: c["results"]["xcopa_it"].update({"acc,none": "N/A"}), ["results.xcopa_it", "acc is N/A"]),
        (lambda c: c["groups"]["xcopa"].update({"acc,none": math.inf}), ["Infinity"]),
        (lambda c: c["groups"]["xcopa"].update({"acc,none": None}), ["groups.xcopa", "acc is None"]),
        (lambda c: c["results"]["xcopa_it"].update({"acc,none": 0.5}), ["samples.parquet", "accuracy of 'it'", "0.5"]),
    ],
)
def test_results_that_must_not_be_merged_are_refused(tmp_path, change, words):
    spec = write_study(tmp_path, sizes=(1,), benchmarks=("xcopa",))
    edit(Path(Paths(str(tmp_path)).evaluation(TUNED, "world", "xcopa")), change)
    with pytest.raises(InputError) as error:
        collect(spec)
    for word in [str(tmp_path), "xcopa", *words]:
        assert word in str(error.value)


def test_worlds_have_prompts_of_their_own_and_nothing_else(tmp_path):
    runs = [*incremental_runs((1,)), *incremental_runs((1,), world="w2")]
    spec = write_results(tmp_path, runs, ("xwinograd",), items=20)
    paths = [Path(Paths(str(tmp_path)).evaluation(run["run"], "world", "xwinograd")) for run in runs]
    for path in paths[2:]:
        edit(path, lambda content: content["task_hashes"].update(xwinograd_en="the second world's"))
    assert collect(spec)[0]["run"].nunique() == 4
    edit(paths[2], lambda content: content["versions"].update(xwinograd_en=9))
    with pytest.raises(InputError, match=r"xwinograd_en.*must not stand in one table"):
        collect(spec)
    edit(paths[2], lambda content: content["versions"].update(xwinograd_en=1.0))
    edit(paths[3], lambda content: content["task_hashes"].update(xwinograd_en="a third"))
    with pytest.raises(InputError, match="a third"):
        collect(spec)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: c.update(scale="big"), ["scale", "big", "world or full"]),
        (lambda c: c["runs"][0].update(methd="full"), ["methd", "did you mean 'method'"]),
        (lambda c: c["runs"][1].pop("mixture"), ["mixture", "missing"]),
        (lambda c: c["runs"][1].update(languages=["en", "en"]), ["twice"]),
        (lambda c: c["runs"][1].update(languages=[]), ["method 'full'"]),
        (lambda c: c["runs"][0].update(languages=["en"]), ["method 'base'"]),
        (lambda c: c["runs"].append(c["runs"][0]), ["listed twice"]),
        (lambda c: c["evaluations"].append(c["evaluations"][0]), ["xwinograd of origin 'world'", "listed twice"]),
        (lambda c: c["evaluations"][0].update(orign="hub"), ["orign", "did you mean 'origin'"]),
        (lambda c: c["runs"][1].update(coordinates={"seed": 3}), ["coordinate", "'seed'"]),
        (lambda c: c["runs"][1].update(coordinates={"language": "en"}), ["coordinate", "'language'"]),
        (lambda c: c.update(runs=[]), ["empty"]),
        (lambda c: c.pop("evaluations"), ["evaluations", "missing"]),
    ],
)
def test_a_wrong_spec_is_explained(tmp_path, change, words):
    spec = write_study(tmp_path, sizes=(1,), benchmarks=("xwinograd",), items=20)
    edit(spec, change)
    with pytest.raises(InputError) as error:
        collect(spec)
    for word in words:
        assert word in str(error.value)


def test_languages_that_are_not_parallel_are_refused(tmp_path):
    spec = write_study(tmp_path, sizes=(1,), benchmarks=("xwinograd",))
    edit(spec, lambda content: content["evaluations"][0].update(parallel=True))
    with pytest.raises(InputError, match="not parallel"):
        collect(spec)


def test_a_single_item_has_a_value_and_no_error(tmp_path):
    study = collect_study(tmp_path, write_study(tmp_path, sizes=(1,), benchmarks=("xcopa",), items=1))
    assert study.scores["value"].notna().all() and (study.scores["items"] >= 1).all()
    assert study.scores["stderr"].isna().all()


def test_the_command_writes_all_tables_or_none(tmp_path):
    spec = write_study(tmp_path, sizes=(1,), benchmarks=("xwinograd",), items=20)
    command(spec=spec, results=tmp_path, output=tmp_path / "scores")
    names = sorted(path.stem for path in (tmp_path / "scores").glob("*.parquet"))
    assert names == ["checks", "confusion", "items", "runs", "scores"]
    assert pd.read_parquet(tmp_path / "scores" / "checks.parquet").empty
    assert len(pd.read_parquet(tmp_path / "scores" / "scores.parquet")) == 2 * 4 * (6 + 2)
    assert len(pd.read_parquet(tmp_path / "scores" / "items.parquet")) == 2 * 4 * 6 * 20
    samples_of(tmp_path, TUNED, "xwinograd").unlink()
    with pytest.raises(InputError, match="no such file"):
        command(spec=spec, results=tmp_path, output=tmp_path / "other")
    assert list((tmp_path / "other").iterdir()) == []


def test_two_origins_of_one_benchmark_stand_side_by_side(tmp_path):
    spec = write_study(tmp_path, sizes=(1,), benchmarks=("xwinograd",), items=20)
    content = json.loads(spec.read_text())
    content["evaluations"].append(content["evaluations"][0] | {"origin": "directory", "parallel": False})
    write_json(spec, content)
    for run in content["runs"]:
        path = Path(Paths(str(tmp_path)).evaluation(run["run"], "directory", "xwinograd"))
        write_evaluation(path, "xwinograd", {"en": [1, 0, 1], "ru": [1, 1]})
    table = collect(spec)[0]
    counts = table[(table["measure"] == "acc") & (table["aggregate"] == "")].groupby("origin").size()
    assert counts.to_dict() == {"directory": 2 * 2, "world": 2 * 6}
