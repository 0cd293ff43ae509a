"""The table of variance components against plain analyses of the same items."""

import numpy as np
import pandas as pd
import pytest

from polytune.analysis.asked import Asked
from polytune.config.kinds import call_kind
from polytune.errors import InputError
from polytune.tables.kinds import TABLES
from tests.cases.synthetic_answers import alpaca_study
from tests.cases.synthetic_study import collect_study, incremental_runs, make_run, write_results


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    runs = [make_run([])]
    for draw in (1, 2):
        for seed in (1, 2, 3):
            for name, languages in (("rnd", ["zh", "it"]), ("geo", ["ta", "th", "tr"])):
                runs.append(
                    make_run(languages, f"world-{name}-{draw}", seed=seed, family="selected",
                             coordinates={"features": name, "selection_seed": draw})
                )  # fmt: skip
    return collect_study(folder, write_results(folder, runs, ("xcopa", "xwinograd"), items=60))


def build(study, **options):
    spec = {"build": "variance_components", **options}
    asked = Asked(study.asked(spec), study.tables, "tables")
    return call_kind(
        TABLES,
        "build",
        spec,
        {**asked.tables(TABLES[spec["build"]].needs), "context": asked.context},
        asked.defaults,
        asked.where,
    )


def test_draws_and_seeds_are_told_apart(study):
    table = build(study, against="features", over=["selection_seed"], benchmarks=["xcopa"])
    assert table.header[4:] == ["mixture draw", "seed", "item", "mixture draw x item", "seed x item",
                                "± other languages", "one more seed", "one more draw", "500 more items"]  # fmt: skip
    items = pd.read_parquet(study.tables / "items.parquet")
    items = items[(items["measure"] == "acc") & (items["evaluation"] == "xcopa") & (items["language"] == "zh")]
    runs = study.runs[study.runs["method"] != "base"].set_index("run")
    wide = items[items["run"].isin(runs.index)].pivot(index="run", columns="item", values="value")
    residual = 0.0  # seeds x items within each draw, by hand
    for _, part in wide.groupby([runs.loc[wide.index, "features"], runs.loc[wide.index, "selection_seed"]]):
        y = part.to_numpy()
        residual += ((y - y.mean(0) - y.mean(1, keepdims=True) + y.mean()) ** 2).sum()
    row = table.data[(table.data["language"] == "zh") & (table.data["component"] == "seed x item")].iloc[0]
    assert row["own"] * 6 * 60 == pytest.approx(1e4 * residual / (4 * 2 * 59))
    assert (row["seed"], row["draw"], row["item"], row["models"], row["runs"]) == (3, 2, 60, 2, 6)
    shares = [float(cell.text.split()[0]) for cell in table.rows[0][4:9]]
    assert sum(shares) == pytest.approx(100, abs=2.5)


def test_one_seed_is_said_to_know_nothing_of_seeds(tmp_path):
    made = collect_study(tmp_path, write_results(tmp_path, incremental_runs((1, 2, 4)), ("xcopa",), items=50))
    table = build(made)
    assert "500 more items" in table.header and "one more seed" not in table.header
    assert any(note.startswith("Seeds: no two runs") for note in table.notes)
    items = pd.read_parquet(made.tables / "items.parquet")
    wide = items[(items["measure"] == "acc") & (items["language"] == "th")].pivot(
        index="item", columns="run", values="value"
    )
    differences = wide.to_numpy() - wide.mean(axis=1).to_numpy()[:, None]
    variance = (differences - differences.mean(0)).var(axis=0, ddof=1).sum() / (wide.shape[1] - 1)
    own = table.data[(table.data["language"] == "th") & (table.data["component"] == "item")]["own"].iloc[0]
    assert own * 50 == pytest.approx(1e4 * variance)


def test_models_with_fewer_runs_are_left_out_and_named(study):
    table = build(study, against="features", over=["selection_seed"])
    by_mixture = build(study)  # six mixtures of three seeds; the untuned base has one
    assert any(note.startswith("Left out") and note.endswith(": base.") for note in by_mixture.notes)
    means = table.data[table.data["language"] == ""]
    assert set(means["evaluation"]) == {"xcopa", "xwinograd"}
    assert np.isfinite(table.data["own"]).all() and (table.data["own"] >= 0).all()
    assert sum("the interval shrinks with one more seed by" in note for note in table.notes) == 2


def test_a_variance_estimated_at_0_is_a_dash_with_its_reason(tmp_path):
    made = collect_study(tmp_path, write_results(tmp_path, incremental_runs((1, 2, 4)), ("xcopa",), items=50))
    path = made.tables / "items.parquet"
    items = pd.read_parquet(path)
    same = items["language"] == "th"  # every model gives the first one's answers
    items.loc[same, "value"] = items[same].groupby(["evaluation", "measure", "item"])["value"].transform("first")
    items.to_parquet(path)
    table = build(made)
    rows = {row[1].text: [cell.text for cell in row[2:]] for row in table.rows}
    assert rows["Thai"][0] != "–" and set(rows["Thai"][1:]) == {"–"} and "–" not in rows["Italian"][:2]
    assert sum(note.startswith("± –: what is left") for note in table.notes) == 1
    other = build(made, measure="margin", benchmarks=["xcopa"])
    assert any(note.startswith("± –") for note in other.notes)
    assert not any(note.startswith("Items are the prompts") for note in table.notes)


def test_items_of_a_prompt_set_are_its_prompts(tmp_path):
    table = build(alpaca_study(tmp_path, items=20), measure="rating", benchmarks=["questions"])
    items = table.data[table.data["component"] == "item"]
    assert items["item"].eq(20).all() and "item" in table.header
    assert sum(note.startswith("Items are the prompts") for note in table.notes) == 1


def test_a_wrong_column_is_an_input_error(study):
    with pytest.raises(InputError, match=r"over: no column 'selection_sed'.*did you mean 'selection_seed'"):
        build(study, over=["selection_sed"])
