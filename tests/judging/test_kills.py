"""`kill -9` at every write of the journal: nothing is lost, nothing is paid twice, the verdicts are the same."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.cases.fault_server import serve
from tests.cases.judging_cases import Study, server_entry

PROJECT = Path(__file__).resolve().parents[2]
REQUESTS = 12  # of the English questions, each turn once
SAID = "Rating: [[{}]]"


def judge_killed(study: Study, cases: list[dict], url: str) -> list[tuple[int, int]]:
    """Run `tests/cases/killed_judge.py`; each case has its own journal, its own verdicts and requests of its own."""
    judged = [{"responses": "questions", "prompts": "questions-x", "languages": ["en"]}]
    for number, case in enumerate(cases):
        judge = server_entry(sampling={"seed": number}, timeout_seconds=30)
        options = study.options(judge=judge, judged=judged, repeat_share=0.0)
        spec = study.root / f"spec{number}.json"
        options["spec"][0].rename(spec)
        options |= {"spec": [spec], "output": [study.root / f"verdicts{number}"], "journal": study.root / f"j{number}"}
        case["options"] = {**options, "concurrency": case["concurrency"]}
    environment = os.environ | {"TEST_JUDGE_URL": url, "TEST_JUDGE_KEY": "sk-1"}
    environment |= {"PYTHONPATH": f"{PROJECT / 'src'}{os.pathsep}{PROJECT}"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.cases.killed_judge"],
        input=json.dumps(cases, default=str),
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return [tuple(map(int, line.split())) for line in done.stdout.splitlines() if line[0] in "-0123456789"]


@pytest.fixture
def server():
    # the verdict depends on the answer, so that a mix-up would show
    with serve(say=lambda asked: SAID.format(1 + len(asked.text) % 3)) as running:
        yield running


def test_a_kill_at_any_write_loses_and_repeats_nothing(tmp_path, server):
    study, every = Study(tmp_path), range(REQUESTS)
    cases = [{"when": "after", "write": number, "concurrency": 1} for number in every]
    cases += [{"when": "torn", "write": number, "concurrency": 3} for number in every[::2]]
    cases += [{"when": "before", "write": number, "concurrency": 1} for number in every[::4]]
    killed = len(cases)
    cases.append({"when": "never", "write": 0, "concurrency": 1})
    ended = judge_killed(study, cases, server.url)
    assert ended == [(-signal.SIGKILL, 0)] * killed + [(0, 0)]
    whole = verdicts(tmp_path / f"verdicts{killed}")
    assert len(whole) == REQUESTS and {value for _, _, value in whole} == {1.0, 2.0, 3.0}
    sent = Counter(asked.body["seed"] for asked in server.requests)
    billed = Counter(asked.body["seed"] for asked in {asked.key: asked for asked in server.requests}.values())
    for number, case in enumerate(cases[:killed]):
        assert verdicts(tmp_path / f"verdicts{number}") == whole
        assert billed[number] == REQUESTS, "every answer is made once"
        # what was under way when the process died, and only that, is sent again: as the same request
        least, most = {"after": (0, 0), "before": (1, 1), "torn": (1, case["concurrency"])}[case["when"]]
        assert REQUESTS + least <= sent[number] <= REQUESTS + most
    assert sum(server.billed.values()) == REQUESTS * len(cases)


def verdicts(folder: Path) -> list[tuple[int, int, float]]:
    import pyarrow.parquet

    (path,) = folder.glob("*.parquet")
    rows = pyarrow.parquet.read_table(path).to_pylist()
    assert {row["status"] for row in rows} == {"ok"}
    return [(row["item"], row["turn"], row["value"]) for row in rows]
