"""What figures and tables know of their study besides its numbers: how things are written, and what must be said."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from polytune.errors import InputError, nearest
from polytune.scores.spec import IMPORTED

EVERY = "all"
"""The evaluation of the plain mean over several benchmarks."""


@dataclass(frozen=True)
class EvaluationInfo:
    """One evaluation of the study: a benchmark or prompts, of one origin (`world`, `directory`, `hub`, `imported`)."""

    name: str
    origin: str
    title: str
    chance: float
    """Accuracy of guessing; NaN of prompts that are answered freely."""
    parallel: bool
    """Whether its items are translations of each other."""


@dataclass(frozen=True)
class Context:
    """One study at one scale."""

    study: str
    scale: str
    worlds: tuple[str, ...]
    evaluations: tuple[EvaluationInfo, ...]
    languages: dict[str, str]
    """Names of languages by code."""
    described: dict[str, dict[str, str]] = field(default_factory=dict)
    """Family, branch and script of languages by code."""
    called: dict[str, list[str]] = field(default_factory=dict)
    """What other people's files call languages, by code; empty where none is read."""

    @staticmethod
    def of(spec: dict[str, Any]) -> Context:
        """Return the context that the spec of a figure or table holds."""
        evaluations = []
        for entry in spec["evaluations"]:
            row = entry["benchmark"]
            title, which = row.get("title") or entry["name"], entry["name"].removeprefix(row["benchmark"]).strip("-")
            title += f" ({which})" * bool(which)
            info = EvaluationInfo(entry["name"], entry["origin"], title, float(row["chance"]), entry["parallel"])
            evaluations.append(info)
        answers = spec.get("answers", ())
        titles = [entry["title"] for entry in answers]
        for entry, title in zip(answers, titles, strict=True):
            # one prompt set may be asked under several names, of other runs or in other languages
            title += f" ({entry['name']})" * (titles.count(title) > 1)
            evaluations.append(EvaluationInfo(entry["name"], entry["origin"], title, math.nan, entry["parallel"]))
        names = {code: row["name"] for code, row in spec["languages"].items()}
        about, called = (spec["study"], spec["scale"], tuple(spec["worlds"])), spec.get("called", {})
        return Context(*about, tuple(evaluations), names, spec["languages"], called)

    def evaluation(self, name: str, origin: str | None = None) -> EvaluationInfo:
        """Return an evaluation by name, and by origin where the study has several of that name."""
        found = [one for one in self.evaluations if one.name == name and origin in (None, one.origin)]
        if not found:
            known = dict.fromkeys(one.name for one in self.evaluations)
            of_origin = f" of origin '{origin}'" if name in known else ""
            raise InputError(f"no benchmark '{name}'{of_origin}{nearest(name, known)}; there are: {', '.join(known)}")
        return found[0]

    def title(self, name: str, origin: str | None = None) -> str:
        """Return how an evaluation is written; its origin is named where the study has several of that name."""
        if name == EVERY:
            return "all benchmarks"
        chosen = self.evaluation(name, origin)
        several = sum(one.name == name for one in self.evaluations) > 1
        return f"{chosen.title} ({chosen.origin})" if several and origin else chosen.title

    def language(self, code: str) -> str:
        """Return the name of a language."""
        return self.languages.get(code, code)

    def code(self, name: str) -> str:
        """Return the code of the language that the user's files call `name`, or the name itself if there is none."""
        if name in self.called:
            return name
        owners = {_plain(other): code for code, names in self.called.items() for other in names}
        return owners.get(_plain(name), name)

    def word(self, column: str, value: Any) -> str:
        """Return how a value of a column of the scores or runs is written."""
        if column == "evaluation":
            return self.title(value)
        if column == "language":
            return self.language(value)
        if column == "turn":
            return f"turn {value}"
        if column == "exposure":
            return SEEN_BY.get(value, value)
        if column in ("base", "mixture", "model") and len(self.worlds) == 1:  # which world is said below
            return str(value).replace(f"-{self.worlds[0]}", "")
        return f"{value:g}" if isinstance(value, float) else str(value)

    def statements(self, origins: Collection[str]) -> list[str]:
        """Return what must stand beside imported numbers and those of the generated world, given the origins shown."""
        said = []
        if IMPORTED in origins:
            said.append("Measured elsewhere and imported; scores.parquet names file and line of every number.")
        if self.scale != "world":
            return said
        if "world" in origins:
            names, s = ", ".join(self.worlds), "s" * (len(self.worlds) > 1)
            said.append(f"Generated world{s} {names}: validate{'' if s else 's'} the pipeline, not the paper’s claims.")
        if set(origins) - {"world", IMPORTED, ""}:  # a mean over benchmarks has no origin
            said.append(
                "Tiny models of the generated world on real benchmarks: they know none of the languages; "
                "chance is to be expected."
            )
        return said


def _plain(name: str) -> str:
    """Return a name as `languages.codes` compares names: capitals, kind and number of spaces do not count."""
    return " ".join(name.casefold().replace("-", " ").replace("_", " ").split())


SEEN_BY = {"both": "base and tuning", "base": "base only", "tuning": "tuning only", "neither": "neither"}
"""Exposure groups in words: who has seen a language."""
COORDINATES = {
    "n_languages": "languages tuned on",
    "percent": "rows spread over all languages (%)",
    "k": "number of clusters (k)",
    "size": "number of languages",
    "features": "languages chosen by",
    "device_hours": "device-hours",
    "evaluation": "benchmark",
    "exposure": "seen by",
    "parameters": "parameters of the base",
}
"""Columns that stand on axes, in words; the others are written as they are called."""


def coordinate_word(column: str) -> str:
    """Return how a column of the scores or runs is called."""
    return COORDINATES.get(column) or column.replace("_", " ")


def missing_rows(notes: Iterable[tuple[str, Collection[str]]], shown: int = 3) -> list[str]:
    """Return what mixtures lack, as sentences: `notes` are (mixture, what its manifest says).

    The same lack of several mixtures is said once; beyond `shown` different ones only their number.
    """
    by_text: dict[str, dict[str, None]] = {}
    for mixture, texts in notes:
        for text in texts:
            by_text.setdefault(text, {})[mixture] = None
    said = []
    for text, mixtures in list(by_text.items())[:shown]:
        whose = next(iter(mixtures)) if len(mixtures) == 1 else f"{len(mixtures)} mixtures"
        said.append(f"{whose}: {text.rstrip('.')}.")
    if len(by_text) > shown:
        said.append(f"{len(by_text) - shown} more are in the column 'notes' of runs.parquet.")
    return said
