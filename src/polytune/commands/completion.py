"""`polytune completion SHELL`: a script that completes subcommands, their options and the names of studies.

The script holds all words itself and looks for studies in `config/studies`, so that completing starts no Python.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Annotated, Literal

import typer

from polytune.cli import COMMANDS

TAKE_STUDIES = ("plan", "why")
"""Commands whose words are studies or results."""
STUDY_OPTIONS = ("--like",)
"""Options whose value is a study."""

Options = Mapping[str, Mapping[str, str]]
"""Of each command its options, with their help."""


def find_options() -> dict[str, dict[str, str]]:
    """Return the options of every command with the first sentence of their help."""
    found = {}
    for name, (module, _) in COMMANDS.items():
        app = typer.Typer(add_completion=False)
        app.command()(importlib.import_module(module).command)
        options = {}
        for parameter in typer.main.get_command(app).params:
            if parameter.param_type_name == "option" and not parameter.hidden:
                words = (parameter.help or "").partition(". ")[0].rstrip(".")
                options |= {option: words for option in parameter.opts if option.startswith("--")}
        found[name] = {**options, "--help": "Show what the command does"}
    return found


def bash_script(options: Options) -> str:
    """Return the script for bash."""
    cases = "\n".join(f'        {name}) words="{" ".join(known)}" ;;' for name, known in options.items())
    return f"""\
# polytune completion bash > ~/.local/share/bash-completion/completions/polytune
_polytune() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} words="" studies="" file
    if [ "$COMP_CWORD" -eq 1 ]; then
        COMPREPLY=($(compgen -W "{" ".join(options)} --help --version" -- "$current"))
        return
    fi
    for file in config/studies/*.yaml; do
        [ -e "$file" ] && file=${{file##*/}} && studies="$studies ${{file%.yaml}}"
    done
    case "$before" in
        {"|".join(STUDY_OPTIONS)}) COMPREPLY=($(compgen -W "$studies" -- "$current")); return ;;
    esac
    case "${{COMP_WORDS[1]}}" in
{cases}
    esac
    case "$current" in
        -*) COMPREPLY=($(compgen -W "$words" -- "$current")) ;;
        *)
            case "${{COMP_WORDS[1]}}" in
                {"|".join(TAKE_STUDIES)}) COMPREPLY=($(compgen -W "$studies" -- "$current")) ;;
            esac
            COMPREPLY+=($(compgen -f -- "$current")) ;;
    esac
}}
complete -o filenames -F _polytune polytune
"""


def zsh_script(options: Options) -> str:
    """Return the script for zsh."""
    commands = "\n".join(f"        {_quoted(f'{name}:{COMMANDS[name][1]}')}" for name in options)
    cases = "\n".join(
        f"        {name}) options=({' '.join(_quoted(f'{option}:{said}') for option, said in known.items())}) ;;"
        for name, known in options.items()
    )
    return f"""\
#compdef polytune
# polytune completion zsh > a file _polytune in a folder of $fpath, before compinit
_polytune() {{
    local -a subcommands options studies
    studies=(config/studies/*.yaml(N:t:r))
    subcommands=(
{commands}
    )
    if (( CURRENT == 2 )); then
        _describe command subcommands
        return
    fi
    case "$words[CURRENT-1]" in
        {"|".join(STUDY_OPTIONS)}) compadd -a studies; return ;;
    esac
    case "$words[2]" in
{cases}
    esac
    if [[ "$words[CURRENT]" == -* ]]; then
        _describe option options
        return
    fi
    case "$words[2]" in
        {"|".join(TAKE_STUDIES)}) compadd -a studies ;;
    esac
    _files
}}
if [ "$funcstack[1]" = "_polytune" ]; then
    _polytune "$@" # the file was found in $fpath: this is the first completion
else
    compdef _polytune polytune
fi
"""


def fish_script(options: Options) -> str:
    """Return the script for fish."""
    lines = ["# polytune completion fish > ~/.config/fish/completions/polytune.fish"]
    lines += [
        "function __polytune_studies; for f in config/studies/*.yaml; string replace -ra '.*/|\\.yaml$' '' $f; end; end"
    ]
    for name, known in options.items():
        lines.append(f"complete -c polytune -f -n __fish_use_subcommand -a {name} -d {_quoted(COMMANDS[name][1])}")
        for option, said in known.items():
            value = " -x -a '(__polytune_studies)'" if option in STUDY_OPTIONS else ""
            seen = f"'__fish_seen_subcommand_from {name}'"
            lines.append(f"complete -c polytune -n {seen} -l {option[2:]}{value} -d {_quoted(said)}")
    lines += [
        f"complete -c polytune -n '__fish_seen_subcommand_from {name}' -a '(__polytune_studies)'"
        for name in TAKE_STUDIES
    ]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "’") + "'"


SCRIPTS = {"bash": bash_script, "zsh": zsh_script, "fish": fish_script}


def command(shell: Annotated[Literal["bash", "zsh", "fish"], typer.Argument(help="The shell.")]) -> None:
    """Print a script that completes commands, options and studies; its first lines say where to put it."""
    print(SCRIPTS[shell](find_options()), end="")
