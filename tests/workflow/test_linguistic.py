"""The study `linguistic`: planned whole at full scale, and a cut of it run on the tiny world."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from polytune.readers.yaml import read_yaml
from tests.workflow.conftest import TOY_CONFIG

pytestmark = pytest.mark.slow
SETS = {
    "rnd": {66: ["cs", "hi", "id"], 42: ["en", "hi", "it"]},
    "geo": {66: ["af", "bn", "et"], 42: ["af", "bn", "it"]},
}
BENCHMARKS = ["xcopa", "xwinograd"]
SHOWN = {
    "figures": ["fig1", "figa1", "map", "differences"],
    "tables": ["table3", "table5", "table8", "tests", "selection-effect", "ranks"],
}
RUNS = "results/runs/world-mgpt-w1-tiny"


def test_the_whole_study_is_planned_at_full_scale(clean_checkout):
    planned = clean_checkout.plan("linguistic", "--configfile", "config/examples/linguistic-full.yaml")
    main, numbers = (
        5 * (6 + 1 + 1) * 3,
        2 * 15 * 3,
    )  # six selections, all and Vietnamese; fifteen other numbers of two bases
    assert planned["train_lora"] == main + numbers == 210
    assert planned["evaluate_run"] == main + numbers + 5
    assert planned["select_languages"] == 3 + 15 * 3  # TYPO, and GEO of other numbers
    assert planned["build_mixture"] == 6 * 3 + 2 + 15 * 3
    study = read_yaml(clean_checkout.folder / "config/studies/linguistic.yaml")
    assert (planned["draw_figure"], planned["build_table"]) == (len(study["figures"]), len(study["tables"]))


def cut(study: dict) -> dict:
    """One base, two selections of three languages with two seeds, two benchmarks."""
    entry = study["runs"][0]["hyperparameters"]
    study["mixtures"] = {
        f"{name}-{seed}": {"family": "selected", "source": "bactrian-x", "rows": 40, "sets": {name: {seed: codes}}}
        for name, by_seed in SETS.items()
        for seed, codes in by_seed.items()
    }
    study["runs"] = [
        {"bases": ["mgpt-1.3b"], "method": "lora", "mixtures": [f"rnd-{seed}", f"geo-{seed}"], "seeds": [seed],
         "hyperparameters": entry}
        for seed in (66, 42)
    ]  # fmt: skip
    study["evaluation"]["benchmarks"] = BENCHMARKS
    for kind, names in SHOWN.items():
        study[kind] = {name: study[kind][name] for name in names}
        for spec in study[kind].values():
            for option in ("families", "bases"):
                spec.pop(option, None)
    study["figures"]["fig1"] |= {"benchmarks": BENCHMARKS, "languages": {"xcopa": ["ht", "tr"], "xwinograd": ["ru"]}}
    study["tables"]["table5"]["benchmarks"] = BENCHMARKS
    study["world"] |= {"bases": {"mgpt-1.3b": "world-mgpt"}, "mixtures": {}, "left_out": []}
    return study


@pytest.fixture(scope="module")
def built(clean_checkout, tmp_path_factory):
    checkout = clean_checkout.copy(tmp_path_factory.mktemp("linguistic") / "polytune")
    path = checkout.folder / "config/studies/linguistic.yaml"
    path.write_text(json.dumps(cut(read_yaml(path))))
    (checkout.folder / "config/config.yaml").write_text(TOY_CONFIG.replace("config/studies/toy.yaml", "linguistic"))
    checkout.run("--profile", "profiles/local", "--cores", "2")
    return checkout.folder


def accuracies(built, name, seed, benchmark) -> dict[str, tuple[float, int]]:
    """Return accuracy and items of every language of a run, from the result file."""
    (file,) = built.glob(f"{RUNS}/lora/*-{name}-{seed}-*/seed{seed}/evaluations/world/{benchmark}.json")
    content = json.loads(file.read_text())
    return {
        task: (values["acc,none"], content["n-samples"][task]["effective"])
        for task, values in content["results"].items()
        if task in content["n-samples"]
    }


def test_table_3_is_made_of_the_result_files(built):
    data = pd.read_csv(built / "results/studies/linguistic/world/tables/table3.csv", comment="#")
    assert set(data["features"]) == {"base", "geo"} and set(data["reference"]) == {"rnd"}
    values = {}
    for name in SETS:
        for benchmark in BENCHMARKS:
            runs = [accuracies(built, name, seed, benchmark).values() for seed in (66, 42)]
            values[name, benchmark] = np.array(
                [100 * sum(v * n for v, n in run) / sum(n for _, n in run) for run in runs]
            )
        values[name, "all"] = np.mean([values[name, benchmark] for benchmark in BENCHMARKS], axis=0)
    for row in data[data["features"] == "geo"].itertuples():
        geo, rnd = values["geo", row.evaluation], values["rnd", row.evaluation]
        # the csv has six digits
        assert row.value == pytest.approx(geo.mean(), abs=1e-3) and row.pairs == 2
        assert row.reference_value == pytest.approx(rnd.mean(), abs=1e-3)
        assert row.half == pytest.approx(stats.t.ppf(0.975, 1) * geo.std(ddof=1) / 2**0.5, abs=1e-3)
        assert row.difference == pytest.approx((geo - rnd).mean(), abs=1e-3)
    assert set(data["evaluation"]) == {*BENCHMARKS, "all"}


def test_every_target_is_there_and_says_that_it_is_of_the_generated_world(built):
    folder = built / "results/studies/linguistic/world"
    for name in SHOWN["figures"]:
        assert (folder / f"figures/{name}.png").stat().st_size > 10_000
        assert "enerated world" in (folder / f"figures/{name}.svg").read_text(encoding="utf-8")
    for name in SHOWN["tables"]:
        assert "enerated world" in (folder / f"tables/{name}.md").read_text(encoding="utf-8")


def test_the_chosen_languages_are_marked(built):
    for name in ("figa1", "map"):
        drawn = pd.read_csv(built / f"results/studies/linguistic/world/figures/{name}.csv", comment="#")
        chosen = drawn[drawn["chosen"]].groupby("mixture")["language"].agg(set)
        marked = sorted(map(sorted, chosen))
        assert marked == sorted(sorted(codes) for by_seed in SETS.values() for codes in by_seed.values())


def test_figure_1_has_the_languages_of_each_benchmark(built):
    drawn = pd.read_csv(built / "results/studies/linguistic/world/figures/fig1.csv", comment="#")
    geo = drawn[drawn["features"] == "geo"].set_index("evaluation")["value"]
    for benchmark, tasks in (("xcopa", ["xcopa_ht", "xcopa_tr"]), ("xwinograd", ["xwinograd_ru"])):
        found = [accuracies(built, "geo", seed, benchmark)[task][0] for seed in (66, 42) for task in tasks]
        assert geo[benchmark] == pytest.approx(100 * np.mean(found), abs=1e-3)


def test_the_base_has_seen_the_languages_that_it_shares_with_mgpt(built):
    common = pd.read_csv(built / "results/studies/linguistic/world/tables/table5.csv", comment="#")
    geo = common[(common["features"] == "geo") & (common["evaluation"] == "xwinograd")].iloc[0]
    assert geo["base"] == "world-mgpt" and (geo["asked"], geo["held"]) == (6, 4)  # af bn et it
    assert geo["seen_asked"] == 2  # of en fr ja pt ru zh the tiny world's texts have en and ru
