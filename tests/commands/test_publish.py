"""A run as a repository of the hub: files, card and metadata; nothing is uploaded that was not asked for."""

from __future__ import annotations

import hashlib
import json
import shutil
from types import SimpleNamespace

import pytest
import yaml

from polytune.commands import publish
from polytune.config.paths import Paths
from polytune.errors import InputError
from polytune.scores.model_index import build_model_index
from polytune.training.card import LICENSE_NOTE
from tests.cases.synthetic_study import synthetic_study

RUN = "bloom-560m/{}/bactrian-x-en-400-rows/seed1"
CARD = """---
language:
- en
library_name: {library}
license: bigscience-bloom-rail-1.0
pipeline_tag: text-generation
tags:
- polytune
---

# bloom-560m / full

| | |
|---|---|
| seed | 1 |

Languages: en.

{note}

`manifest.json` holds digests.
"""


def write_run(folder, method: str = "full", source: str = "bactrian-x", base: str = "bloom-560m"):
    """Write a finished run below `folder/results`; its weights are a few bytes."""
    run = RUN.format(method).replace("bloom-560m", base).replace("bactrian-x", source)
    model = folder / "results/runs" / run / "model"
    model.mkdir(parents=True)
    (model / "README.md").write_text(
        CARD.format(note=LICENSE_NOTE, library="peft" if method == "lora" else "transformers")
    )
    weights = "adapter_model.safetensors" if method == "lora" else "model.safetensors"
    (model / weights).write_bytes(b"\x02\x00\x00\x00\x00\x00\x00\x00{}")
    (model / "tokenizer.json").write_text("{}")
    (model / "logs").mkdir()
    if method == "lora":
        (model / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "/a/path", "r": 8}))
    else:
        (model / "config.json").write_text("{}")
    part = {"source": source, "language": "en", "consumed": {"supervised_tokens": 1234}}
    manifest = {"base": base, "method": method, "spec": {"architecture": "decoder"}, "parts": [part]}
    manifest["weights_sha256"] = {weights: hashlib.sha256((model / weights).read_bytes()).hexdigest()}
    (model / "manifest.json").write_text(json.dumps(manifest))
    return run


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    (tmp_path / "config").mkdir()
    (tmp_path / "config/config.yaml").write_text("studies: [lucky52]\n")
    monkeypatch.chdir(tmp_path)
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def card(folder) -> tuple[dict, str]:
    _, head, text = (folder / "README.md").read_text().split("---\n", 2)
    return yaml.safe_load(head), text


def test_full_weights_are_prepared_with_a_card(checkout, capsys):
    publish.command(write_run(checkout), checkout / "out", dry_run=True, repo="me/mine")
    names = {"README.md", "config.json", "manifest.json", "model.safetensors", "tokenizer.json"}
    assert {path.name for path in (checkout / "out").iterdir()} == names
    head, text = card(checkout / "out")
    assert head["base_model"] == "bigscience/bloom-560m" and head["base_model_relation"] == "finetune"
    assert head["datasets"] == ["MBZUAI/Bactrian-X"] and head["language"] == ["en"]
    assert head["license"] == "other" and head["license_name"] == "bigscience-bloom-rail-1.0-and-cc-by-nc-4.0"
    assert "non-commercial" in head["tags"] and "model-index" not in head
    assert "**Not for commercial use**: it was made from bactrian-x (CC BY-NC 4.0)" in text
    assert "| base | bloom-560m | bigscience/bloom-560m | ac2ae5fab2ce3f9f40dc79b5ca9f637430d24971 |" in text
    assert "AutoModelForCausalLM.from_pretrained('me/mine')" in text and "| English (`en`) | 1,234 |" in text
    assert "No scores of this run were collected." in text and "check both before" not in text
    assert "`manifest.json` holds digests." in text
    printed = capsys.readouterr().out
    assert "not for commercial use: made from bactrian-x" in printed and "Nothing was uploaded" in printed


def test_an_adapter_names_its_base_on_the_hub(checkout):
    publish.command(write_run(checkout, "lora"), checkout / "out", dry_run=True)
    settings = json.loads((checkout / "out/adapter_config.json").read_text())
    assert settings == {
        "base_model_name_or_path": "bigscience/bloom-560m", "r": 8,
        "revision": "ac2ae5fab2ce3f9f40dc79b5ca9f637430d24971",
    }  # fmt: skip
    head, text = card(checkout / "out")
    assert head["base_model_relation"] == "adapter" and "PeftModel.from_pretrained(base, 'REPOSITORY')" in text
    assert not (checkout / "out/config.json").exists()


def test_a_world_says_that_it_is_one(checkout, capsys):
    run = write_run(checkout, source="world-w1", base="world-bloom-w1")
    publish.command(run, checkout / "out", dry_run=True)
    assert "of a generated world" in capsys.readouterr().out
    head, _ = card(checkout / "out")
    assert "base_model" not in head and "datasets" not in head


def test_what_is_written_is_a_copy(checkout):
    run = write_run(checkout)
    before = (checkout / "results/runs" / run / "model/config.json").read_text()
    publish.command(run, checkout / "out", dry_run=True)
    (checkout / "out/config.json").write_text("changed")
    assert (checkout / "results/runs" / run / "model/config.json").read_text() == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dry_run": False}, r"--repo: name the repository \(OWNER/NAME\), or prepare the folder only: --dry-run"),
        ({"dry_run": False, "repo": "me/mine"}, "HF_TOKEN is not set: export a token"),
        ({"run": RUN.format("ful")}, "RUN: no finished model of a run .*; did you mean"),
    ],
)
def test_what_is_missing_is_said_before_anything_is_written(checkout, change, message):
    run = write_run(checkout)
    with pytest.raises(InputError, match=message):
        publish.command(**{"run": run, "output": checkout / "out", "dry_run": True, **change})
    assert not (checkout / "out").exists()


def test_nothing_is_written_over_and_no_damaged_weights_go_out(checkout):
    run = write_run(checkout)
    (checkout / "out").mkdir()
    (checkout / "out/mine.txt").write_text("")
    with pytest.raises(InputError, match=r"--output: .* is there already; name a new folder"):
        publish.command(run, checkout / "out", dry_run=True)
    (checkout / "results/runs" / run / "model/model.safetensors").write_bytes(b"other")
    with pytest.raises(InputError, match=r"is not the file that manifest\.json describes"):
        publish.command(run, checkout / "new", dry_run=True)
    assert not (checkout / "new").exists()


def test_a_source_that_nobody_describes_is_refused(checkout):
    run = write_run(checkout, source="mine")
    with pytest.raises(InputError, match=r"its source 'mine' is neither in config/sources\.tsv nor"):
        publish.command(run, checkout / "out", dry_run=True)


def test_the_token_is_given_to_the_hub_and_shown_to_nobody(checkout, monkeypatch, capsys):
    monkeypatch.setenv("HF_TOKEN", "hf_verysecret")
    calls = []

    class Api:
        def __init__(self, token):
            calls.append(("token", token))

        def create_repo(self, repo, **options):
            calls.append(("create", repo, options))

        def upload_folder(self, **options):
            calls.append(("upload", options["repo_id"], sorted(path.name for path in options["folder_path"].iterdir())))
            return SimpleNamespace(oid="abc")

    monkeypatch.setattr("huggingface_hub.HfApi", Api)
    publish.command(write_run(checkout), checkout / "out", repo="me/mine", private=True)
    assert calls[0] == ("token", "hf_verysecret")
    assert calls[1] == ("create", "me/mine", {"private": True, "exist_ok": True})
    assert calls[2][:2] == ("upload", "me/mine") and "README.md" in calls[2][2]
    printed = capsys.readouterr()
    assert "hf_verysecret" not in printed.out + printed.err
    assert "uploaded to https://huggingface.co/me/mine (abc)" in printed.out
    assert not any("hf_verysecret" in path.read_text(errors="ignore") for path in (checkout / "out").iterdir())


def test_what_the_hub_refuses_is_one_line(checkout, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_verysecret")

    class Api:
        def __init__(self, token):
            raise OSError("no route")

    monkeypatch.setattr("huggingface_hub.HfApi", Api)
    with pytest.raises(InputError, match=r"--repo: me/mine: the hub did not take it \(no route\); the folder .* ready"):
        publish.command(write_run(checkout), checkout / "out", repo="me/mine")


def test_scores_stand_in_card_and_metadata(checkout):
    study = synthetic_study(checkout / "made", sizes=(1,), items=20)
    shutil.copytree(study.tables, checkout / "results/scores/lucky52/world")
    run = next(run for run in study.runs["run"] if "/full/" in run)
    index = build_model_index(study.scores, run, Paths(str(study.folder)))
    (entry,) = index
    told = {(result["dataset"]["config"], metric["name"].split(",")[0]): metric["value"]
            for result in entry["results"] for metric in result["metrics"]
            if result["dataset"]["name"].startswith("xcopa")}  # fmt: skip
    mine = study.scores[(study.scores["run"] == run) & (study.scores["evaluation"] == "xcopa")]
    accuracy = mine[mine["measure"] == "acc"].set_index("language")["value"]
    assert told["et", "Accuracy"] == pytest.approx(accuracy["et"], abs=1e-6)
    means = mine[(mine["measure"] == "acc") & (mine["aggregate"] == "mean")]["value"]
    assert told["mean over languages", "Accuracy"] == pytest.approx(means.iloc[0], abs=1e-6)
    assert all(result["dataset"]["type"].startswith("generated-world/") for result in entry["results"])
    table = publish.results_table(publish.read_scores(Paths("results"), run))
    assert f"| xcopa | world | acc | et | {accuracy['et']:.3f} |" in table
    assert build_model_index(study.scores, "nobody", Paths()) == []
