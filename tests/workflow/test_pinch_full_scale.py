"""The study `pinch` at scale `full`: planned as a whole, and run in small on directories of the real layout."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace

import pandas as pd
import pytest

from polytune.readers.parquet import read_table
from polytune.readers.yaml import read_yaml
from tests.cases.fault_server import MODEL, serve
from tests.cases.pinch_directories import LANGUAGES, write_directories

pytestmark = pytest.mark.slow
OF_BOTH = "/verdicts/stand-in/side-by-side/instructions/against/"
ROWS, QUESTIONS, CHOSEN = 24, 6, ["en", "es", "ru"]


@pytest.fixture(scope="module")
def checkout(clean_checkout, tmp_path_factory):
    """A checkout whose configuration names everything that the study needs from outside."""
    folder = tmp_path_factory.mktemp("outside")
    copy = clean_checkout.copy(folder / "polytune")
    locations = write_directories(folder)
    settings = {"studies": ["pinch"], "scale": "full", "training": {"devices": 1}, "locations": locations}
    (copy.folder / "my.yaml").write_text(json.dumps(settings))
    return copy


def change_study(checkout, change) -> None:
    path = checkout.folder / "config/studies/pinch.yaml"
    study = read_yaml(path)
    change(study)
    path.write_text(json.dumps(study))


def identify_offline(study: dict) -> None:
    """OpenLID's model would have to be fetched."""
    for asked in study["evaluation"]["prompts"].values():
        asked["identifier"] = "py3langid"


def cut(study: dict) -> None:
    """Three languages, alone, in pairs of percent and in one order, beside a stand-in of the judge."""
    identify_offline(study)
    families = ["monolingual", "percent-twelve", "orders"]
    study["runs"][0]["mixtures"] = families
    study["mixtures"] = {name: study["mixtures"][name] for name in families}
    study["mixtures"]["monolingual"] |= {"languages": CHOSEN, "rows": ROWS}
    study["mixtures"]["percent-twelve"] |= {"languages": CHOSEN, "percents": [0, 1, 50], "rows_of_others": {1: 4}}
    study["mixtures"]["orders"] |= {"languages": CHOSEN, "permutation_seeds": [1], "sizes": [1, 3]}
    for family in families[1:]:
        study["mixtures"][family]["total_rows"] = ROWS
    study["runs"][0]["hyperparameters"] |= {"learning_rate": 0.02, "epochs": 1}
    evaluation = study["evaluation"]
    evaluation["prompts"] = {"instructions": evaluation["prompts"]["instructions"]}
    evaluation["prompts"]["instructions"] |= {
        "languages": CHOSEN, "items": QUESTIONS, "max_new_tokens": 4, "mixtures": families,
    }  # fmt: skip
    evaluation["judged"] = {name: evaluation["judged"][name] for name in ("following", "over-base")}
    for judged in evaluation["judged"].values():
        judged["judge"] = "stand-in"
    groups = {"non-English": ["es", "ru"], "English": ["en"]}
    study["figures"] = {"fig1": study["figures"]["fig1"], "fig3": study["figures"]["fig3"] | {"groups": groups}}
    study["tables"] = {"percent-twelve": study["tables"]["percent-twelve"], "table2": study["tables"]["table2"]}


def test_the_whole_study_is_planned(checkout):
    """54 trainings: 12 + 6 monolingual (Russian twice), 11 + 11 percentages, 16 orders, 6 pairs, less those shared."""
    small = checkout.copy(checkout.folder.parent / "planned")
    change_study(small, identify_offline)
    planned = small.plan("pinch", "--configfile", "my.yaml")
    assert planned["train_full"] == 54
    assert planned["read_source"] == len(LANGUAGES)


def test_a_part_of_it_is_trained_asked_and_judged(checkout, tmp_path, monkeypatch):
    small = replace(checkout.copy(tmp_path / "polytune"), reaches_servers=True)
    change_study(small, cut)
    judges = small.folder / "config/judges.yaml"
    entry = {"backend": "server", "model": MODEL, "url_variable": "STAND_IN_URL", "concurrency": 4}
    judges.write_text(judges.read_text() + f"\nstand-in: {json.dumps(entry)}\n")
    with serve(say=lambda asked: "[[A]]") as server:  # always the first: half a win in each pair of orders
        monkeypatch.setenv("STAND_IN_URL", server.url)
        small.run("--profile", "profiles/local", "--cores", "2", "--configfile", "my.yaml", "--", "pinch")

    results = small.folder / "results"
    runs = {path.parents[1].name: path.parent for path in results.glob("runs/mt5-xxl/full/*/seed1/responses")}
    assert len(runs) == 3 + 2 + 1  # alone; 1 and 50 % of others; all three in the one order
    for run in runs.values():
        answers = read_table(run / "responses/instructions.parquet").to_pydict()
        assert sorted(set(answers["language"])) == CHOSEN and len(answers["text"]) == 3 * QUESTIONS
    mixed = runs[f"lima-oasst-percent-twelve-1-{ROWS}-rows-in-all"]
    parts = json.loads((mixed / "model/manifest.json").read_text())["parts"]
    assert {part["language"]: part["consumed"]["rows"] for part in parts} == {"en": ROWS - 4, "es": 2, "ru": 2}

    tables = results / "scores/pinch/full"
    checks = pd.read_parquet(tables / "checks.parquet")
    assert (checks["first"] == checks["decided"]).all() and (checks["flipped"] == checks["swapped"]).all()
    scores = pd.read_parquet(tables / "scores.parquet")
    wins = scores.query("measure == 'win' and opponent == 'monolingual' and aggregate == ''")
    assert set(wins["value"]) == {0.5}
    matrix = pd.read_csv(results / "studies/pinch/full/figures/fig1.csv")
    assert len(matrix) == 9
    # two runs side by side are judged once, and the verdict counts for both
    pairs = [frozenset(path.relative_to(results / "runs").with_suffix("").as_posix().split(OF_BOTH))
             for path in results.glob("runs/**/against/**/*.parquet")]  # fmt: skip
    assert len(pairs) == len(set(pairs))
    alone = [f"mt5-xxl/full/lima-oasst-{code}-{ROWS}-rows/seed1" for code in CHOSEN]
    assert {frozenset(pair) for pair in itertools.combinations(alone, 2)} < set(pairs)
