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


@pytest.mark.parametrize(
    "old, new, message",
    [
        (
            "family: incremental",
            "famliy: incremental",
            "unknown key 'mixtures.incremental.famliy'; did you mean 'family'",
        ),
        ("order: [en, zh,", "order: [en, zz,", "mixtures.incremental.order: "),
        ("order: [en, zh,", "order: [en, no,", "source 'world' has no rows in 'no'"),
        ("sizes: [1, 2, 4,", "sizes: [1, 2, 53,", "sizes: 53 is outside 1 to 52, the length of 'order'"),
        ("learning_rate: 3e-3", "learning_rate: fast", "world.hyperparameters.learning_rate"),
        ("epochs: 3 #", "epoch: 3 #", "unknown key 'runs[0].hyperparameters.epoch'; did you mean 'epochs'"),
        (
            "bases: {bloom-7b1: world-bloom}",
            "bases: {bloom-7b1: world-blom}",
            "'world-blom' is not in config/bases.tsv",
        ),
        (
            "[xcopa, xstorycloze, xwinograd] # section",
            "[xcopa, xstory] # section",
            "'xstory' is not in config/benchmarks.tsv",
        ),
        ("draw: accuracy_by_languages", "darw: accuracy_by_languages", "the key 'figures.fig1a.draw' is missing"),
        ("rows: 400", "rows: 400\n      share: 0.5", "exactly one of rows, total_rows, share"),
        ("    rows: 400", "    rows: 400\n      rows: 500", "the key 'rows' stands twice"),
    ],
)
def test_a_mistake_in_a_study_names_file_and_key(checkout, old, new, message):
    text = (checkout.folder / STUDY).read_text()
    assert old in text
    (checkout.folder / STUDY).write_text(text.replace(old, new, 1))
    printed = refusal(checkout)
    assert STUDY in printed
    assert message in printed


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
