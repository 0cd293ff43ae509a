"""What each command may load: starting Python and importing is most of a small step, so what is not used is not there.

`tests/workflow/test_loaded.py` holds the commands to this table as they run in a whole study.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from polytune.cli import COMMANDS

HEAVY = ("pandas", "pyarrow", "scipy", "sklearn", "matplotlib", "torch", "transformers", "accelerate", "peft")
HEAVY += ("deepspeed", "tensorboard", "datasets", "lm_eval", "snakemake")

TABLES = {"pandas", "pyarrow"}
TRAINING = {"torch", "transformers", "accelerate", "peft", "tensorboard"}
EVALUATION = {"torch", "transformers", "peft", "pandas", "pyarrow", "datasets", "lm_eval"}

MAY_LOAD: dict[str, set[str]] = {
    "doctor": set(),
    "new-study": set(),
    "plan": set(),  # Snakemake, which it asks, is another process
    "ledger": set(),
    "add-base": {"transformers", "torch"},  # for an unusual tokenizer
    "add-source": {"pyarrow"},
    "split-source": {"pyarrow"},
    "add-benchmark": EVALUATION,
    "prefetch": set(),
    "build-vectors": TABLES,
    "build-language-vectors": {*TABLES, "torch", "transformers"},
    "read-urielplus": TABLES,
    "build-similarity": TABLES,
    "select-languages": {*TABLES, "sklearn", "scipy"},
    "build-world": TABLES,
    "read-source": {"pyarrow"},
    "tokenize-source": {"pyarrow"},
    "build-mixture": {"pyarrow"},
    "pretrain-base": TRAINING,
    "train": TRAINING,  # and deepspeed, with more than one device
    "preflight": {"torch"},
    "launch": set(),  # the training is another process
    "wait": set(),
    "digest-given": set(),
    "evaluate": EVALUATION,
    "evaluate-run": EVALUATION,
    "evaluate-loss": EVALUATION,
    "read-prompts": {"pyarrow"},
    "generate": {"torch", "transformers", "peft", "pyarrow"},
    "identify": {"pyarrow"},
    "answer-null": {"pyarrow"},
    "judge": {"pyarrow"},  # and torch, transformers for a judge in the process
    "import-judgments": {"pyarrow"},
    "import": TABLES,
    "collect-scores": TABLES,
    "draw-figure": {*TABLES, "matplotlib", "sklearn", "scipy"},  # the last two for t-SNE alone
    "build-table": {*TABLES, "scipy"},
    "build-report": {"pyarrow", "scipy"},  # what judges took; quantiles of Student's t
    "build-explorer": TABLES,
    "export": TABLES,
    "stale": set(),
    "explain": set(),
    "why": set(),
    "compare": {*TABLES, "scipy"},
    "completion": set(),
    "publish": TABLES,
    "write-reference": set(),
}
"""The heavy libraries that a command may have loaded when it ends. `--help` loads none."""

# Each case runs in a fork of one process that has imported nothing yet: (name, what it does).
CASES = {f"{name} --help": f"from polytune.cli import main; main(['{name}', '--help'])" for name in COMMANDS}
CASES["--help"] = "from polytune.cli import main; main(['--help'])"
CASES["a script for completion"] = "from polytune.cli import main; main(['completion', 'bash'])"
CASES["the languages"] = "from polytune.languages.codes import languages; assert languages()"
CASES["what the rules import"] = (
    "from polytune.config.settings import load_config, merge_config; from polytune.study.plan import Plan; "
    "plan = Plan(load_config(merge_config(['config/config.yaml']))); assert plan.specs and plan.targets(plan.studies)"
)
SCRIPT = """
import json, os, sys
for name, code in json.loads(sys.argv[1]).items():
    if not os.fork():
        shown, sys.stdout = sys.stdout, open(os.devnull, "w")
        failed = ""
        try:
            exec(code)
        except SystemExit as stop:
            failed = str(stop.code or "")
        except BaseException as error:
            failed = repr(error)
        modules = sorted({module.partition(".")[0] for module in sys.modules})
        print(json.dumps({"case": name, "failed": failed, "modules": modules}), file=shown, flush=True)
        os._exit(0)
    os.wait()
"""


@pytest.fixture(scope="module")
def ended(project) -> dict[str, tuple[str, set[str]]]:
    """How each case failed (empty: it did not), and the top-level modules that it had loaded when it ended."""
    call = [sys.executable, "-c", SCRIPT, json.dumps(CASES)]
    done = subprocess.run(call, cwd=project, capture_output=True, text=True, check=True)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [case["case"] for case in found] == list(CASES)
    return {case["case"]: (case["failed"], set(case["modules"])) for case in found}


def test_every_command_has_its_line_in_the_table():
    assert set(COMMANDS) - set(MAY_LOAD) == set()
    assert {library for libraries in MAY_LOAD.values() for library in libraries} <= set(HEAVY)


@pytest.mark.parametrize("case", CASES)
def test_help_and_planning_load_nothing_heavy(ended, case):
    failed, modules = ended[case]
    assert failed == "" and "polytune" in modules
    assert modules & set(HEAVY) == set()


@pytest.mark.parametrize("case", ["--help", "the languages"])
def test_what_needs_no_option_loads_no_reader_of_options(ended, case):
    assert ended[case][1] & {"typer", "click", "yaml", "numpy"} == set()
