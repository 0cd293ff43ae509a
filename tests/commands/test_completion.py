"""Completion: a script that bash understands, with every command and option, and the studies that are there."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from polytune.cli import COMMANDS
from polytune.commands.completion import SCRIPTS, command, find_options


@pytest.fixture(scope="module")
def options():
    return find_options()


@pytest.fixture(scope="module")
def script(options, tmp_path_factory):
    path = tmp_path_factory.mktemp("completion") / "polytune.bash"
    path.write_text(SCRIPTS["bash"](options))
    return path


def complete(script, project, *words: str) -> set[str]:
    """Return what bash proposes for the last of the words."""
    typed = " ".join(f"'{word}'" for word in ("polytune", *words))
    code = f"source {script}; COMP_WORDS=({typed}); COMP_CWORD={len(words)}; _polytune; "
    code += "printf '%s\\n' \"${COMPREPLY[@]}\""
    done = subprocess.run(["bash", "-c", code], cwd=project, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return set(done.stdout.split())


def test_commands_are_completed(script, project):
    assert complete(script, project, "") == {*COMMANDS, "--help", "--version"}
    assert complete(script, project, "ex") == {"explain", "export"}


def test_options_of_a_command_are_completed(script, project):
    assert complete(script, project, "why", "--") == {"--configfile", "--config", "--all", "--help"}
    assert complete(script, project, "compare", "--m") == {"--measure"}
    assert "--step-options" in complete(script, project, "launch", "--")
    assert "--inside-step" not in complete(script, project, "launch", "--"), "hidden options are for programs"


def test_studies_are_completed(script, project):
    studies = {path.stem for path in (project / "config/studies").glob("*.yaml")}
    assert complete(script, project, "new-study", "mine", "--like", "") == studies
    assert complete(script, project, "plan", "luc") == {name for name in studies if name.startswith("luc")}


def test_files_are_completed(script, project):
    assert complete(script, project, "explain", "READ") == {"README.md"}
    assert complete(script, project, "plan", "--configfile", "Make") == {"Makefile"}


@pytest.mark.parametrize("shell", SCRIPTS)
def test_every_shell_has_every_command_and_option(options, shell, capsys):
    command(shell)
    printed = capsys.readouterr().out
    assert printed == SCRIPTS[shell](options) and printed.startswith(("# polytune", "#compdef polytune\n# polytune"))
    for name, known in options.items():
        assert name in printed
        for option in known:
            assert (f"-l {option[2:]}" if shell == "fish" else option) in printed


@pytest.mark.parametrize(("shell", "call"), [("bash", ["-n"]), ("zsh", ["-n"]), ("fish", ["--no-execute"])])
def test_shells_can_read_their_scripts(options, shell, call, tmp_path):
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    path = tmp_path / "script"
    path.write_text(SCRIPTS[shell](options))
    done = subprocess.run([shell, *call, path], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_studies_are_looked_for_when_completing(script, tmp_path):
    (tmp_path / "config/studies").mkdir(parents=True)
    (tmp_path / "config/studies/mine.yaml").write_text("")
    assert complete(script, tmp_path, "why", "") == {"mine", "config"}
