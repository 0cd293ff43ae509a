"""The table of comparisons against scipy on the same runs and items."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from polytune.analysis.asked import Asked
from polytune.config.kinds import call_kind
from polytune.errors import InputError
from polytune.tables.kinds import TABLES
from tests.cases.synthetic_study import collect_study, make_run, write_results


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    runs = [make_run([])]
    for seed in (1, 2, 3):
        for name, languages in (("rnd", ["zh", "it"]), ("geo", ["ta", "th", "tr"])):
            runs.append(
                make_run(languages, f"world-{name}-{seed}", seed=1, family="selected",
                         coordinates={"features": name, "selection_seed": seed})
            )  # fmt: skip
    return collect_study(folder, write_results(folder, runs, ("xcopa", "xwinograd"), items=60))


def build(study, **options):
    spec = {"build": "comparison", **options}
    asked = Asked(study.asked(spec), study.tables, "tables")
    given = {**asked.tables(TABLES[spec["build"]].needs), "context": asked.context}
    return call_kind(TABLES, "build", spec, given, asked.defaults, asked.where)


def values_of(study, features, evaluation="xcopa", language="", aggregate="mean"):
    runs = study.runs[study.runs["features"] == features].sort_values("selection_seed")
    rows = study.scores[(study.scores["measure"] == "acc") & (study.scores["evaluation"] == evaluation)]
    rows = rows[(rows["language"] == language) & (rows["aggregate"] == aggregate)].set_index("run")
    return 100 * rows.loc[runs["run"], "value"].to_numpy()


def values_of_base(study):
    rows = study.scores[(study.scores["measure"] == "acc") & (study.scores["aggregate"] == "mean")]
    return 100 * rows.set_index(["run", "evaluation"])["value"].loc["world-bloom-w1/base/none/seed0", "xcopa"]


def test_over_runs_pairing_is_stated_and_its_range_shown(study):
    options = {"reference": "rnd", "against": "features", "pair_by": ["selection_seed"], "arbitrary": True}
    table = build(study, **options)
    geo, rnd = values_of(study, "geo"), values_of(study, "rnd")
    row = table.data.set_index(["evaluation", "features"]).loc["xcopa", "geo"]
    expected = stats.ttest_rel(geo, rnd)
    interval = expected.confidence_interval()
    assert row[["difference", "p", "low", "high"]].tolist() == pytest.approx(
        [np.mean(geo - rnd), expected.pvalue, *interval]
    )
    assert row["p_smallest"] < row["p"] + 1e-9 < row["p_largest"] + 2e-9 and row["pairs"] == 3
    assert row["half"] == pytest.approx(stats.t.ppf(0.975, 2) * geo.std(ddof=1) / np.sqrt(3))
    assert "selection_seed, which is arbitrary" in table.notes[0] and "cannot be below 0.1" in table.notes[1]
    every = table.data.set_index(["evaluation", "features"]).loc["all", "geo"]
    both = (geo + values_of(study, "geo", "xwinograd")) / 2
    assert every["value"] == pytest.approx(both.mean())
    q = stats.false_discovery_control(table.data["p"].dropna())
    assert table.data["q"].dropna().tolist() == pytest.approx(q.tolist())
    base = values_of_base(study)
    untuned = table.data.set_index(["evaluation", "features"]).loc["xcopa", "base"]
    assert untuned["p"] == pytest.approx(stats.ttest_1samp(rnd, base).pvalue)


def test_the_effect_of_two_pairs_is_a_dash_with_its_reason(study):
    mixtures = [f"world-{name}-{seed}" for name in ("rnd", "geo") for seed in (1, 2)]
    table = build(study, reference="rnd", against="features", pair_by=["selection_seed"], mixtures=mixtures)
    row = table.data.set_index(["evaluation", "features"]).loc["xcopa", "geo"]
    assert np.isnan(row["effect"]) and np.isfinite(row["p"])
    assert {line[table.header.index("g")].text for line in table.rows} == {"–"}
    assert any(note.startswith("g –: two pairs") for note in table.notes)
    three = build(study, reference="rnd", against="features", pair_by=["selection_seed"])
    assert three.data["effect"].notna().all() and not any(note.startswith("g –") for note in three.notes)


def test_unpaired_is_welchs(study):
    table = build(study, reference="rnd", against="features", benchmarks=["xcopa"], mean="group")
    row = table.data.set_index("features").loc["geo"]
    sets = [values_of(study, name, aggregate="group") for name in ("geo", "rnd")]
    assert row["p"] == pytest.approx(stats.ttest_ind(*sets, equal_var=False).pvalue)
    assert "unpaired" in table.notes[0] and "p, any pairing" not in table.header


def test_over_items_single_runs_are_mcnemars(study):
    mixtures = ["world-rnd-1", "world-geo-1"]
    table = build(study, reference="rnd", against="features", languages=["zh"], benchmarks=["xcopa"],
                  mixtures=mixtures, test_over="items")  # fmt: skip
    items = pd.read_parquet(study.tables / "items.parquet")
    items = items[(items["measure"] == "acc") & (items["evaluation"] == "xcopa") & (items["language"] == "zh")]
    wide = items.pivot(index="item", columns="run", values="value")
    geo, rnd = (wide[next(run for run in wide if f"{name}-1" in run)] for name in ("geo", "rnd"))
    gained, lost = int((geo > rnd).sum()), int((geo < rnd).sum())
    row = table.data.set_index("features").loc["geo"]
    assert row["p"] == pytest.approx(stats.binomtest(gained, gained + lost).pvalue)
    assert row["difference"] == pytest.approx(100 * (gained - lost) / 60)
    assert row["low"] < row["difference"] < row["high"]


def test_over_items_the_mean_of_parallel_languages_has_clusters(study):
    table = build(study, reference="rnd", against="features", benchmarks=["xcopa"], test_over="items")
    row = table.data.set_index("features").loc["geo"]
    assert row["items"] == 60  # of 11 languages
    assert row["difference"] == pytest.approx(values_of(study, "geo").mean() - values_of(study, "rnd").mean())


def test_what_cannot_be_compared_is_an_input_error(study):
    with pytest.raises(InputError, match=r"no features 'rdn'.*did you mean 'rnd'"):
        build(study, reference="rdn", against="features")
    with pytest.raises(InputError, match=r"seed 1 has several runs of features 'geo'.*name more columns"):
        build(study, reference="rnd", against="features", pair_by=["seed"])
    with pytest.raises(InputError, match="against: no column 'language'"):
        build(study, reference="rnd", against="language")
