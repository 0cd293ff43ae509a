"""`--sdm conda`: a step runs in an environment that holds this checkout. `conda` is a script of the test: a real one
needs its channels, which tests must do without; that the pins are those of the lock is a test of the project."""

from __future__ import annotations

import os
import site
import subprocess
import sys
import tomllib
from pathlib import Path

import yaml

from tests.workflow.conftest import SNAKEMAKE

CONDA = """\
#!/bin/sh
case "$*" in
"info --json") echo '{{"conda_prefix": "{prefix}", "platform": "linux-64"}}' ;;
"clean "*) ;;
--version) echo conda 26.9.0 ;;
"config --get channel_priority --json") echo '{{"get": {{"channel_priority": "strict"}}}}' ;;
"env create "*)
    for word; do target=$word; done
    {python} -m venv --without-pip "$target"
    # what the file would have installed: the packages of this Python
    echo {packages} > "$(echo "$target"/lib/python*/site-packages)/packages.pth"
    ;;
*) echo "unexpected: conda $*" >&2; exit 1 ;;
esac
"""
STEP = """\
rule step:
    output: "where.txt"
    conda: "workflow/envs/polytune.yaml"
    shell: "command -v polytune > {output}; python -c 'import polytune; print(polytune.ROOT)' >> {output}"
"""


def stub_conda(folder: Path) -> Path:
    """Write a `conda` that makes virtual environments; return its folder of programs."""
    programs = folder / "bin"
    programs.mkdir(parents=True)
    script = CONDA.format(prefix=folder, python=sys.executable, packages=site.getsitepackages()[0])
    (programs / "conda").write_text(script)
    (programs / "conda").chmod(0o755)
    (programs / "activate").write_text('export PATH="$1/bin:$PATH"\n')
    return programs


def run_step(checkout, programs: Path) -> subprocess.CompletedProcess:
    (checkout.folder / "step.smk").write_text(STEP)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment["PATH"] = f"{programs}:{environment['PATH']}"
    call = [SNAKEMAKE, "--sdm", "conda", "--cores", "1", "--snakefile", "step.smk"]
    return subprocess.run(call, cwd=checkout.folder, env=environment, capture_output=True, text=True, check=False)


def test_a_step_runs_the_checkout(clean_checkout, tmp_path):
    checkout = clean_checkout.copy(tmp_path / "polytune")
    done = run_step(checkout, stub_conda(tmp_path / "conda"))
    assert done.returncode == 0, done.stdout + done.stderr
    program, root = (checkout.folder / "where.txt").read_text().split()
    assert Path(program).is_relative_to(checkout.folder / ".snakemake/conda")
    assert Path(root) == checkout.folder


def test_another_folder_than_a_checkout_is_refused(clean_checkout, tmp_path):
    checkout = clean_checkout.copy(tmp_path / "polytune")
    (checkout.folder / "pyproject.toml").unlink()
    done = run_step(checkout, stub_conda(tmp_path / "conda"))
    assert done.returncode == 1 and f"{checkout.folder} is no checkout of Polytune" in done.stdout + done.stderr


def test_the_environment_has_all_that_the_project_asks_for(project):
    wanted = tomllib.loads((project / "pyproject.toml").read_text())["project"]["dependencies"]
    content = yaml.safe_load((project / "workflow/envs/polytune.yaml").read_text())["dependencies"]
    pins = {pin.split("==")[0] for pin in next(entry["pip"] for entry in content if isinstance(entry, dict))}
    assert {requirement.split("==")[0] for requirement in wanted} <= pins
    assert {"pip", "setuptools"} <= pins | set(filter(lambda entry: isinstance(entry, str), content))
