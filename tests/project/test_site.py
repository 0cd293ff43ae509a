"""The documentation as a site (`make site`): built without a warning, its links lead somewhere, no network is asked."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml

ZENSICAL = Path(sys.executable).parent / "zensical"
ADDRESSES = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}
"""Elements that a browser fetches by itself, and the attribute that says from where."""


@dataclass
class Page(HTMLParser):
    """What a page links to, fetches and can be linked to by; and the text of its paragraphs."""

    links: list[str] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)
    paragraphs: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.anchors.add(found.get("id") or "")
        if tag == "a" and found.get("href"):
            self.links.append(found["href"])
        address = found.get(ADDRESSES.get(tag, ""))
        if address and found.get("rel") not in ("canonical", "next", "prev"):
            self.fetched.append(address)
        if tag == "p":
            self.inside = True
            self.paragraphs.append("")

    def handle_endtag(self, tag: str) -> None:
        self.inside = self.inside and tag != "p"

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.paragraphs[-1] += data


@pytest.fixture(scope="module")
def site(project, tmp_path_factory) -> dict[Path, Page]:
    """Every page of the site as it is built, by its path."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copy(project / "mkdocs.yml", folder)
    shutil.copytree(project / "docs", folder / "docs")
    command = [ZENSICAL, "build", "--strict"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env={"NO_COLOR": "1", "PATH": ""})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "warning" not in (done.stdout + done.stderr).lower()
    pages = {}
    for path in (folder / "site").rglob("*.html"):
        page = pages[path.resolve()] = Page()
        page.feed(path.read_text(encoding="utf-8"))
    return pages


def test_every_page_is_built(project, site):
    written = {path.stem for path in (project / "docs").rglob("*.md")}
    assert len(written) > 25
    assert {path.stem for path in site} == written | {"404"}


def test_every_page_stands_in_the_navigation(project):
    text = (project / "mkdocs.yml").read_text(encoding="utf-8")
    listed = re.findall(r"^\s+- [^:#]+: ([\w/-]+\.md)$", text, re.MULTILINE)
    pages = sorted(path.relative_to(project / "docs").as_posix() for path in (project / "docs").rglob("*.md"))
    assert sorted(listed) == pages, "list the page under `nav` of mkdocs.yml"


def test_every_internal_link_leads_to_a_page_and_a_heading(site):
    followed = 0
    for path, page in site.items():
        if path.stem == "404":  # its links are absolute
            continue
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            assert target.is_file(), f"{path.name}: {link}"
            if parts.fragment and target in site:
                assert unquote(parts.fragment) in site[target].anchors, f"{path.name}: {link}"
            followed += 1
    assert followed > 1000


def test_a_reader_needs_no_network(site):
    """Scripts, styles, fonts and pictures lie in the site; external addresses are only links to click."""
    fetched = [address for page in site.values() for address in page.fetched]
    assert len(fetched) > 100
    assert [address for address in fetched if urlsplit(address).netloc] == []


def test_lists_and_tables_are_no_paragraphs(site):
    """A list or a table without an empty line before it becomes running text on the site, unlike on a forge."""
    broken = [
        f"{path.name}: {line}"
        for path, page in site.items()
        for paragraph in page.paragraphs
        for line in paragraph.splitlines()
        if re.match(r"(- |\d+\. |\|)", line)
    ]
    assert broken == []


def test_the_settings_name_no_address(project):
    """What would make a browser ask for fonts, or a build ask for cards."""
    settings = yaml.safe_load((project / "mkdocs.yml").read_text(encoding="utf-8"))
    assert settings["theme"]["font"] is False
    assert settings["plugins"] == ["search"] and settings["strict"] is True
