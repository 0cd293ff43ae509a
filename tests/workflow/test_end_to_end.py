"""The toy study from nothing to its figure, as a user runs it; and what a kill leaves behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
import zipfile

import pandas
import pytest

from polytune.figures.kinds import FIGURES
from polytune.mixtures.manifest import Mixture
from tests.workflow.conftest import SNAKEMAKE

pytestmark = pytest.mark.slow
MIXTURE = "world-w1-tiny-incremental-3-100-rows-replay60"
NAME = f"world-bloom-w1-tiny/full/{MIXTURE}/seed1"
RUN = f"results/runs/{NAME}"


def test_the_figure_is_there_in_every_format_with_its_numbers(finished_checkout):
    folder = finished_checkout.folder / "results/studies/toy/world/figures"
    assert sorted(path.name for path in folder.iterdir()) == ["fig1a.csv", "fig1a.pdf", "fig1a.png", "fig1a.svg"]
    drawn = pandas.read_csv(folder / "fig1a.csv", comment="#")
    assert set(drawn["n_languages"]) == {0, 1, 3}
    assert "enerated world" in (folder / "fig1a.svg").read_text()


def test_a_finished_study_runs_nothing_and_says_so(finished):
    started = time.monotonic()
    assert "Nothing to be done" in finished.run("--profile", "profiles/local")
    assert time.monotonic() - started < 15


def test_the_scores_equal_the_evaluations_they_were_collected_from(finished_checkout):
    scores = pandas.read_parquet(finished_checkout.folder / "results/scores/toy/world/scores.parquet")
    evaluation = json.loads((finished_checkout.folder / RUN / "evaluations/world/xcopa.json").read_text())
    collected = scores[scores["run"].str.contains("incremental-3") & (scores["evaluation"] == "xcopa")]
    collected = collected[collected["measure"] == "acc"]
    for code in ("et", "it", "zh"):
        row = collected[collected["language"] == code].iloc[0]
        assert row["value"] == pytest.approx(evaluation["results"][f"xcopa_{code}"]["acc,none"])
        assert row["tuned"] == (code in ("it", "zh"))
    assert set(scores["scale"]) == {"world"}


def test_every_number_can_be_traced_to_its_inputs(finished_checkout):
    folder = finished_checkout.folder
    manifest = json.loads((folder / RUN / "model/manifest.json").read_text())
    mixture = Mixture.read(folder / f"results/mixtures/{MIXTURE}.json")
    assert manifest["mixture_digest"] == mixture.digest
    assert manifest["rows"] == mixture.rows == 3 * 100 + 60
    (spec,) = (folder / f"results/specs/runs/{NAME}").glob("*.json")
    assert json.loads(spec.read_text()) == manifest["spec"]
    assert manifest["spec"]["hyperparameters"]["learning_rate"] == 3e-3
    consumed = {(part["source"], part["language"]): part["consumed"]["rows"] for part in manifest["parts"]}
    replay = {("world-text-w1-tiny", code): 30 for code in ("en", "zh")}
    assert consumed == {("world-w1-tiny", code): 100 for code in ("en", "zh", "it")} | replay


def test_a_report_is_made_with_the_figure_and_its_caption(finished):
    """The report opens offline: the figure lies in it, and its page says what the figure shows."""
    finished.run("--report", "report.zip")
    with zipfile.ZipFile(finished.folder / "report.zip") as archive:
        names = archive.namelist()
        page = archive.read(next(name for name in names if name.endswith(".html"))).decode()
    assert any("fig1a" in name and name.endswith(".png") for name in names)
    # what the kind's caption says between its options
    caption = max(re.split(r"{\w+}", FIGURES["accuracy_by_languages"].caption), key=len).strip(" ,.")
    assert len(caption) > 5 and caption in page
    assert "enerated world" in page


def test_a_killed_run_continues_and_ends_the_same(finished):
    """kill -9 of everything while a model trains; the next start needs no advice and redoes only what was lost."""
    model = finished.folder / RUN / "model"
    before = json.loads((model / "manifest.json").read_text())["weights_sha256"]
    (model / "manifest.json").unlink()
    (finished.folder / RUN / "evaluations/world/xcopa.json").unlink()
    process = subprocess.Popen(
        [SNAKEMAKE, "--profile", "profiles/local", "--cores", "1"],
        cwd=finished.folder,
        env=finished.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    log = finished.folder / f"logs/train_full/{NAME}.log"
    log.unlink()
    deadline = time.monotonic() + 120
    while not log.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert log.exists(), "the training did not start"
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not (model / "manifest.json").exists()
    finished.run("--unlock")
    printed = finished.run("--profile", "profiles/local", "--cores", "1")
    assert "train_full" in printed
    assert "pretrain_base" not in printed
    after = json.loads((model / "manifest.json").read_text())["weights_sha256"]
    assert after == before


def test_two_processes_train_the_same_model_as_one(finished):
    """Two gloo ranks through DeepSpeed: the loss of the run is that of the manifest, to floating-point rounding."""
    manifest = json.loads((finished.folder / RUN / "model/manifest.json").read_text())
    (spec,) = (finished.folder / f"results/specs/runs/{NAME}").glob("*.json")
    (tokens,) = (finished.folder / "results/tokens").iterdir()
    options = ["--spec", str(spec), "--mixture", f"results/mixtures/{MIXTURE}.json"]
    options += ["--tokens", str(tokens), "--base", "results/bases/world-bloom-w1-tiny"]
    options += ["--work", "work/two", "--output", "two"]
    launched = ["polytune", "launch", "--devices-per-node", "2", "--work", "work/two", "--", "train", *options]
    done = subprocess.run(launched, cwd=finished.folder, env=finished.environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    two = json.loads((finished.folder / "two/manifest.json").read_text())
    assert (two["devices"], manifest["devices"]) == (2, 1)
    assert two["updates"] == manifest["updates"]
    assert two["final_loss"] == pytest.approx(manifest["final_loss"], rel=1e-4)


def test_a_deleted_weight_file_is_explained(finished):
    (finished.folder / RUN / "model/model.safetensors").unlink()
    (finished.folder / RUN / "evaluations/world/xcopa.json").unlink()
    printed = finished.run("--profile", "profiles/local", "--cores", "1", succeeds=False)
    assert f"{MIXTURE}/seed1/model" in printed
    assert "weights" in printed
    # what was finished is untouched
    assert (finished.folder / "results/studies/toy/world/figures/fig1a.pdf").exists()


def test_a_source_with_a_broken_row_stops_before_training(finished):
    """A local Bactrian-X directory with empty outputs among its rows: file, row and reason are shown."""
    folder = finished.folder / "my-rows/data"
    folder.mkdir(parents=True)
    rows = [{"id": str(i), "instruction": "i", "input": "", "output": "" if i % 10 == 2 else "o"} for i in range(500)]
    for code in ("en", "zh", "it", "tr", "af"):
        (folder / f"{code}.json").write_text(json.dumps(rows))
    finished.edit(
        "config/config.yaml",
        "world: {size: tiny}",
        "world: {size: tiny}\nlocations: {sources: {world: 'my-rows/data/{language}.json'}}",
    )
    manifest = finished.folder / RUN / "model/manifest.json"
    before = manifest.read_bytes()
    printed = finished.run("--profile", "profiles/local", "--cores", "1", succeeds=False)
    assert "my-rows/data/" in printed
    assert "50 of 500 rows would be dropped: 50 x empty output (first in row 3)" in printed
    assert manifest.read_bytes() == before
