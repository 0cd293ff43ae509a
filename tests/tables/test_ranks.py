"""Tables of ranks, of measures that separate models, and of the effect of a selection."""

import numpy as np
import pandas as pd
import pytest

from polytune.analysis.asked import Asked
from polytune.config.kinds import call_kind
from polytune.errors import InputError
from polytune.tables.kinds import TABLES
from tests.cases.synthetic_study import collect_study, make_run, write_results

SETS = {"geo": ["ta th tr", "ta th vi", "et th tr"], "rnd": ["zh it", "zh sw", "it ht"]}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    runs = [make_run([])]
    for name, sets in SETS.items():
        for draw, languages in enumerate(sets, start=1):
            for seed in (1, 2):
                runs.append(
                    make_run(languages.split(), f"world-{name}-{draw}", seed=seed, family="selected",
                             coordinates={"features": name, "selection_seed": draw})
                )  # fmt: skip
    return collect_study(folder, write_results(folder, runs, ("xcopa", "xwinograd"), items=80))


def build(study, kind, **options):
    spec = {"build": kind, **options}
    asked = Asked(study.asked(spec), study.tables, "tables")
    given = {**asked.tables(TABLES[spec["build"]].needs), "context": asked.context}
    return call_kind(TABLES, "build", spec, given, asked.defaults, asked.where)


def scores(study, evaluation, aggregate="mean"):
    rows = study.scores[(study.scores["measure"] == "acc") & (study.scores["aggregate"] == aggregate)]
    return rows[rows["evaluation"] == evaluation].set_index("run")["value"]


def test_ranks_are_those_of_the_means(study):
    table = build(study, "ranks", benchmarks=["xcopa"])
    found = table.data.set_index("model")
    values = scores(study, "xcopa").groupby(study.runs.set_index("run")["mixture"]).mean()
    for mixture, value in values.items():
        name = "base" if mixture == "none" else mixture.replace("-w1", "")
        assert found.at[name, "value"] == pytest.approx(100 * value)
    assert (found["value"].diff().dropna() <= 1e-9).all()  # from the best
    assert (found["lowest"] <= found["rank"]).all() and (found["rank"] <= found["highest"]).all()
    assert all(found["group"]) and len(table.rows) == 7
    single = build(study, "ranks", benchmarks=["xcopa"], languages=["th"], against="features", over=["selection_seed"])
    assert set(single.data["language"]) == {"th"} and set(single.data["model"]) == {"geo", "rnd"}


def test_lower_is_better_turns_the_order(study):
    table = build(study, "ranks", benchmarks=["xcopa"], measure="bits_per_byte")
    assert (table.data["value"].diff().dropna() >= -1e-9).all()


def test_measures_that_separate(study):
    table = build(study, "measure_separation", benchmarks=["xcopa"])
    assert set(table.data["measure"]) == {"acc", "choice_probability", "margin", "bits_per_byte"}
    assert table.data["ratio"].tolist() == pytest.approx((table.data["spread"] / table.data["error"]).tolist())
    assert (table.data["seeds"].dropna() >= 1).all() and table.data["runs"].eq(2).all()
    assert sum(cell.best for row in table.rows for cell in row) <= 1


def test_effect_of_a_selection_is_the_difference_of_means_over_sets(study):
    table = build(study, "selection_effect", reference="rnd")
    (row,) = table.data.to_dict("records")
    runs = study.runs.set_index("run")
    by_run = pd.concat([scores(study, "xcopa"), scores(study, "xwinograd")], axis=1).mean(axis=1)
    by_set = by_run.groupby([runs["features"], runs["mixture"]]).mean()
    expected = 100 * (by_set.loc["geo"].mean() - by_set.loc["rnd"].mean())
    assert row["effect"] == pytest.approx(expected)
    assert (row["selected_sets"], row["reference_sets"], row["units"]) == (3, 3, 17)
    codes = study.scores[study.scores["evaluation"].isin(["xcopa", "xwinograd"])]["language"]
    assert row["languages"] == len(set(codes) - {""}) == 16 and table.rows[0][-1].text == "16"
    assert row["low"] < row["effect"] < row["high"] and np.isfinite(row["p"])
    with pytest.raises(InputError, match="reference: no features 'random'"):
        build(study, "selection_effect", reference="random")
