"""Bad input gives one clear message that names file and key, before any job, and leaves results alone."""

from __future__ import annotations

import pytest

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
    options = ("--config", "real_benchmarks={directory: nowhere}")
    assert "real_benchmarks.directory: nowhere: no such directory" in refusal(checkout, *options)


def test_invalid_utf8_in_a_study_file(checkout):
    path = checkout.folder / STUDY
    path.write_bytes(path.read_bytes() + b"# \xff\n")
    assert "invalid UTF-8 at byte" in refusal(checkout)
