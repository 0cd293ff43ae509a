"""Every command line and file that the project's documents show: what the tests of documents run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
PROGRAMS = (
    "snakemake",
    "polytune",
    "make",
    "python",
    "source",
    ".",
    "tests/slurm/start-slurm",
    "tests/slurm/stop-slurm",
)
"""What is ours to promise. Other programs of a line (`git`, `dot`, `pip`) are not checked."""

SOURCES = ("*.md", "docs/**/*.md", "profiles/*/*.md", "profiles/*/*.sh", "profiles/*/*.yaml", "config/**/*.yaml")
SOURCES += ("config/*.tsv", "workflow/report/*.rst")

# What a reader puts there, as the tests do. `...` after an option is the value that its neighbours in the page have.
PLACEHOLDERS = {
    "--configfile ...": "--configfile config/examples/lucky52-full.yaml",
    "--output ...": "--output out",
    " DIR": " my-model",
    "=DIR": "=my-model",
    "CHECKOUT": ".",
}


@dataclass(frozen=True)
class Command:
    """One simple command of a page."""

    page: str
    line: int
    words: tuple[str, ...]
    mentioned: bool
    """Named inside a sentence (`` `polytune ledger` ``), where options may be left out; else shown to be typed."""

    @property
    def program(self) -> str:
        return self.words[0]

    def __str__(self) -> str:
        return f"{self.page}:{self.line}: {shlex.join(self.words)}"


@cache
def documented_commands() -> tuple[Command, ...]:
    """Return all commands of all pages, in the order of the pages."""
    paths = sorted({path for pattern in SOURCES for path in PROJECT.glob(pattern)} - {PROJECT / "CHANGELOG.md"})
    found = []
    for path in paths:
        page = path.relative_to(PROJECT).as_posix()
        text = path.read_text(encoding="utf-8")
        pieces = _of_markdown(text) if path.suffix in (".md", ".rst") else _of_comments(text)
        for line, piece, mentioned in pieces:
            found += [Command(page, line, words, mentioned) for words in _simple_commands(piece, mentioned)]
    return tuple(found)


def documented_files(page: Path) -> dict[str, str]:
    """Return the files that a page tells its reader to write, by name: a block after a line like `` `my.yaml`: ``."""
    found, lines = {}, page.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines):
        if name := re.fullmatch(r"`([\w.-]+\.\w+)`:", line):
            block = []
            for below in lines[number + 2 :]:
                if below.strip() and not below.startswith("    "):
                    break
                block.append(below[4:])
            found[name[1]] = "\n".join(block).strip() + "\n"
    return found


def _of_markdown(text: str) -> Iterator[tuple[int, str, bool]]:
    """Yield (line, text, mentioned) of indented and fenced blocks and of code inside sentences."""
    fenced, lines = False, text.splitlines()
    number = 0
    while number < len(lines):
        line, first = lines[number], number + 1
        number += 1
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif fenced or line.startswith("    "):
            while line.rstrip().endswith("\\") and number < len(lines):
                line = line.rstrip()[:-1] + lines[number]
                number += 1
            yield first, line.strip().removeprefix("$ "), False
        else:
            for code in re.findall(r"`([^`]+)`", line):
                yield first, code, True


def _of_comments(text: str) -> Iterator[tuple[int, str, bool]]:
    """Yield the same of the comments of a file: a line of its own is shown, the rest is mentioned."""
    for number, line in enumerate(text.splitlines(), 1):
        shown = re.match(r"#\s+(.*)", line)
        if shown and shown[1].split(" ")[0] in PROGRAMS:
            yield number, shown[1], False
        elif "#" in line:
            comment = line.partition("#")[2]
            for code in re.findall(r"`([^`]+)`", comment) + re.findall(r": ((?:snakemake|polytune) .*)$", comment):
                yield number, code, True


def _simple_commands(piece: str, mentioned: bool) -> Iterator[tuple[str, ...]]:
    """Yield each command of a line of shell that begins with one of `PROGRAMS`, as words."""
    for written, meant in PLACEHOLDERS.items():
        piece = re.sub(rf"{re.escape(written)}(?!\w)", meant, piece)
    if mentioned:  # a synopsis: `polytune plan [target ...] [--configfile FILE]`
        piece = re.sub(r"[\[\]]|\.\.\.", "", piece)
    elif "..." in piece and piece.split(" ")[0] in PROGRAMS:
        piece = piece.replace("...", "")
    if "<" in piece:
        return
    try:
        lexer = shlex.shlex(piece, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words = list(lexer)
    except ValueError:  # prose with an apostrophe, the output of a program
        return
    simple: list[str] = []
    for word in [*words, ";"]:
        if set(word) <= set(";&|()"):
            if simple and simple[0] in PROGRAMS and not simple[-1].endswith(":") and not _is_output(simple, mentioned):
                yield tuple(simple[: simple.index(">")] if ">" in simple else simple)
            simple = []
        else:
            simple.append(word)


def _is_output(words: list[str], mentioned: bool) -> bool:
    """Return whether words that begin like a command are what a program printed, or a program's bare name."""
    if words[0] == "make":
        return len(words) == 1
    if words[0] in ("source", "."):
        return len(words) != 2 or "/" not in words[1]
    return (len(words) > 1 and words[1].endswith(":")) or (len(words) == 1 and mentioned)
