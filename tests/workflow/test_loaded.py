"""What the commands of a whole study had loaded when they ended: no more than `tests/project/test_imports.py` says."""

from __future__ import annotations

import json

from tests.project.test_imports import HEAVY, MAY_LOAD

STEPS = {"build-world", "read-source", "tokenize-source", "build-mixture", "pretrain-base", "train", "draw-figure"}


def test_each_step_of_a_study_loads_what_it_may(finished_checkout):
    noted = finished_checkout.network_log.with_name("loaded.jsonl").read_text().splitlines()
    loaded: dict[str, set[str]] = {}
    for command, *modules in map(json.loads, noted):
        loaded.setdefault(command, set()).update(modules)
    assert set(loaded) >= STEPS
    extra = {command: modules & set(HEAVY) - MAY_LOAD[command] for command, modules in loaded.items()}
    assert {command: modules for command, modules in extra.items() if modules} == {}
    # the hook sees what is there
    assert "torch" in loaded["train"] and "matplotlib" in loaded["draw-figure"]
