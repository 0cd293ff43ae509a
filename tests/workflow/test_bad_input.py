"""Bad input gives one clear message that names file and key, before any job, and leaves results alone."""

from __future__ import annotations

import re
import shlex

import pytest

from polytune.config.paths import Paths
from polytune.explorer.build import make_again

STUDY = "config/studies/lucky52.yaml"


def refusal(checkout, *options) -> str:
    """The message of a dry run that must fail, without a traceback."""
    printed = checkout.run("--dry-run", *options, succeeds=False)
    assert "Traceback" not in printed
    assert "Job stats" not in printed
    return printed


@pytest.fixture
def checkout(clean_checkout, tmp_path):
    return clean_checkout.copy(tmp_path / "polytune")


def test_an_unknown_key_of_the_configuration(checkout):
    checkout.edit("config/config.yaml", "scale: world", "scael: world")
    assert "unknown key 'scael'; did you mean 'scale'?" in refusal(checkout)


def test_a_value_that_is_not_allowed(checkout):
    checkout.edit("config/config.yaml", "scale: world", "scale: wurld")
    assert "scale: 'wurld' is not allowed; did you mean 'world'?; allowed: world, full" in refusal(checkout)


def test_an_unknown_study(checkout):
    checkout.edit("config/config.yaml", "[lucky52]", "[lucky53]")
    assert "no study 'lucky53'" in refusal(checkout)


@pytest.mark.parametrize(("target", "meant"), [("lucky53", "lucky52"), ("evaluation", "evaluations")])
def test_an_unknown_target(clean_checkout, target, meant):
    printed = refusal(clean_checkout, target)
    assert f"no target '{target}'; did you mean '{meant}'?; configured studies: lucky52; others: " in printed


def test_a_mistake_in_a_study(checkout):
    checkout.edit(STUDY, "    sizes: [1, 2, 4,", "    sizes: [1, 2, 53,")
    printed = refusal(checkout)
    assert f"{STUDY}: mixtures.incremental.sizes: 53 is outside 1 to 52, the length of 'order'" in printed


def test_a_model_directory_without_weights(checkout):
    model = checkout.folder / "my-bloom"
    model.mkdir()
    (model / "config.json").write_text("{}")
    options = ("--config", "scale=full", "locations={bases: {bloom-7b1: my-bloom}}")
    assert "locations.bases.bloom-7b1: my-bloom: holds no weights (*.safetensors)" in refusal(checkout, *options)


def test_a_missing_directory_of_data(checkout):
    options = ("--config", "locations={benchmarks: nowhere}")
    assert "locations.benchmarks: nowhere: no such directory" in refusal(checkout, *options)


def test_invalid_utf8_in_a_study_file(checkout):
    path = checkout.folder / STUDY
    path.write_bytes(path.read_bytes() + b"# \xff\n")
    assert re.search(r"invalid UTF-8 in line \d+ \(byte \d+\); save the file as UTF-8", refusal(checkout))


@pytest.mark.parametrize(
    "options, message",
    [
        (("storage={results: my results}",), "storage.results: 'my results' holds ' '; name a path without it"),
        (("storage={results: ''}",), "storage.results: is empty"),
        (("storage={results: $NOWHERE_AT_ALL/r}",), "names a variable or a user that does not exist"),
        (("storage={results: work}",), "results, work and resources must be three different folders"),
        (("data={largest_dropped_share: 2}",), "expected a number at least 0 at most 1"),
    ],
)
def test_paths_and_numbers_of_the_configuration(checkout, options, message):
    assert message in refusal(checkout, "--config", *options)


def test_a_home_directory_is_expanded_once(checkout):
    planned = checkout.run("--dry-run", "--config", "storage={results: ~/polytune-results}")
    assert "~" not in planned.partition("Job stats")[2]
    assert "/polytune-results/world/w1/world.json" in planned


def test_a_repeated_key_of_a_configuration_file(checkout):
    (checkout.folder / "my.yaml").write_text("data: {}\nscale: world\ndata: {largest_dropped_share: 0.5}\n")
    assert "the key 'data' stands twice" in refusal(checkout, "--configfile", "my.yaml")


def test_a_small_number_as_people_write_it(checkout):
    (checkout.folder / "my.yaml").write_text("data: {largest_dropped_share: 1e-2}\n")
    assert "build_world" in checkout.run("--dry-run", "--configfile", "my.yaml")


def test_a_base_that_has_no_fast_tokenizer(checkout):
    model = checkout.folder / "my-bloom"
    model.mkdir()
    for name in ("config.json", "model.safetensors", "spiece.model"):
        (model / name).write_text("{}")
    options = ("--config", "scale=full", "locations={bases: {bloom-7b1: my-bloom}}")
    assert "holds no tokenizer.json; only fast tokenizers are supported" in refusal(checkout, *options)


def test_a_language_that_a_given_source_lacks(checkout):
    (checkout.folder / "rows/data").mkdir(parents=True)
    options = ("--config", "locations={sources: {world: rows}}")
    printed = refusal(checkout, *options)
    assert "source 'world-w1' has no rows in 'af': rows/data/af.json.gz: no such file" in printed


def test_a_run_of_another_study_and_the_command_of_the_explorer_that_makes_it(checkout):
    run = "results/runs/world-bloom-tiny-w1/base/none/seed0/responses/questions.json"
    printed = refusal(checkout, run)
    assert "no configured study has the run 'world-bloom-tiny-w1/base/none/seed0' (studies: lucky52)" in printed
    assert "KeyError" not in printed and "InputFunctionException" not in printed
    _, *words = shlex.split(make_again("alpaca", "world", Paths()))
    assert words[:2] == ["--profile", "profiles/local"] and words[-1] == "--"
    assert "rule generate" in checkout.run("--dry-run", *words, run)
