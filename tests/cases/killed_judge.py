"""Kills `polytune judge` at a stated write of its journal, then lets it go on: a program of its own.

Reads a JSON list of cases {"options": arguments of the command, "when": before | torn | after | never, "write": number
of the entry from 0}; prints a line per case: the status of the killed process and of the one that goes on. Everything
is imported once, each process is a fork.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

# what a judge loads when it is used, loaded once for all forks
import openai.resources.chat.completions
import pyarrow.parquet  # noqa: F401

from polytune.judging import asking, journal, judge, server  # noqa: F401

PATHS = {"spec", "responses", "output", "against"}


def kill_at(when: str, number: int) -> None:
    """Let this process die at its write `number`: before it, after half of it, or as soon as it is done."""
    write, seen = journal._write_all, [0]

    def write_or_die(descriptor: int, line: bytes) -> None:
        if seen[0] == number:
            written = {"before": b"", "torn": line[: len(line) // 2], "after": line}[when]
            write(descriptor, written)
            os.kill(os.getpid(), signal.SIGKILL)
        seen[0] += 1
        write(descriptor, line)

    if when != "never":
        journal._write_all = write_or_die


def run(case: dict) -> int:
    """Run the command in a fork; return how it ended, a signal as a negative number."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    status = 1
    try:
        kill_at(case["when"], case["write"])
        options = case["options"]
        judge.command(
            **{key: [Path(path) for path in value] for key, value in options.items() if key in PATHS},
            **{key: Path(options[key]) for key in ("prompts", "journal")},
            concurrency=options["concurrency"],
        )
        status = 0
    finally:
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    asking.FIRST_WAIT_SECONDS = 0.01
    openai.AsyncOpenAI(api_key="none")  # loads what the first client loads
    for case in json.load(sys.stdin):
        killed, finished = run(case), run({**case, "when": "never"})
        print(f"{killed} {finished}", flush=True)
