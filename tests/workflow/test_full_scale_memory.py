"""The examples at scale `full` fit into the devices of the machine that they name, as `polytune plan` reckons."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from tests.cases import alpaca_directories, pinch_directories, polyglot_directories

pytestmark = pytest.mark.slow


def alpaca(folder) -> dict:
    """The translations and models of the study `alpaca`, and questions in the layout of the published ones."""
    alpaca_directories.write_questions(folder / "questions")
    prompts = {"prompts": {"openassistant-50": str(folder / "questions")}}
    return alpaca_directories.write_directories(folder) | prompts


OUTSIDE = {
    "lucky52": lambda folder: {},
    "linguistic": lambda folder: {},
    "alpaca": alpaca,
    "pinch": pinch_directories.write_directories,
    "polyglot": polyglot_directories.write_directories,
}
"""What each study needs that the hub does not offer, in small: sizes of bases are those of `config/bases.tsv`."""


@pytest.mark.parametrize("study", OUTSIDE)
def test_everything_fits(clean_checkout, tmp_path, study):
    (tmp_path / "my.yaml").write_text(json.dumps({"locations": OUTSIDE[study](tmp_path)}))
    copy = clean_checkout.copy(tmp_path / "polytune")
    file = copy.folder / f"config/studies/{study}.yaml"
    text = re.sub(r"\b(total_rows|rows): [0-9]+", r"\1: 16", file.read_text())  # as many as are written here
    file.write_text(text.replace("rows_of_others: {1: 40}", "rows_of_others: {1: 4}"))
    example = f"config/examples/{study}-full.yaml"
    call = [sys.executable, "-m", "polytune.cli", "plan", study, "--configfile", example]
    done = subprocess.run(
        [*call, "--configfile", str(tmp_path / "my.yaml")],
        cwd=copy.folder, env=copy.environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert re.search(r"of each mi250x-gcd", done.stdout)  # LUMI's, as the examples' commands say
    assert "does not fit" not in done.stdout
    memory = float(re.search(r"^all .*", done.stdout, flags=re.MULTILINE)[0].split()[5])
    assert 10 < memory < 64
