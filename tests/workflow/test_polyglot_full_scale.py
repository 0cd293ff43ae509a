"""The study `polyglot` at scale `full`: planned as a whole, and run in small on directories of the real layout."""

from __future__ import annotations

import json
from dataclasses import replace

import pandas as pd
import pytest

from polytune.readers.parquet import read_table
from polytune.readers.yaml import read_yaml
from tests.cases.fault_server import MODEL, serve
from tests.cases.polyglot_directories import CATEGORIES, LANGUAGES, LIMA, write_directories

pytestmark = pytest.mark.slow
QUESTIONS = 21  # of each language: ten of two categories, one of the first that has references
FAMILIES = ["bactrian-monolingual", "lima-endefrites"]
MIXTURES = ("bactrian-x-de-20-rows", "bactrian-x-en-20-rows", "lima-x-lima-endefrites-all")
RUNS = [f"mixtral-8x7b/full/{mixture}" for mixture in MIXTURES]


@pytest.fixture(scope="module")
def checkout(clean_checkout, tmp_path_factory):
    """A checkout whose configuration names everything that the study needs from outside."""
    folder = tmp_path_factory.mktemp("outside")
    copy = clean_checkout.copy(folder / "polytune")
    locations = write_directories(folder)
    settings = {"studies": ["polyglot"], "scale": "full", "training": {"devices": 1}, "locations": locations}
    (copy.folder / "my.yaml").write_text(json.dumps(settings))
    return copy


def test_the_whole_study_is_planned(checkout):
    """Two bases, each tuned on two sets by nine mixtures."""
    identifier = {"identifier": "py3langid"}  # OpenLID's model would have to be fetched
    small = checkout.copy(checkout.folder.parent / "planned")

    def change(study: dict) -> None:
        study["evaluation"]["prompts"]["mt-bench"].update(identifier)
        for options in study["mixtures"].values():  # as many rows as are written here
            options |= {key: LIMA for key in ("rows", "total_rows") if isinstance(options.get(key), int)}

    change_study(small, change)
    planned = small.plan("polyglot", "--configfile", "my.yaml")
    assert planned["train_full"] == 2 * 2 * (5 + 4)
    assert planned["read_source"] == 2 * len(LANGUAGES)
    assert planned["build_mixture"] == 2 * (5 + 4)


def change_study(checkout, change) -> None:
    path = checkout.folder / "config/studies/polyglot.yaml"
    study = read_yaml(path)
    change(study)
    path.write_text(json.dumps(study))


def cut(study: dict) -> None:
    """Mixtral in two languages, asked by a stand-in of the judge."""
    study["runs"] = [{**study["runs"][1], "mixtures": FAMILIES}]
    study["runs"][0]["hyperparameters"]["learning_rate"] = 0.02  # or all of them would answer alike
    study["mixtures"] = {name: study["mixtures"][name] for name in FAMILIES}
    for options in study["mixtures"].values():
        options["languages"] = ["en", "de"]
    study["mixtures"]["bactrian-monolingual"]["rows"] = 20
    asked = study["evaluation"]["prompts"]["mt-bench"]
    asked |= {"languages": ["en", "de"], "items": QUESTIONS, "max_new_tokens": 4, "identifier": "py3langid"}
    for judged in study["evaluation"]["judged"].values():
        judged["judge"] = "stand-in"
    chosen = {"families": FAMILIES, "languages": ["en", "de"]}
    shown = {"radar": chosen, "gain-large": chosen, "scores-mixtral-large": chosen | {"own": FAMILIES[:1]}}
    study["figures"] = {name: study["figures"][name] | options for name, options in shown.items()}
    study["tables"]["human"] = {"build": "human_agreement", "benchmark": "mt-bench", "measure": "rating",
                                "ratings": "polyglot-ratings.csv"}  # fmt: skip


def say(asked) -> str:
    """Rate an answer by the sum of its letters; of two prefer the first, as a judge of strong habits does."""
    two = "[[A]]" in asked.text
    return "[[A]]" if two else f"Rating: [[{1 + sum(asked.text.encode()) % 10}]]"


def test_a_part_of_it_is_trained_asked_and_judged(checkout, tmp_path, monkeypatch):
    small = replace(checkout.copy(tmp_path / "polytune"), reaches_servers=True)
    change_study(small, cut)
    judges = small.folder / "config/judges.yaml"
    entry = {"backend": "server", "model": MODEL, "url_variable": "STAND_IN_URL", "concurrency": 4}
    judges.write_text(judges.read_text() + f"\nstand-in: {json.dumps(entry)}\n")
    ratings = [f"{run}/seed1,{code},{item},{turn},{(item + turn + len(run)) % 3 + 1}\n"
               for run in RUNS for code in ("en", "de") for item in (81, 91, 101) for turn in (1, 2)]  # fmt: skip
    people = small.folder / "config/published/polyglot-ratings.csv"
    people.write_text("run,language,item,turn,rating\n" + "".join(ratings))
    with serve(say=say) as server:
        monkeypatch.setenv("STAND_IN_URL", server.url)
        small.run("--profile", "profiles/local", "--cores", "2", "--configfile", "my.yaml", "--", "polyglot")

    results = small.folder / "results"
    for run in RUNS:
        responses = read_table(results / f"runs/{run}/seed1/responses/mt-bench.parquet").to_pydict()
        assert len(responses["text"]) == 2 * 2 * QUESTIONS and set(responses["turn"]) == {1, 2}
    manifest = json.loads((results / f"runs/{RUNS[2]}/seed1/model/manifest.json").read_text())
    assert {part["language"]: part["consumed"]["rows"] for part in manifest["parts"]} == {
        "en": 3 * LIMA,
        "de": 3 * LIMA,
    }

    rated = [asked.text for asked in server.requests if "[[A]]" not in asked.text]
    referred = [text for text in rated if "reference" in text.lower()]
    assert 0 < len(referred) < len(rated)  # questions of `reasoning` come with their answers
    tables = results / "scores/polyglot/full"
    items = pd.read_parquet(tables / "items.parquet")
    assert set(items["category"]) == set(CATEGORIES[:3])
    checks = pd.read_parquet(tables / "checks.parquet")
    pairs = checks[checks["protocol"] == "side-by-side"]
    assert (pairs["first"] == pairs["decided"]).all() and pairs["flipped"].sum() == pairs["swapped"].sum() > 0
    radar = pd.read_csv(results / "studies/polyglot/full/figures/radar.csv")
    assert set(radar["spoke"]) == {f"{category} {turn}" for category in CATEGORIES[:3] for turn in (1, 2)}
    of_maths = items.query("category == 'reasoning' and measure == 'rating' and turn == 2")
    shown = radar.query("spoke == 'reasoning 2' and tuning == 'ENDEFRITES'")["value"].item()
    assert shown == pytest.approx(of_maths[of_maths["run"] == f"{RUNS[2]}/seed1"]["value"].mean())
    human = pd.read_csv(results / "studies/polyglot/full/tables/human.csv")
    assert set(human["language"]) == {"en", "de"} and (human["systems"] == len(RUNS)).all()
