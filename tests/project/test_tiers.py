"""The tiers of the tests: `make check` takes those that train nothing and run no workflow."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import PLACES, PROJECT, TIERS, tier_of


def test_each_test_has_a_tier_and_the_quick_one_trains_nothing(request):
    assert request.session.items
    for item in request.session.items:
        tiers = {tier for tier in TIERS if item.get_closest_marker(tier)}
        assert tiers, item.nodeid
        assert "unit" not in tiers or (tiers == {"unit"} and tier_of(item.path) == "unit"), item.nodeid


def test_places_with_a_tier_exist():
    for place, tier in PLACES.items():
        assert (PROJECT / "tests" / place).exists(), place
        assert tier in TIERS


@pytest.mark.parametrize("target", ["check", "test", "test-cluster", "lint", "run"])
def test_the_makefile_explains_its_targets(target):
    text = Path(PROJECT / "Makefile").read_text(encoding="utf-8")
    assert f"# make {target} " in text or f"which is make {target}" in text
    assert f"\n{target}: install" in text


def test_tests_mirror_the_source():
    """A folder of tests is a package of the source, or says in its name what else it is."""
    packages = {path.name for path in (PROJECT / "src/polytune").iterdir() if path.is_dir()}
    other = {"cases", "project", "slurm", "workflow", "__pycache__"}
    folders = {path.name for path in (PROJECT / "tests").iterdir() if path.is_dir()}
    assert folders - other <= packages
