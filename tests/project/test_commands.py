"""Command lines that the documents show can be typed: programs and options exist, nothing swallows its neighbour.

`tests/workflow/test_documented_commands.py` dry-runs those of Snakemake.
"""

from __future__ import annotations

import importlib.util
import os
import re

import pytest

from tests.cases.documented_commands import PROJECT, Command, documented_commands

COMMANDS = documented_commands()
TO_BE_MADE = {"settings.sh": "settings.example.sh", "environment.sh": None}
"""Files that a reader makes first, and what of; None: another command makes it."""


def shown(*programs: str) -> list:
    """Return the documented commands of these programs as cases named after page and line."""
    return [
        pytest.param(command, id=f"{command.page}:{command.line}")
        for command in COMMANDS
        if command.program in programs
    ]


def test_the_pages_are_read():
    pages = {command.page for command in COMMANDS}
    assert {"README.md", "docs/cluster.md", "profiles/lumi/README.md", "config/examples/lucky52-full.yaml"} <= pages
    assert len({command.words for command in COMMANDS}) > 50
    # a continued line is one command, a comment behind it is none of its words, a pipe ends it
    assert any(command.program == "polytune" and "--samples" in command.words for command in COMMANDS)
    assert ("snakemake", "--rulegraph") in {command.words for command in COMMANDS}


@pytest.mark.parametrize("command", shown("make"))
def test_targets_of_make_exist(command: Command):
    targets = re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(command.words[1:]) <= set(targets)


@pytest.mark.parametrize("command", shown("source", ".", "tests/slurm/start-slurm", "tests/slurm/stop-slurm"))
def test_scripts_exist(command: Command):
    path = PROJECT / (command.words[1] if command.program in ("source", ".") else command.program)
    if path.name in TO_BE_MADE:
        original = TO_BE_MADE[path.name]
        assert original is None or path.with_name(original).is_file()
    else:
        assert path.is_file()
        assert command.program in ("source", ".") or os.access(path, os.X_OK)


@pytest.mark.parametrize("command", shown("python"))
def test_scripts_of_python_have_their_options(command: Command):
    option, *rest = command.words[1:]
    if option == "-m":
        assert importlib.util.find_spec(rest[0]), "no such module"
        return  # lm-eval's own options: tests/evaluation/test_peer.py runs that line
    text = (PROJECT / option).read_text(encoding="utf-8")
    for word in rest:
        assert not word.startswith("-") or f'"{word}"' in text, f"{option} has no option {word}"


@pytest.mark.parametrize("command", shown("polytune"))
def test_options_of_polytune_exist(command: Command):
    check_polytune(command.words[1:], command.mentioned)


def check_polytune(words: tuple[str, ...], mentioned: bool) -> None:
    """Parse the words of one call of `polytune`, and of the call that it starts (`launch ... -- train ...`)."""
    import click
    import typer

    from polytune.cli import COMMANDS as KNOWN

    if words[0] in ("--help", "--version"):
        return
    assert words[0] in KNOWN, f"no command '{words[0]}'"
    if "--help" in words:
        return
    app = typer.Typer(add_completion=False)
    app.command()(importlib.import_module(KNOWN[words[0]][0]).command)
    parser = typer.main.get_command(app)
    options = {name for parameter in parser.params for name in (*parameter.opts, *parameter.secondary_opts)}
    own, started = list(words[1:]), []
    if "--" in own:
        own, started = own[: own.index("--")], own[own.index("--") + 1 :]
        check_polytune(tuple(started), mentioned)
    assert [word for word in own if word.startswith("--") and word.partition("=")[0] not in options] == []
    if not mentioned:
        try:
            parser.make_context(words[0], [*own, *(["--", *started] if started else [])])
        except click.UsageError as error:
            pytest.fail(error.format_message())


@pytest.mark.parametrize("command", shown("snakemake"))
def test_lines_of_snakemake_are_read_as_they_are_meant(command: Command, monkeypatch):
    """`--configfile` takes all words up to the next option: a target behind it would be read as a file."""
    from snakemake.cli import parse_args

    monkeypatch.chdir(PROJECT)
    words = [*command.words[1:]]
    if words[-1:] == ["--report"]:  # as it is named in a sentence
        words.append("report.zip")
    _, arguments = parse_args(words)
    files = [str(path) for path in arguments.configfile or []]
    assert [name for name in files if not name.endswith(".yaml")] == [], "a target is read as a configuration file"
    assert [name for name in arguments.targets if str(name).endswith(".yaml")] == []
    if "--profile" in words:
        assert (PROJECT / words[words.index("--profile") + 1] / "config.yaml").is_file()
