"""`polytune stale`: which results were made by other code, from the commits that they carry."""

from __future__ import annotations

import subprocess

import pytest

from polytune.config.paths import Paths
from polytune.files import write_json
from polytune.study.stale import find_stale

RUN = "world-bloom-w1/full/world-w1-en-400-rows/seed1"


def commit(project, *which: str) -> str:
    call = ["git", "rev-list", "--max-count=1", *which]
    return subprocess.run(call, cwd=project, capture_output=True, text=True, check=True).stdout.strip()


def test_every_kind_of_result_is_looked_at(project, tmp_path):
    paths = Paths(results=str(tmp_path))
    first = commit(project, "--max-parents=0", "HEAD")
    if first == commit(project, "HEAD"):
        pytest.skip("a clone of one commit has no older code")
    made = {"provenance": {"commit": first}}
    write_json(paths.base_marker("world-bloom-w1"), made)
    write_json(paths.model_marker(RUN), made)
    write_json(paths.evaluation(RUN, "world", "xcopa"), {"polytune": made})
    found = {str(file): reason for file, reason in find_stale(tmp_path)}
    wanted = {paths.base_marker("world-bloom-w1"), paths.model_marker(RUN), paths.evaluation(RUN, "world", "xcopa")}
    assert set(found) == wanted
    assert all("commits older; the last: " in reason for reason in found.values())


@pytest.mark.parametrize(
    ("made_by", "reason"),
    [
        ("HEAD", None),
        ("HEAD-edited", "with uncommitted edits"),
        ("0123456789" * 4, "made by commit 012345678, which this checkout does not have"),
        ("unknown", "its commit is unknown"),
    ],
)
def test_the_reason_is_said(project, tmp_path, made_by, reason):
    made_by = made_by.replace("HEAD", commit(project, "HEAD"))
    write_json(Paths(results=str(tmp_path)).model_marker(RUN), {"provenance": {"commit": made_by}})
    said = [reason for _, reason in find_stale(tmp_path)]
    assert len(said) == (reason is not None) and all(reason in one for one in said)
