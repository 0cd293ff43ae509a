"""A second study runs: every family, decoder and encoder-decoder, full and LoRA, two seeds, other coordinates."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas
import pytest

from polytune.mixtures.manifest import Mixture
from tests.workflow.conftest import TOY_CONFIG

OWN_VECTORS = "language,a,b\nen,0,0\nzh,9,9\nit,0.2,0\ntr,9,8.8\n"


@pytest.fixture(scope="module")
def broad(clean_checkout, tmp_path_factory):
    checkout = clean_checkout.copy(tmp_path_factory.mktemp("broad") / "polytune")
    shutil.copy(checkout.folder / "tests/workflow/broad.yaml", checkout.folder / "config/studies/broad.yaml")
    (checkout.folder / "config/config.yaml").write_text(TOY_CONFIG.replace("toy.yaml", "broad.yaml"))
    (checkout.folder / "own-vectors.csv").write_text(OWN_VECTORS)
    checkout.run("--profile", "profiles/local", "--cores", "2")
    return checkout


@pytest.fixture(scope="module")
def runs(broad):
    return pandas.read_parquet(broad.folder / "results/scores/broad/world/runs.parquet")


def mixture_of(broad, name):
    return Mixture.read(broad.folder / f"results/mixtures/world-w1-tiny-{name}.json")


def test_it_ends_with_nothing_left_to_do(broad):
    assert broad.plan() == {}


def test_chosen_languages_are_those_of_the_selection_and_not_the_candidates(broad, runs):
    for name, k in (
        ("chosen-typo-k2-seed1-40-rows", 2),
        ("own-sem-k2-seed1-40-rows", 2),
        ("modelled-model-k2-seed1-40-rows", 2),
    ):
        mixture = mixture_of(broad, name)
        assert len(mixture.languages) == len(mixture.parts) == k
        row = runs[runs["mixture"] == mixture.mixture].iloc[0]
        assert (row["n_languages"], list(row["languages"]), row["k"]) == (k, list(mixture.languages), k)
        scores = pandas.read_parquet(broad.folder / "results/scores/broad/world/scores.parquet")
        mine = scores[(scores["run"] == row["run"]) & (scores["aggregate"] == "")]
        assert set(mine.loc[mine["tuned"], "language"]) == set(mixture.languages) & {"et", "it", "zh"}


def test_the_users_vectors_choose(broad):
    """en and it lie together, zh and tr do: one of each pair."""
    chosen = set(mixture_of(broad, "own-sem-k2-seed1-40-rows").languages)
    assert len(chosen & {"en", "it"}) == len(chosen & {"zh", "tr"}) == 1


def test_vectors_of_a_base_choose_and_compare(broad):
    """Two files: of the four candidates, and of all languages that the table of gains compares."""
    files = sorted((broad.folder / "results/languages/models").glob("world-bloom-w1-tiny-world-w1-tiny-*.parquet"))
    vectors = {
        len(table): table for file in files if "similarity" not in file.name for table in [pandas.read_parquet(file)]
    }
    assert sorted(vectors) == [4, 57] and set(vectors[4]["language"]) == {"en", "zh", "it", "tr"}
    assert vectors[4].shape[1] == 1 + 96  # as wide as the base
    (file,) = (file for file in files if "similarity" in file.name)
    similarity = pandas.read_parquet(file)
    assert "model" in set(similarity["measure"])
    table = (broad.folder / "results/studies/broad/world/tables/transfer.md").read_text()
    assert "model similarity of at least" in table


def test_decoder_and_encoder_decoder_have_token_stores_of_their_own(broad):
    indexes = (broad.folder / "results/tokens").glob("*/world-w1-tiny/en/index.json")
    shapes = {path.parts[-4]: json.loads(path.read_text())["encoder_decoder"] for path in indexes}
    assert sorted(shapes.values()) == [False, True]
    for name, encoder_decoder in shapes.items():
        assert ("encoder-decoder" in name) == encoder_decoder


def test_whoever_builds_a_mixture_says_what_each_reading_of_it_cuts(broad):
    """A decoder and an encoder-decoder read the same mixtures, each from stores of its own."""
    told = [log.read_text() for log in (broad.folder / "logs/build_mixture").glob("*.log")]
    read = [text for text in told if text.count("answer") > 1]
    assert read and all("world-decoder-" in text and "world-encoder-decoder-" in text for text in read)


def test_lora_without_modules_adapts_query_key_and_value(broad):
    for base, modules in (("world-bloom", ["query_key_value"]), ("world-t5", ["k", "q", "v"])):
        (file, *_) = broad.folder.glob(f"results/runs/{base}-w1-tiny/lora/*/seed1/model/adapter_config.json")
        assert sorted(json.loads(file.read_text())["target_modules"]) == modules


def test_every_family_is_there_with_its_coordinates(runs):
    tuned = runs[runs["method"] != "base"]
    families = {"incremental", "monolingual", "percent", "pairs", "parallel", "downsampled", "chosen", "own", "listed"}
    assert set(tuned["family"]) == families | {"modelled"}
    percent = tuned[(tuned["family"] == "percent") & (tuned["base"] == "world-bloom-w1-tiny")]
    assert sorted(zip(percent["percent"], percent["seed"], strict=True)) == [
        (0, 1), (0, 2), (50, 1), (50, 2), (100, 1), (100, 2),
    ]  # fmt: skip
    assert set(tuned.loc[tuned["family"] == "listed", "features"]) == {"near", "far"}


def test_the_figure_is_over_percent_and_says_it_is_of_the_generated_world(broad):
    stem = broad.folder / "results/studies/broad/world/figures/by-percent"
    drawn = pandas.read_csv(f"{stem}.csv", comment="#")
    assert set(drawn.loc[drawn["method"] == "full", "percent"]) == {0, 50, 100}
    assert set(drawn["base"]) == {"world-bloom-w1-tiny", "world-bloom-small-w1-tiny", "world-t5-w1-tiny"}
    assert set(drawn.loc[drawn["base"] == "world-bloom-w1-tiny", "seeds"].tail(3)) == {2}
    assert "enerated world" in Path(f"{stem}.svg").read_text(encoding="utf-8")


def test_the_table_is_over_mixtures(broad):
    table = pandas.read_csv(broad.folder / "results/studies/broad/world/tables/by-mixture.csv", comment="#")
    assert table["mixture"].nunique() > 10
    assert (
        "argin of the right choice" in (broad.folder / "results/studies/broad/world/tables/by-mixture.md").read_text()
    )
