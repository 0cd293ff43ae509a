"""Start-up: how much of a run of the whole workflow goes into starting Python and importing modules.

    python performance/startup.py [--snakemake-options ...]

Runs `snakemake --profile profiles/local` in a fresh copy of this checkout. A hook in every Python process of it counts
the seconds inside import statements (the outermost ones, so that nothing counts twice, wherever in the code they stand)
and from the process's birth to the hook. The table is by subcommand of `polytune`; Snakemake's own process is last.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from planning import copy_checkout

HEAVY = (
    "torch",
    "transformers",
    "datasets",
    "lm_eval",
    "peft",
    "deepspeed",
    "matplotlib",
    "scipy",
    "pandas",
    "pyarrow",
)

# imported by Python itself at its start, before anything else
HOOK = """
import atexit, builtins, json, os, sys, time

def _age():
    # seconds since this process was born
    with open("/proc/self/stat") as stream:
        ticks = int(stream.read().rpartition(")")[2].split()[19])
    return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")

_born, _process, _inner = max(0.0, _age()), os.getpid(), builtins.__import__
_state = {"depth": 0, "seconds": 0.0}

def _counted(*arguments, **options):
    if _state["depth"]:
        return _inner(*arguments, **options)
    _state["depth"], started = 1, time.perf_counter()
    try:
        return _inner(*arguments, **options)
    finally:
        _state["depth"] = 0
        _state["seconds"] += time.perf_counter() - started

builtins.__import__ = _counted

def _report():
    if os.getpid() == _process:  # not in forks of this process
        found = {
            "command": sys.argv[:2], "seconds": max(0.0, _age()), "birth": _born, "imports": _state["seconds"],
            "cpu": time.process_time(), "heavy": [name for name in %r if name in sys.modules],
        }
        with open(os.path.join(os.environ["POLYTUNE_STARTUP"], f"{_process}.json"), "w") as stream:
            json.dump(found, stream)

atexit.register(_report)
"""


def read_reports(folder: Path) -> dict[str, list[dict]]:
    """Return what the processes of each command have reported; helper processes of libraries come under 'other'."""
    found = defaultdict(list)
    for file in folder.glob("*.json"):
        report = json.loads(file.read_text())
        program, *rest = (*report["command"], "")
        name = Path(program).name
        if name == "snakemake":
            found["snakemake"].append(report)
        elif "polytune" in program:
            found[f"polytune {rest[0]}"].append(report)
        else:
            found["other"].append(report)
    return found


def main() -> None:
    """Run the workflow and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--snakemake-options", nargs="*", default=[], help="e.g. a target, for a shorter look")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder, reports, hook = (Path(name) / part for part in ("checkout", "reports", "hook"))
        copy_checkout(folder)
        reports.mkdir()
        hook.mkdir()
        (hook / "sitecustomize.py").write_text(HOOK % (HEAVY,))
        environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": f"{hook}:{folder / 'src'}",
            "POLYTUNE_STARTUP": str(reports),
        }
        call = ["snakemake", "--profile", "profiles/local", *options.snakemake_options]
        subprocess.run(call, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=sys.stderr)
        found = read_reports(reports)
    print("| command | processes | s, all together | birth of Python, s | imports, s | start-up | heavy modules |")
    print("|---|---|---|---|---|---|---|")
    totals = [0.0, 0.0]
    for command, entries in sorted(found.items(), key=lambda item: item[0] == "snakemake"):
        seconds, birth, imports = (sum(entry[key] for entry in entries) for key in ("seconds", "birth", "imports"))
        heavy = " ".join(sorted({module for entry in entries for module in entry["heavy"]}))
        share = f"{(birth + imports) / seconds:.0%}"
        print(f"| {command} | {len(entries)} | {seconds:.1f} | {birth:.1f} | {imports:.1f} | {share} | {heavy} |")
        if command not in ("snakemake", "polytune launch"):  # they wait for the others
            totals = [totals[0] + seconds, totals[1] + birth + imports]
    print(f"\nStart-up: {totals[1]:.1f} s of {totals[0]:.1f} s of all steps, {totals[1] / totals[0]:.1%}.")


if __name__ == "__main__":
    main()
