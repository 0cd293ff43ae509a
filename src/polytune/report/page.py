"""The page: everything that is reported, put into the template; nothing is loaded from anywhere else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from polytune import __version__
from polytune.errors import InputError
from polytune.provenance import commit
from polytune.report.departures import Departure, find_departures
from polytune.report.exhibits import Exhibit, Shown, read_markdown
from polytune.report.graph import draw_graph
from polytune.report.methods import write_methods
from polytune.report.printed import Printed, find_printed
from polytune.report.spending import HEADER, Line, sum_up
from polytune.report.stages import count_stages, say_owed
from polytune.report.studies import Reported, read_manifests
from polytune.scores.spec import IMPORTED

LONG, WIDE, WIDEST = 40, 9, 14
"""A table of more rows is folded; one of more columns is set smaller, and smaller still."""
DIGITS = 9
"""Of a commit."""


@dataclass(frozen=True)
class Panel:
    """One figure or table on the page."""

    exhibit: Exhibit
    anchor: str
    origin: str
    sentence: str
    caption: str
    table: Shown | None = None
    printed: Printed | None = None

    @property
    def is_long(self) -> bool:
        """Return whether its table is folded."""
        return self.table is not None and len(self.table.rows) > LONG

    @property
    def width(self) -> str:
        """Return the class of a table that is set smaller."""
        columns = len(self.table.header) if self.table else 0
        return "widest" if columns > WIDEST else "wide" if columns > WIDE else ""


@dataclass
class Section:
    """One study on the page."""

    reported: Reported
    origin: str
    methods: list[str] = field(default_factory=list)
    departures: list[Departure] = field(default_factory=list)
    figures: list[Panel] = field(default_factory=list)
    tables: list[Panel] = field(default_factory=list)
    is_counted: bool = False
    """Whether its jobs could be counted."""
    owed: str = ""
    facts: dict[str, str] = field(default_factory=dict)

    @property
    def panels(self) -> list[Panel]:
        """Return figures and tables in order."""
        return [*self.figures, *self.tables]

    @property
    def outdated(self) -> str:
        """Return what was made under other settings than the study file's, by name."""
        return name_exhibits([panel.exhibit for panel in self.panels if panel.exhibit.is_outdated])

    @property
    def missing(self) -> str:
        """Return what is not there yet, by name."""
        return name_exhibits(self.reported.missing)


def name_exhibits(exhibits: Sequence[Exhibit]) -> str:
    """Return the names of figures and of tables, which may be the same: `figures a, b; tables a`."""
    names: dict[str, list[str]] = {}
    for one in exhibits:
        names.setdefault(one.section, []).append(one.name)
    return "; ".join(f"{section} {', '.join(listed)}" for section, listed in names.items())


def render(studies: Sequence[Reported], published: Path) -> str:
    """Return the page as HTML; `published` is the folder of published values."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    sections = [_section(one, published) for one in studies]
    plans = [one.plan for one in studies if one.plan]
    stages = count_stages(section.reported.plan for section in sections if section.is_counted)
    environment = Environment(
        loader=PackageLoader("polytune.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style, _, _ = environment.loader.get_source(environment, "page.css")
    return environment.get_template("page.html").render(
        sections=sections,
        banner=say_banner(studies),
        kind=kind_of(studies),
        style=style,
        graph=draw_graph(stages) if stages else "",
        owed=say_owed(list(stages.values())) if stages else "No jobs could be counted.",
        stages=list(stages.values()),
        spending=_by_study(sum_up(plans)),
        spending_header=HEADER,
        version=__version__,
        commit=commit()[:DIGITS] if commit() != "unknown" else "unknown",
    )


def kind_of(studies: Sequence[Reported]) -> str:
    """Return `world`, `full` or `mixed`: what the results on a page are of."""
    shown = [one for one in studies if len(one.missing) < len(one.exhibits)]
    scales = {one.scale for one in shown or studies}
    return "mixed" if len(scales) > 1 else next(iter(scales), "world")


def say_banner(studies: Sequence[Reported]) -> str:
    """Return what stands above everything: on what it was measured."""
    names = {
        scale: ", ".join(dict.fromkeys(one.name for one in studies if one.scale == scale))
        for scale in ("world", "full")
    }
    world = (
        "Generated world: artificial languages and tiny models. Results validate the pipeline, not the papers’ claims."
    )
    real = "Real models and data."
    kind = kind_of(studies)
    if kind == "mixed":
        return f"{real} ({names['full']}) – and – {world} ({names['world']}) Never compare the two."
    return world if kind == "world" else real


def say_origin(one: Reported, origins: set[str]) -> str:
    """Return in a few words on what a study, a figure or a table was measured."""
    if one.is_world:
        worlds = f"Generated world{'s' * (len(one.worlds) > 1)} {', '.join(one.worlds)}".strip()
        if origins and not origins & {"world", IMPORTED}:
            return f"{worlds}: tiny models of it on real benchmarks, which they know nothing of"
        return f"{worlds}: artificial languages, tiny models"
    if origins == {IMPORTED}:
        return "Real models and data: measured elsewhere and imported"
    return "Real models and data"


def _section(one: Reported, published: Path) -> Section:
    manifests = read_manifests(one)
    section = Section(one, say_origin(one, set()), write_methods(one, manifests))
    if one.is_world and one.plan:
        section.departures = find_departures(one.paper_content, one.content, one.overlay)
    section.figures = [_panel(one, exhibit, published) for exhibit in one.shown("figures")]
    section.tables = [_panel(one, exhibit, published) for exhibit in one.shown("tables")]
    try:
        section.owed = say_owed(list(count_stages([one.plan]).values())) if one.plan else ""
        section.is_counted = one.plan is not None
    except InputError as error:  # something of it lies on another machine
        section.owed = f"Its jobs cannot be counted here: {error}"
    section.facts = _facts(one, manifests)
    return section


def _panel(one: Reported, exhibit: Exhibit, published: Path) -> Panel:
    sentence, table = exhibit.sentence, None
    if exhibit.section == "tables":
        try:
            table = read_markdown(exhibit.file("md"))
        except InputError as error:
            exhibit.faults.append(str(error))
            sentence = f"{sentence} {error}"
    return Panel(
        exhibit,
        f"{one.key}-{exhibit.section}-{exhibit.name}",
        say_origin(one, exhibit.origins),
        sentence,
        exhibit.caption,
        table,
        find_printed(one, exhibit, published),
    )


def _facts(one: Reported, manifests: Mapping[str, dict]) -> dict[str, str]:
    """Return what was run, in a few words each."""
    study, plan = one.study, one.plan
    facts: dict[str, Any] = {"paper": one.paper or "–", "measured on": say_origin(one, set())}
    if study is None or plan is None:
        return facts | {"study file": one.trouble or "not found"}
    tuned = {path: run for path, run in study.runs.items() if run.spec}
    seeds = sorted({run.seed for run in tuned.values()})
    commits = Counter(manifest["provenance"]["commit"] for manifest in manifests.values())
    evaluations = {
        title.name: title.benchmark.title or title.name for owed in study.evaluations.values() for title in owed
    }
    asked = {name: answer.prompts.row.title for answers in study.answers.values() for name, answer in answers.items()}
    facts |= {
        "bases": ", ".join(dict.fromkeys(run.base.listed for run in study.runs.values())),
        "models tuned": f"{len(manifests)} of {len(tuned)}",
        "methods": ", ".join(dict.fromkeys(run.method for run in tuned.values())),
        "seeds": ", ".join(map(str, seeds)),
        "benchmarks": ", ".join(evaluations.values()),
        "questions": ", ".join(dict.fromkeys(asked.values())),
        "judges": ", ".join(dict.fromkeys(judged.judge for judged in study.judged.values())),
        "imported": ", ".join(study.imports),
        "commit": ", ".join(_commit(name, count, len(commits)) for name, count in commits.most_common()),
        "study file": study.file,
    }
    return {name: value for name, value in facts.items() if value}


def _commit(name: str, count: int, several: int) -> str:
    digits, _, edited = name.partition("-")
    shown = digits[:DIGITS] + (" with uncommitted edits" if edited else "")
    return f"{shown} ({count} models)" if several > 1 else shown


def _by_study(lines: Sequence[Line]) -> dict[str, list[Line]]:
    found: dict[str, list[Line]] = {}
    for line in lines:
        found.setdefault(line.study, []).append(line)
    return found
