"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]


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
