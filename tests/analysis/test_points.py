"""Tidy points: values and intervals by an independent route, lines that must not be mixed, means over what is told."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from polytune.analysis.choices import Choice, Layout, choose_runs, choose_scores, name_models, without_world
from polytune.analysis.groups import mean_scores
from polytune.analysis.items import Items
from polytune.analysis.points import select_points
from polytune.analysis.wilson import wilson_interval
from polytune.errors import InputError
from polytune.scores.spec import UNTUNED
from tests.cases.synthetic_study import (
    ORDER,
    collect_study,
    incremental_runs,
    make_run,
    synthetic_study,
    write_results,
)

PERCENTS = (1, 10, 50)


def family_runs(world="w1", base="world-bloom", seeds=(1, 2), methods=("full", "lora")):
    """The untuned base, shares of several languages by two methods with two seeds, and k-means mixtures."""
    runs = [make_run([], base=base, world=world)]
    more = {"base": base, "world": world}
    for method in methods:
        for seed in seeds:
            for percent in PERCENTS:
                family = {"family": "share", "coordinates": {"percent": percent}, "method": method, "seed": seed}
                runs.append(make_run(["en", "zh", "ru"], f"world-share-{percent}-all", **more, **family))
    for features in ("typo", "geo"):
        for selection in (1, 2, 3):
            chosen = ["en", "fr"] if selection == 1 else ["ru", "pt"]
            where = {"features": features, "k": 2, "selection_seed": selection}
            family = {"family": f"by-{features}", "coordinates": where, "seed": seeds[0]}
            runs.append(make_run(chosen, f"world-{features}-k2-seed{selection}-all", **more, **family))
    return runs


@pytest.fixture(scope="module")
def lucky(tmp_path_factory):
    return synthetic_study(tmp_path_factory.mktemp("lucky"), benchmarks=("xcopa",), items=60)


@pytest.fixture(scope="module")
def families(tmp_path_factory):
    folder = tmp_path_factory.mktemp("families")
    return collect_study(folder, write_results(folder, family_runs(), ("xwinograd", "xcopa"), items=40))


@pytest.fixture(scope="module")
def worlds(tmp_path_factory):
    folder = tmp_path_factory.mktemp("worlds")
    runs = [run for world in ("w1", "w2", "w3") for run in incremental_runs((1, 4), world=world)]
    runs += [run | {"run": run["run"][:-1] + "2", "seed": 2} for run in runs if run["languages"]]
    return collect_study(folder, write_results(folder, runs, ("xwinograd",), items=40))


def points_of(study, layout=None, choice=None, evaluations=None, languages=None, aggregate="mean"):
    choice = choice or Choice()
    aggregate = "" if languages else aggregate
    rows = choose_scores(study.scores, choice, evaluations, languages, aggregate)
    return select_points(rows, study.runs, choice, layout or Layout())


def values_of(study, run, evaluation="xwinograd", measure="acc", aggregate="mean"):
    wanted = {"run": run, "evaluation": evaluation, "measure": measure, "aggregate": aggregate}
    found = study.scores[(study.scores[list(wanted)] == pd.Series(wanted)).all(axis=1)]
    assert len(found) == 1
    return found.iloc[0]


def test_a_line_holds_the_scores_and_their_intervals(lucky):
    line = points_of(lucky, languages=["th"])
    rows = lucky.scores[(lucky.scores["language"] == "th") & (lucky.scores["measure"] == "acc")]
    np.testing.assert_allclose(line["value"], 100 * rows["value"])
    for point, value in zip(line.itertuples(), rows["value"], strict=True):
        interval = stats.binomtest(round(60 * value), 60).proportion_ci(0.95, method="wilson")
        assert (point.low, point.high) == pytest.approx((100 * interval.low, 100 * interval.high), abs=1e-3)
    # the mean over languages: a share of as many items as have its error
    for point in points_of(lucky).itertuples():
        share, error = point.value / 100, point.stderr / 100
        interval = wilson_interval(share, 1 + share * (1 - share) / error**2, 1.96)
        assert (point.low, point.high) == pytest.approx([100 * end for end in interval], abs=1e-9)
    assert line["n_languages"].tolist() == [0, 1, 2, 4, 8, 12, 16, 20, 25, 26, 32, 39, 45, 52]
    assert line["added"].tolist()[:4] == ["", "en", "zh", "ar"]
    assert line["tuned"].tolist()[-2:] == [False, True] and line["mixture"].iloc[0] == "none"


@pytest.mark.parametrize(("measure", "scale"), [("choice_probability", 100), ("margin", 1), ("bits_per_byte", 1)])
def test_other_measures_switch_by_one_word(lucky, measure, scale):
    choice = Choice(measure=measure)
    line = points_of(lucky, choice=choice, languages=["th"])
    rows = lucky.scores[(lucky.scores["language"] == "th") & (lucky.scores["measure"] == measure)]
    np.testing.assert_allclose(line["value"], scale * rows["value"])
    np.testing.assert_allclose(line["high"], scale * (rows["value"] + 1.96 * rows["stderr"]))  # no Wilson interval


def test_seeds_are_averaged_and_their_spread_counts(lucky):
    tuned = lucky.runs[lucky.runs["method"] != UNTUNED]
    second = tuned.assign(run=tuned["run"] + "-again", seed=2)
    scores = lucky.scores[lucky.scores["run"].isin(tuned["run"])]
    scores = scores.assign(run=scores["run"] + "-again", value=scores["value"] + 0.02)
    scores, runs = pd.concat([lucky.scores, scores]), pd.concat([lucky.runs, second], ignore_index=True)
    rows = choose_scores(scores, Choice(), ["xcopa"], ["th"])
    line = select_points(rows, runs, Choice(), Layout()).set_index("n_languages")
    single = points_of(lucky, languages=["th"]).set_index("n_languages")
    assert line.loc[8, "value"] == pytest.approx(single.loc[8, "value"] + 1)
    # two seeds 2 points apart: standard deviation sqrt(2), standard error of their mean 1
    assert line.loc[8, "stderr"] == pytest.approx(np.hypot(single.loc[8, "stderr"], 1))
    assert line.loc[0, "seeds"] == 1 and line.loc[8, "seeds"] == 2
    # Wilson's interval with as many items as have this error: fewer than the 60 that each seed answers
    share, error = line.loc[8, "value"] / 100, line.loc[8, "stderr"] / 100
    freedom = (100 * error) ** 4  # of two seeds 1, where their error, 1 point, is all
    interval = wilson_interval(share, 1 + share * (1 - share) / error**2, stats.t.ppf(0.975, freedom))
    assert line.loc[8, ["low", "high"]].tolist() == pytest.approx([100 * end for end in interval], abs=1e-6)
    assert line.loc[8, "freedom"] == pytest.approx(freedom) and line.loc[0, "freedom"] == math.inf


def test_all_equal_seeds_leave_the_error_of_the_items(lucky):
    tuned = lucky.runs[lucky.runs["method"] != UNTUNED]
    runs = pd.concat([lucky.runs, tuned.assign(run=tuned["run"] + "-again", seed=2)], ignore_index=True)
    again = lucky.scores[lucky.scores["run"].isin(tuned["run"])]
    scores = pd.concat([lucky.scores, again.assign(run=again["run"] + "-again")])
    rows = choose_scores(scores, Choice(), ["xcopa"], aggregate="mean")
    twice = select_points(rows, runs, Choice(), Layout())
    np.testing.assert_allclose(twice["stderr"], points_of(lucky)["stderr"])
    # in one language as well; and where every item is wrong the interval has a width
    for values in (scores, scores.assign(value=0.0, stderr=0.0)):
        found = [
            select_points(choose_scores(some, Choice(), ["xcopa"], ["th"]), runs, Choice(), Layout())
            for some in (values, values[values["run"].isin(lucky.runs["run"])])
        ]
        np.testing.assert_allclose(found[0][["low", "high"]], found[1][["low", "high"]])
        assert (found[0]["low"] < found[0]["high"]).all() and (found[0]["low"] >= -1e-9).all()


def test_worlds_have_items_of_their_own(worlds):
    points = points_of(worlds).set_index("n_languages")
    assert points.loc[4, ["seeds", "worlds"]].tolist() == [2, 3] and points.loc[0, "worlds"] == 3
    assert points.loc[4, "base"] == "world-bloom" and points.loc[4, "mixture"] == "world-incremental-04-all"
    means, errors = [], []
    for world in ("w1", "w2", "w3"):
        name = f"world-bloom-{world}/full/world-{world}-incremental-04-all/seed"
        pair = [values_of(worlds, name + seed) for seed in "12"]
        means.append(np.mean([one["value"] for one in pair]))
        within = np.mean([one["stderr"] ** 2 for one in pair])
        errors.append(within + np.var([one["value"] for one in pair], ddof=1) / 2)
    expected = math.sqrt(max(np.var(means, ddof=1), np.mean(errors)) / 3)
    assert points.loc[4, "value"] == pytest.approx(100 * np.mean(means))
    assert points.loc[4, "stderr"] == pytest.approx(100 * expected)
    apart = points_of(worlds, Layout(by="world"))
    assert apart.groupby("world").size().to_dict() == {"w1": 3, "w2": 3, "w3": 3} and set(apart["worlds"]) == {1}
    assert points_of(worlds, choice=Choice(bases=["world-bloom-w2"]))["base"].unique().tolist() == ["world-bloom-w2"]


def test_numbers_are_sorted_and_lines_are_split(families):
    choice = Choice(families=["share"])
    points = points_of(families, Layout(against="percent", by="method"), choice, ["xwinograd"])
    tuned = points[points["base"].notna() & (points["method"] != UNTUNED)]
    assert tuned["percent"].tolist() == [*PERCENTS, *PERCENTS]
    assert tuned["method"].tolist() == ["full"] * 3 + ["lora"] * 3
    base = points[points["method"] == UNTUNED]  # belongs to both lines, and has no percent
    assert len(base) == 1 and base["percent"].isna().all() and base["method"].iloc[0] == UNTUNED
    names = [f"world-bloom-w1/lora/world-w1-share-10-all/seed{seed}" for seed in (1, 2)]
    expected = np.mean([values_of(families, name)["value"] for name in names])
    assert tuned.loc[(tuned["method"] == "lora") & (tuned["percent"] == 10), "value"].item() == pytest.approx(
        100 * expected
    )
    assert set(tuned["added"]) == {""}  # nothing grows here


def test_selections_are_averaged_where_it_is_said(families):
    choice = Choice(families=["by-typo", "by-geo"], measure="margin")
    layout = Layout(against="k", by="features", over=["selection_seed"])
    points = points_of(families, layout, choice, ["xwinograd"])
    tuned = points[points["method"] != UNTUNED].set_index("features")
    assert list(tuned.index) == ["typo", "geo"]
    names = [f"world-bloom-w1/full/world-w1-typo-k2-seed{number}-all/seed1" for number in (1, 2, 3)]
    found = pd.DataFrame([values_of(families, name, measure="margin") for name in names])
    error = math.sqrt((found["stderr"] ** 2).mean() + found["value"].var(ddof=1) / 3)
    assert tuned.loc["typo", "value"] == pytest.approx(found["value"].mean())
    assert tuned.loc["typo", "stderr"] == pytest.approx(error)
    single = points_of(families, layout, choice, ["xwinograd"], ["fr"])
    assert single.loc[single["features"] == "typo", "tuned"].isna().all()  # in one of three selections


def test_words_stand_in_the_order_of_the_runs(families):
    points = points_of(families, Layout(against="model"), Choice(methods=["full"]), ["xwinograd"])
    assert points["model"].tolist()[:3] == ["base", "world-share-1-all", "world-share-10-all"]
    along = points_of(
        families,
        Layout(against="language", by="method"),
        Choice(mixtures=["world-share-10-all"]),
        ["xwinograd"],
        ["ru", "en"],
    )
    assert along.groupby("method", sort=False)["language"].agg(list).to_dict() == {
        "base": ["en", "ru"],
        "full": ["en", "ru"],
        "lora": ["en", "ru"],
    }


@pytest.mark.parametrize(
    ("layout", "choice", "words"),
    [
        (Layout(), Choice(families=["share"]), ["one method", "full, lora", "'methods: [full]'", "'by: method'"]),
        (
            Layout(),
            Choice(families=["share"], methods=["full"]),
            [
                "several mixtures at n_languages 3",
                "world-w1-share-1-all",
                "'mixtures: [",
                "'by: percent'",
                "'over: [perc",
            ],
        ),
        (Layout("k", "features"), Choice(), ["several mixtures at k 2", "'over: [selection_seed]'"]),
        (Layout("percent"), Choice(), ["one method"]),
        (Layout("prcent"), Choice(), ["against", "'prcent'", "did you mean 'percent'"]),
        (Layout("percent", "metod"), Choice(), ["by", "'metod'", "did you mean 'method'"]),
        (Layout("percent", over=["sed"]), Choice(), ["over", "'sed'", "did you mean 'seed'"]),
        (Layout("k"), Choice(families=["share"]), ["no run has a 'k'", "percent"]),
        (Layout(), Choice(families=["shar"]), ["families", "'shar'", "did you mean 'share'"]),
        (Layout(), Choice(bases=["world-blom"]), ["bases", "did you mean 'world-bloom'"]),
        (Layout(), Choice(methods=["loras"]), ["methods", "did you mean 'lora'"]),
        (Layout(), Choice(mixtures=["world-share-5-all"]), ["mixtures", "did you mean"]),
    ],
)
def test_what_would_be_mixed_is_refused_with_the_option_that_helps(families, layout, choice, words):
    with pytest.raises(InputError) as error:
        points_of(families, layout, choice, ["xwinograd"])
    for word in words:
        assert word in str(error.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"choice": Choice(measure="marginn")}, ["no measure 'marginn'", "did you mean 'margin'"]),
        ({"evaluations": ["xcop"]}, ["no benchmark 'xcop'", "did you mean 'xcopa'"]),
        ({"choice": Choice(origin="hub")}, ["no benchmark 'xcopa' of origin 'hub'"]),
        ({"evaluations": ["xcopa"], "languages": ["xx"]}, ["xcopa has no 'xx'", "th"]),
    ],
)
def test_what_the_scores_do_not_hold_is_named(families, options, words):
    with pytest.raises(InputError) as error:
        points_of(families, **{"evaluations": ["xcopa"], **options})
    for word in words:
        assert word in str(error.value)


def test_two_bases_are_two_lines(tmp_path):
    runs = [*incremental_runs((1, 2)), *incremental_runs((1, 2), base="world-t5")]
    study = collect_study(tmp_path, write_results(tmp_path, runs, ("xwinograd",), items=20))
    with pytest.raises(InputError, match=r"one base, found world-bloom-w1, world-t5-w1; choose one with 'bases: \[w"):
        points_of(study)
    both = points_of(study, Layout(by="base"))
    assert both.groupby("base").size().to_dict() == {"world-bloom-w1": 3, "world-t5-w1": 3}
    assert points_of(study, choice=Choice(bases=["world-t5"]))["base"].unique().tolist() == ["world-t5-w1"]
    along = points_of(study, Layout(against="base"), Choice(mixtures=["world-incremental-02-all"]))
    assert along["base"].tolist() == ["world-bloom-w1", "world-t5-w1"] * 2
    assert along["method"].tolist() == ["base", "base", "full", "full"]


def test_a_run_of_two_families_stands_in_both_and_once_without_them(tmp_path):
    shared = {"mixture": "world-en-all", "seed": 1}
    runs = [
        make_run([]),
        make_run(["en"], **shared, family="share", coordinates={"percent": 0}),
        make_run(["en"], **shared, family="alone"),
        make_run(["en", "zh"], "world-share-50-all", family="share", coordinates={"percent": 50}),
        make_run(["zh"], "world-zh-all", family="alone"),
    ]
    study = collect_study(tmp_path, write_results(tmp_path, runs, ("xwinograd",), items=20))
    assert points_of(study, Layout("percent"))["percent"].tolist()[1:] == [0, 50]
    assert points_of(study, Layout("mixture"))["mixture"].tolist() == [
        "none", "world-w1-en-all", "world-w1-share-50-all", "world-w1-zh-all",
    ]  # fmt: skip
    split = points_of(study, Layout("mixture", "family")).groupby("family").size()
    assert split.to_dict() == {"": 1, "alone": 2, "share": 2}


def test_two_origins_are_refused_or_chosen_or_split(lucky):
    other = lucky.scores.assign(origin="directory", value=0.25)
    scores = pd.concat([lucky.scores, other])
    rows = choose_scores(scores, Choice(), ["xcopa"], aggregate="mean")
    with pytest.raises(InputError, match="one origin, found world, directory; choose one with 'origin: world'"):
        select_points(rows, lucky.runs, Choice(), Layout())
    chosen = choose_scores(scores, Choice(origin="directory"), ["xcopa"], aggregate="mean")
    assert set(select_points(chosen, lucky.runs, Choice(), Layout())["value"]) == {25.0}
    split = select_points(rows, lucky.runs, Choice(), Layout(by="origin"))
    assert split.groupby("origin").size().to_dict() == {"world": 14, "directory": 14}


def test_exposure_groups_are_means_with_errors_clustered_by_item(families):
    choice, layout = Choice(mixtures=["world-share-50-all"], methods=["full"]), Layout("exposure", "seed")
    items = Items(families.tables / "items.parquet")
    rows = mean_scores(choose_scores(families.scores, choice, ["xwinograd"]), "exposure", families.context, items)
    points = select_points(rows, families.runs, choice, layout)
    run = "world-bloom-w1/full/world-w1-share-50-all/seed2"
    found = points[(points["seed"] == "2") & (points["exposure"] == "both")].iloc[0]
    raw = pd.read_parquet(items.path).astype({"language": str})
    both = ["en", "fr", "pt", "zh"]  # seen by the base, and in some mixture of the study
    raw = raw[(raw["run"] == run) & (raw["measure"] == "acc") & (raw["evaluation"] == "xwinograd")]
    means = raw[raw["language"].isin(both)].groupby("item")["value"].mean()
    assert found["value"] == pytest.approx(100 * means.mean())
    assert found["stderr"] == pytest.approx(100 * means.sem()) and found["items"] == 4 * 40


def test_one_item_has_a_value_but_no_interval_of_a_mean(tmp_path):
    study = synthetic_study(tmp_path, sizes=(1, 2), benchmarks=("xwinograd",), items=1)
    mean = points_of(study)
    assert mean["value"].notna().all() and mean[["low", "high", "stderr"]].isna().all(axis=None)
    single = points_of(study, languages=["en"])  # Wilson's interval needs no standard error
    assert (single["low"] < single["high"]).all() and single["low"].between(0, 100).all()


def test_models_are_named_by_what_tells_them_apart(families, lucky):
    assert name_models(lucky.runs).tolist()[:4] == ["base", "en", "2 languages", "4 languages"]
    full = choose_runs(families.runs, Choice(methods=["full"], families=["share"]))
    assert name_models(full).tolist()[:3] == ["base", "world-share-1-all", "world-share-10-all"]
    both = choose_runs(families.runs, Choice(mixtures=["world-share-10-all"]))
    assert name_models(both).tolist() == ["base", *["full 3 languages"] * 2, *["lora 3 languages"] * 2]


def test_the_world_of_a_name_is_left_out_whatever_its_size():
    names = pd.Series(["world-bloom-w1-tiny", "world-w1-tiny-en-100-rows", "world-bloom-w12", "world-bloom-w1", "w1-x"])
    short = without_world(names, pd.Series(["w1-tiny", "w1-tiny", "w1", "w1", ""]))
    assert short.tolist() == ["world-bloom", "world-en-100-rows", "world-bloom-w12", "world-bloom", "w1-x"]


def test_every_language_of_the_order_is_added_once(lucky):
    points = points_of(lucky)
    assert points["added"].tolist()[1:] == [ORDER[size - 1] for size in points["n_languages"][1:]]
