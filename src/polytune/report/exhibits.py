"""Figures and tables of a study as they lie below the results: picture or rows, caption, numbers, sentence."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from polytune.analysis.asked import caption
from polytune.config.paths import Paths
from polytune.errors import InputError
from polytune.files import read_json
from polytune.readers.text import read_text
from polytune.report.rows import read_rows
from polytune.report.sentences import REGISTRIES, interpret
from polytune.study.plan import Plan
from polytune.study.specs import spec_digest

LARGEST_SVG = 150_000
"""Bytes beyond which a picture is taken as PNG, if that is smaller: a map with its coastlines, for one."""


@dataclass
class Exhibit:
    """One figure or table of a study, there or not."""

    section: str
    """`figures` or `tables`."""
    name: str
    stem: Path
    """Path of its files without their endings."""
    place: str
    """The same below the results folder, as it is shown."""
    content: Mapping[str, Any]
    """Its spec: what it was asked to be; empty where nobody knows."""
    is_outdated: bool = False
    """Whether the study file now asks for something else under this name."""
    faults: list[str] = field(default_factory=list)

    @property
    def is_there(self) -> bool:
        """Return whether its numbers and what people look at are there."""
        return all(self.file(ending).is_file() for ending in ("csv", "png" if self.section == "figures" else "md"))

    def file(self, ending: str) -> Path:
        """Return one of its files."""
        return self.stem.with_name(f"{self.stem.name}.{ending}")

    @property
    def options(self) -> Mapping[str, Any]:
        """Return its kind and options as the study file has them."""
        return self.content.get("spec", {})

    @property
    def caption(self) -> str:
        """Return what the report says below it, empty where its spec is not known."""
        if not self.content:
            return ""
        kinds, key, _ = REGISTRIES[self.section]
        try:
            return caption(kinds, key, self.content)
        except InputError as error:  # made by a version that had other kinds
            return self._fault(error)

    @property
    def sentence(self) -> str:
        """Return what its numbers say."""
        if not self.content:
            return "What it was asked to show is not known: its spec is not there."
        try:
            return interpret(self.section, self.content, read_rows(self.file("csv")))
        except InputError as error:
            return self._fault(error)

    def _fault(self, error: InputError) -> str:
        self.faults.append(str(error))
        return f"No words can be made of it: {error}"

    @property
    def origins(self) -> set[str]:
        """Return where the data of the numbers comes from, as far as the csv file says."""
        found = {row.get("origin", "") for row in read_rows(self.file("csv"))} - {""}
        known = {entry["origin"] for key in ("evaluations", "answers") for entry in self.content.get(key, ())}
        return found or known

    @property
    def picture(self) -> str:
        """Return the figure as the text of a `data:` address."""
        svg, png = self.file("svg"), self.file("png")
        small = svg.is_file() and svg.stat().st_size <= max(LARGEST_SVG, png.stat().st_size)
        path, kind = (svg, "svg+xml") if small else (png, "png")
        return f"data:image/{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"


@dataclass(frozen=True)
class Shown:
    """A table as it stands in its Markdown file."""

    title: str
    header: list[str]
    rows: list[list[tuple[str, bool, str]]]
    """Cells: text, whether it is bold, what stands beside it."""
    notes: list[str]


def read_markdown(path: Path) -> Shown:
    """Return the table that `polytune build-table` wrote; raises `InputError` for another file."""
    title, *parts = read_text(path).strip().split("\n\n")
    lines = parts[0].splitlines() if parts else []
    if not title.startswith("**") or len(lines) < 2:
        raise InputError(f"{path}: is no table of polytune build-table; build it again")
    header, _, *rows = ([_plain(cell) for cell in _cells(line)] for line in lines)
    return Shown(title.strip("*"), header, [[_split(cell) for cell in row] for row in rows], parts[1:])


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip()[1:-1])]


def _plain(cell: str) -> str:
    return cell.replace(r"\|", "|")


def _split(cell: str) -> tuple[str, bool, str]:
    bold = re.fullmatch(r"\*\*(.*?)\*\*(.*)", cell)
    return (bold[1], True, bold[2]) if bold else (cell, False, "")


def _specs(plan: Plan | None) -> Mapping[str, Any]:
    """Return what a plan asks for; nothing where it needs things that are not on this machine."""
    try:
        return plan.specs if plan else {}
    except InputError:
        return {}


def find_exhibits(study: str, scale: str, plan: Plan | None, paths: Paths) -> list[Exhibit]:
    """Return the figures, then the tables of a study in the order of its file; without a plan, those that are there."""
    found, specs = [], _specs(plan)
    for section, place in (("figures", paths.figure), ("tables", paths.table)):
        folder = Path(paths.results) / "specs" / section / study / scale
        if plan is None:
            made = Path(place(study, scale, "name")).parent
            names = sorted({path.name for path in folder.glob("*")} | {path.stem for path in made.glob("*.csv")})
        else:
            names = list(getattr(plan.studies[study], section))
        for name in names:
            asked = specs.get(f"{section}/{study}/{scale}/{name}", {})
            written = sorted((folder / name).glob("*.json"))
            content = read_json(written[0]) if written else asked
            outdated = bool(written and asked) and written[0].stem != spec_digest(asked)
            stem = Path(place(study, scale, name))
            shown = stem.relative_to(paths.results).as_posix()
            found.append(Exhibit(section, name, stem, shown, content, outdated))
    return found
