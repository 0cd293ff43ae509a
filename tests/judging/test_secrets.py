"""The judge's key and address stand in no file, no output and no list of processes, whatever a server sends back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cases.fault_server import serve
from tests.cases.judging_cases import Study, server_entry

KEY = "sk-secret-0123456789"


def command_line(study: Study, **entry) -> list[str]:
    options = study.options(judge=server_entry(**entry), repeat_share=0.0)
    words = [sys.executable, "-m", "polytune.cli", "judge"]
    for name, value in options.items():
        for place in value if isinstance(value, list) else [value]:
            words += [f"--{name}", str(place)]
    return words


@pytest.mark.parametrize("fault", [None, 401, 500], ids=str)
def test_a_key_that_the_server_repeats_is_told_to_nobody(tmp_path, fault):
    study = Study(tmp_path)
    seen = []

    def strike(asked):
        # the process is alive and waits for this answer
        seen.extend(path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if readable(path))
        return fault

    with serve(fault=strike, say=lambda asked: f"Bearer {KEY}: [[3]]") as server:
        environment = os.environ | {"TEST_JUDGE_URL": server.url, "TEST_JUDGE_KEY": KEY}
        call = command_line(study, retries=0)
        done = subprocess.run(call, env=environment, capture_output=True, text=True, check=False)
        assert (done.returncode == 0) == (fault is None), done.stderr
        assert any(b"polytune" in line and b"judge" in line for line in seen), "the list of processes was looked at"
        written = [path for path in tmp_path.rglob("*") if path.is_file()]
        assert any(path.suffix == ".jsonl" for path in written) or fault == 401
        texts = {"output": (done.stdout + done.stderr).encode(), "processes": b"".join(seen)}
        texts |= {str(path): path.read_bytes() for path in written}
        for secret in (KEY, server.url.removesuffix("/v1")):
            assert [name for name, text in texts.items() if secret.encode() in text] == []
        if fault is None:
            assert {(row["text"], row["value"]) for row in study.rows()} == {("Bearer [hidden]: [[3]]", 3.0)}
        else:
            assert "[hidden]" in done.stderr and f"status {fault}" in done.stderr


def readable(path: Path) -> bool:
    try:
        path.read_bytes()
    except OSError:
        return False
    return True


def test_a_spec_that_holds_the_key_itself_is_refused(tmp_path):
    study = Study(tmp_path)
    call = command_line(study)
    path = tmp_path / "spec.json"
    spec = json.loads(path.read_text())
    for change in ({"key": KEY}, {"key_variable": KEY}):
        path.write_text(json.dumps(spec | {"judge": spec["judge"] | change}))
        done = subprocess.run(call, capture_output=True, text=True, check=False)
        assert done.returncode == 1 and "Traceback" not in done.stderr
