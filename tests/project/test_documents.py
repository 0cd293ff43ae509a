"""The documents: what they link to and name is there, and their lines can be scanned."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

FOLDERS = ("src", "polytune", "config", "tests", "workflow", "profiles", "performance", "docs")
"""What a name of a file begins with if it is one of the project; others are a user's, or results."""

SHORT_LINES = ("README.md", "CHANGELOG.md", "docs/studies/lucky52.md")
SHORT_LINES += tuple(f"docs/{name}.md" for name in ("architecture", "extending", "glossary", "languages"))
SHORT_LINES += ("docs/how-a-result-is-made.md", "docs/index.md")


@pytest.fixture(scope="module")
def pages(project) -> dict[str, str]:
    """Every page of the project by path."""
    paths = [*project.glob("*.md"), *(project / "docs").rglob("*.md"), *(project / "profiles").rglob("*.md")]
    return {path.relative_to(project).as_posix(): path.read_text(encoding="utf-8") for path in sorted(paths)}


def test_links_lead_somewhere(project, pages):
    linked = 0
    for page, text in pages.items():
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
            if "://" not in target:
                assert ((project / page).parent / target).exists(), f"{page} links to {target}"
                linked += 1
    assert linked > 20


def test_files_that_are_named_exist(project, pages):
    """Files and patterns of files: `config/sources.tsv`, `tests/training/test_*.py`."""
    named = 0
    for page, text in pages.items():
        for name in re.findall(r"`([\w./*-]+\.(?:py|smk|tsv|yaml|toml|md|sh|csv|txt|json))`", text):
            if name.partition("/")[0] in FOLDERS and page != "CHANGELOG.md" and not name.endswith("settings.sh"):
                folder = project / "src" if name.startswith("polytune/") else project
                assert any(folder.glob(name)), f"{page} names {name}"
                named += 1
    assert named > 30


def test_pages_that_are_named_in_plain_words_exist(project, pages):
    """`docs/x.md` without marks: in pages, in the descriptions of schemas, in messages, docstrings and comments."""
    places = dict(pages)
    for folder in ("src", "workflow", "config", "profiles"):
        for path in (project / folder).rglob("*"):
            if path.suffix in (".py", ".smk", ".yaml", ".tsv", ".csv", ".txt", ".html", ".js", ".rst"):
                places[path.relative_to(project).as_posix()] = path.read_text(encoding="utf-8")
    named = 0
    for place, text in places.items():
        for name in re.findall(r"(?<![\w./-])docs/[\w/-]+\.md\b", text):
            assert (project / name).is_file(), f"{place} names {name}"
            named += place.startswith("workflow/schemas/")
    assert named > 5


def test_modules_that_are_named_exist(project, pages):
    """`polytune.languages.codes` and what is in it, `polytune.mixtures.manifest.Mixture.read`."""
    named = 0
    for page, text in pages.items():
        # (a single word is a key of a result's header: `polytune.samples_sha256`)
        for dotted in re.findall(r"`polytune((?:\.\w+){2,})", text):
            *_, found = [*_modules(project, dotted)]
            assert found, f"{page} names polytune{dotted}"
            named += 1
    assert named > 3


def _modules(project: Path, dotted: str):
    """Yield the path of each longer part of a dotted name that is a module, or a name that its module holds."""
    path = project / "src/polytune"
    for name in dotted.strip(".").split("."):
        if path.is_dir() and (path / name).is_dir():
            path = path / name
        elif path.is_dir() and (path / f"{name}.py").is_file():
            path = path / f"{name}.py"
        else:
            text = (path / "__init__.py" if path.is_dir() else path).read_text(encoding="utf-8")
            yield re.search(rf"^\s*(def |class |){name}\b", text, re.MULTILINE)
            continue
        yield path


def test_lines_of_text_can_be_scanned(pages):
    """Rows of tables and blocks of code may be longer."""
    long = [
        f"{page}:{number}: {len(line)}"
        for page, text in pages.items()
        if page in SHORT_LINES
        for number, line in enumerate(text.splitlines(), 1)
        if len(line) > 140 and not line.startswith(("|", "    "))
    ]
    assert long == []
