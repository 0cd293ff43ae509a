"""The study `polyglot`: what its figures tell the mixtures apart by."""

from __future__ import annotations

import pytest

from polytune.config.settings import load_config
from polytune.study.plan import Plan

SIZES = [("world", ("100", "1,000")), ("full", ("1,030 (Lima-X)", "64,000 (Bactrian-X)"))]


@pytest.mark.parametrize(("scale", "sizes"), SIZES)
def test_the_size_of_the_data_is_a_number_of_rows(scale, sizes):
    plan = Plan(load_config({"studies": ["polyglot"], "scale": scale}))
    study = plan.studies["polyglot"]
    for family, recipes in study.families.items():
        for recipe in recipes:
            size = sizes[family.startswith("bactrian")]
            assert recipe.coordinates["rows_of_one_language"] == size
            # a sampled mixture has as many rows in all; all of Lima-X is 1,030 of a language
            (amount,) = (value for key, value in recipe.amount.items() if key in ("rows", "total_rows"))
            assert amount == "all" or f"{amount:,}" == size.partition(" ")[0]
    assert all(study.figures[name]["against"] == "rows_of_one_language" for name in ("size-european", "size-mixtral"))
