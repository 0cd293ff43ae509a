"""What tests of own bases, sources and benchmarks share."""

import pytest

from polytune.config.tables import OWN


@pytest.fixture(autouse=True)
def nothing_stays():
    """Forget rows of the user's own after each test: they are known to the whole process."""
    yield
    for rows in OWN.values():
        rows.clear()
