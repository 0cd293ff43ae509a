"""A generated world from its files to verdicts: the truth in the right language, and what null responders get."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet
import pytest

from polytune.judging import judge, nulls
from polytune.prompts import read
from polytune.prompts.prompt import read_prompts
from polytune.world.build import build_world
from polytune.world.settings import WorldSettings
from tests.cases.judging_cases import RUN, judge_entry, make_spec, write_responses

LANGUAGES = ["en", "es", "zh"]
SETTINGS = WorldSettings(
    seed=9, languages=("en", "es", "zh"), base_languages=("en", "es"), documents_per_base_language=2, instruction_rows=2
)
ITEMS = 24


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Path:
    """A small world with its questions read; returns the folder that holds both."""
    root = tmp_path_factory.mktemp("world")
    build_world(SETTINGS, root / "world")
    for language in LANGUAGES:
        source = root / "world" / "prompts" / "questions" / f"{language}.jsonl"
        output = root / "prompts" / "world-questions" / f"{language}.parquet"
        read.command("fastchat", language, source, output, output.with_suffix(".json"))
    truth = {}
    for language in LANGUAGES:
        for prompt in read_prompts(root / "prompts" / "world-questions" / f"{language}.parquet")[:ITEMS]:
            for turn, reference in enumerate(prompt.references, 1):
                truth[language, prompt.item, turn] = reference
    write_responses(root / "true", truth)
    return root


def verdicts(world: Path, responses: Path, protocol: str = "rating-3", against: Path | None = None) -> list[dict]:
    """Judge responses by the world's judge; returns the rows."""
    judged = [{"responses": "questions", "prompts": "world-questions", "languages": LANGUAGES}]
    spec = make_spec(protocol, judge=judge_entry(), judged=judged) | {"run": RUN}
    path, output = world / "spec.json", world / f"verdicts-{protocol}-{responses.name}"
    path.write_text(json.dumps(spec))
    opponents = {"against": [against]} if against else {}
    places = {"prompts": world / "prompts", "journal": world / "journal", "world": world / "world"}
    judge.command(spec=[path], responses=[responses], output=[output], **places, **opponents)
    (file,) = output.rglob("*.parquet")
    return pyarrow.parquet.read_table(file).to_pylist()


def null(world: Path, kind: str) -> Path:
    entry = {"name": "questions", "prompts": "world-questions", "languages": LANGUAGES, "items": ITEMS}
    path = world / "null.json"
    path.write_text(json.dumps({"run": f"null/null/{kind}/seed0", "kind": kind, "responses": [entry]}))
    nulls.command(path, world / "prompts", world / kind, world / "true" if kind == "other-language" else None)
    return world / kind


def test_the_truth_gets_the_highest_rating_and_wins(world):
    rows = verdicts(world, world / "true")
    assert len(rows) > len(LANGUAGES) * ITEMS and {row["value"] for row in rows} == {3.0}
    assert {row["turn"] for row in rows} == {1, 2}
    assert {row["value"] for row in verdicts(world, world / "true", "rating-10")} == {10.0}
    duel = verdicts(world, world / "true", "side-by-side", null(world, "constant"))
    assert {row["value"] for row in duel} == {1.0} and {row["order"] for row in duel} == {"first", "second"}


@pytest.mark.parametrize("kind", ["empty", "constant", "copied-prompt"])
def test_null_responders_get_the_lowest_rating(world, kind):
    assert {row["value"] for row in verdicts(world, null(world, kind))} == {1.0}


def test_the_truth_in_another_language_is_true(world):
    """The rating says nothing of the language that was asked for, identification does; side by side it decides."""
    elsewhere = null(world, "other-language")
    assert {row["value"] for row in verdicts(world, elsewhere)} == {3.0}
    assert {row["value"] for row in verdicts(world, elsewhere, "side-by-side", world / "true")} == {0.0}
