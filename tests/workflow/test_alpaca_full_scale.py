"""The study `alpaca` at scale `full`: planned as a whole, and run in small on directories of the real layout."""

from __future__ import annotations

import json

import pytest

from polytune.readers.parquet import read_table
from polytune.readers.yaml import read_yaml
from tests.cases.alpaca_directories import LANGUAGES, ROWS, write_directories

pytestmark = pytest.mark.slow
ASKED = ["bg", "bn", "en", "es", "fr", "no", "ru", "zh"]
QUESTIONS = 3


@pytest.fixture(scope="module")
def checkout(clean_checkout, tmp_path_factory, shared_data):
    """A checkout whose configuration names everything that the study needs from outside."""
    folder = tmp_path_factory.mktemp("outside")
    prompts = shared_data / "hplt_prompts"
    if not prompts.is_dir():
        pytest.skip(f"OpenAssistant-50 is not at {prompts}")
    copy = clean_checkout.copy(folder / "polytune")
    copy.edit("config/studies/alpaca.yaml", "total_rows: 52000", f"total_rows: {ROWS}")  # as many as are written here
    locations = {**write_directories(folder), "prompts": {"openassistant-50": str(prompts)}}
    settings = {"studies": ["alpaca"], "scale": "full", "training": {"devices": 1}, "locations": locations}
    (copy.folder / "my.yaml").write_text(json.dumps(settings))
    return copy


def test_the_whole_study_is_planned(checkout):
    """16 bases by LoRA and 5 in full, each on nine languages, all of them and a sample of all."""
    planned = checkout.plan("alpaca", "--configfile", "my.yaml")
    assert (planned["train_lora"], planned["train_full"]) == (16 * 11, 5 * 11)
    assert planned["read_source"] == len(LANGUAGES)
    assert planned["build_mixture"] == 11


def test_a_part_of_it_runs_on_real_layouts(checkout, tmp_path):
    """The first base of each entry: BLOOM by LoRA and in full, Pythia and a LLaMA, asked the real questions."""
    small = checkout.copy(tmp_path / "polytune")
    study = read_yaml(small.folder / "config/studies/alpaca.yaml")
    for entry in study["runs"]:
        entry["bases"], entry["mixtures"] = entry["bases"][:1], ["multilingual"]
        entry["hyperparameters"]["validation"]["share"] = 0.2
    study["runs"][0]["mixtures"] += ["downsampled", "english"]
    asked = study["evaluation"]["prompts"]["questions"]
    asked |= {"items": QUESTIONS, "max_new_tokens": 4, "identifier": "py3langid"}
    study["evaluation"].pop("judged")
    study |= {"figures": {}, "tables": {}}
    (small.folder / "config/studies/alpaca.yaml").write_text(json.dumps(study))
    small.run("--profile", "profiles/local", "--cores", "2", "--configfile", "my.yaml", "--", "alpaca")

    runs = sorted((small.folder / "results/runs").glob("*/*/*/seed*"))
    assert len(runs) == 6 + 3  # trained and untuned
    for run in runs:
        method, mixture = run.parts[-3:-1]
        responses = read_table(run / "responses/questions.parquet").to_pydict()
        assert sorted(responses["language"]) == sorted(ASKED * QUESTIONS)
        assert max(responses["tokens"]) <= 4
        if method == "base":
            continue
        assert (run / "model/adapter_config.json").is_file() == (method == "lora")
        manifest = json.loads((run / "model/manifest.json").read_text())
        curve, chosen = manifest["validation"]["losses"], manifest["validation"]["chosen_update"]
        best = min(curve, key=lambda point: point["loss"])["update"]
        assert chosen == (best if method == "lora" else manifest["updates"])
        held_out = {part["language"]: part["held_out_rows"] for part in manifest["parts"]}
        if mixture == "alpaca-mt-multilingual-all":  # the same ids in each language
            assert set(held_out) == set(LANGUAGES) and len(set(held_out.values())) == 1
