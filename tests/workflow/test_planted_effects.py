"""The planted effects show up in a reduced world, through the workflow, as a user would measure them.

Not the paraphrase task: it is learnt all at once or not at all (docs/world.md), which no small test can rely on.
"""

from __future__ import annotations

import shutil

import pandas
import pytest

BASE, TUNED = ("en", "zh", "es", "hi"), ("en", "zh", "ru", "tr")


@pytest.fixture(scope="module")
def planted(clean_checkout, tmp_path_factory):
    checkout = clean_checkout.copy(tmp_path_factory.mktemp("planted") / "polytune")
    shutil.copy(checkout.folder / "tests/workflow/planted.yaml", checkout.folder / "config/studies/planted.yaml")
    (checkout.folder / "config/config.yaml").write_text("studies: [planted]\nworld: {size: small}\n")
    checkout.run("--profile", "profiles/local", "--cores", "2")
    return checkout.folder / "results"


@pytest.fixture(scope="module")
def accuracies(planted):
    """Accuracy by language, of the base and of the tuned model."""
    scores = pandas.read_parquet(planted / "scores/planted/world/scores.parquet")
    rows = scores[(scores["measure"] == "acc") & (scores["aggregate"] == "")]
    untuned = rows["run"].str.contains("/base/")
    return {
        name: part.set_index("language")["value"] for name, part in (("base", rows[untuned]), ("tuned", rows[~untuned]))
    }


def test_the_base_knows_its_languages_and_no_others(accuracies):
    base = accuracies["base"]
    assert len(base) == 57
    assert base[list(BASE)].mean() > 0.75
    assert abs(base.drop(list(BASE)).mean() - 0.5) < 0.05


def test_tuning_teaches_unseen_languages(accuracies):
    assert accuracies["tuned"][["ru", "tr"]].mean() > 0.75


def test_replay_keeps_what_the_base_knows_of_languages_left_out(accuracies):
    before, after = (accuracies[name][["es", "hi"]].mean() for name in ("base", "tuned"))
    assert after > before - 0.06


def test_relatives_of_tuned_languages_gain_more_than_others(planted):
    table = pandas.read_csv(planted / "studies/planted/world/tables/transfer.csv", comment="#")
    assert len(table) == 1
    row = table.iloc[0]
    assert row["gain_close"] > row["gain_distant"] + 2
    assert row["r"] > 0.2


def test_the_groups_of_the_table_are_the_scores(planted, accuracies):
    table = pandas.read_csv(planted / "studies/planted/world/tables/groups.csv", comment="#")
    cells = table[table["model"] == "4 languages"].set_index("group")
    tuned = accuracies["tuned"]
    unseen = tuned.drop(list({*BASE, *TUNED}))
    assert cells["languages"].to_dict() == {
        "unseen untuned": 51, "seen tuned": 2, "seen untuned": 2, "unseen tuned": 2, "all": 57
    }  # fmt: skip
    expected = {"unseen untuned": unseen, "seen untuned": tuned[["es", "hi"]], "unseen tuned": tuned[["ru", "tr"]]}
    for group, values in expected.items():
        assert cells.loc[group, "value"] == pytest.approx(100 * values.mean(), rel=1e-5)  # written with six digits
