"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# before any test imports torch: each worker of pytest has a core, and threads beyond it only wait for one another
os.environ.setdefault("OMP_NUM_THREADS", "1")

PROJECT = Path(__file__).resolve().parents[1]

TIERS = ("unit", "slow", "workflow", "cluster", "gpu")
SLOW = (
    "training",
    "analysis/test_answers.py",  # collects studies
    "analysis/test_correlations.py",
    "cluster/test_launch.py",  # ranks as processes
    "analysis/test_published.py",  # every similarity of every pair
    "commands/test_compare.py",  # collects studies
    "commands/test_new_study.py",  # a plan of every study
    "data/test_tokens.py",  # tokenizers beside those of transformers
    "scores/test_collect.py",
    "scores/test_judged.py",
    "world/test_build.py",  # makes worlds
    "fetch",  # starts servers
    "evaluation/test_command.py",  # as many processes as cases
    "evaluation/test_evaluate_run.py",
    "evaluation/test_losses.py",  # a model of several architectures
    "evaluation/test_loglikelihoods.py",  # a model of each architecture
    "evaluation/test_peer.py",  # the harness beside ours
    "evaluation/test_real_model.py",  # a model of 135 million parameters
    "generation/test_choosing.py",  # thousands of draws
    "generation/test_exactness.py",  # a model of each architecture
    "generation/test_generate.py",  # processes that are killed
    "generation/test_server.py",  # starts servers
    "judging/test_faults.py",  # servers that are late
    "judging/test_kills.py",  # a process per write of a journal
    "judging/test_local.py",
    "judging/test_secrets.py",
    "models/test_broken_files.py",  # hundreds of directories
    "models/test_adapters.py",
    "models/test_heads.py",
    "models/test_tokenizer.py",  # tokenizers beside those of transformers
    "readers/test_fuzz.py",  # hundreds of broken files
    "models/test_language_vectors.py",  # a model of each architecture
    "explorer/test_browser.py",  # starts a browser
    "explorer/test_heatmaps.py",  # starts a browser
    "explorer/test_page.py",  # collects a study
    "explorer/test_same_numbers.py",  # collects a study
    "project/test_imports.py",  # a process for every command
    "project/test_dependencies.py",  # imports of every module
    "project/test_failures.py",  # commands as processes
    "figures/test_differences.py",  # collects a study
    "figures/test_draw.py",
    "figures/test_judged_figures.py",
    "figures/test_glyphs.py",  # looks through fonts
    "figures/test_selections.py",
    "figures/test_side_by_side.py",
    "tables",  # thousands of resamples, collected studies
)
LONGEST_FIRST = {"workflow": 0, "slow": 1}
PLACES = {**dict.fromkeys(SLOW, "slow"), "workflow": "workflow", "slurm": "cluster"}
"""The tier of a folder's or a file's tests. Elsewhere a test is `unit` unless it says that it is slow."""


def tier_of(path: Path) -> str:
    """Return the tier of the tests in a file."""
    place = path.relative_to(PROJECT / "tests").as_posix()
    return PLACES.get(place) or PLACES.get(place.partition("/")[0], "unit")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Spare `make check` the imports of files that hold nothing for it."""
    quick = config.getoption("markexpr") == "unit" and collection_path.suffix == ".py"
    return True if quick and tier_of(collection_path) != "unit" else None


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each test its tier; files that take minutes come first, or one process is left with the last of them."""
    for item in items:
        tier = tier_of(item.path)
        if tier != "unit" or not any(item.get_closest_marker(other) for other in TIERS):
            item.add_marker(tier)
    items.sort(key=lambda item: LONGEST_FIRST.get(tier_of(item.path), len(LONGEST_FIRST)))


@pytest.fixture(scope="session")
def project() -> Path:
    """The checkout under test."""
    return PROJECT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real benchmarks beside the checkout (`../shared/data`, or POLYTUNE_SHARED_DATA); skips without them."""
    folder = Path(os.environ.get("POLYTUNE_SHARED_DATA", PROJECT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"the real data sets are not at {folder}; set POLYTUNE_SHARED_DATA to test with them")
    return folder
