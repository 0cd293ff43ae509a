"""What `draw-figure` and `build-table` are asked for: one JSON file each, written by the workflow.

    {"study": "lucky52", "scale": "world", "worlds": ["w1"], "name": "fig1b",
     "spec": {"draw": "language_accuracy", "benchmark": "xcopa", "languages": ["zh"]},
     "defaults": {"outlier": "ko", "similarity_method": "uriel-precomputed"},
     "evaluations": [{"name": "xcopa", "origin": "world", "parallel": true,
                      "benchmark": {"benchmark": "xcopa", "title": "XCOPA", "chance": 0.5, ...}}],
     "languages": {"zh": {"name": "Chinese", "family": "Sino-Tibetan", "script": "Hans"}}}

`defaults` are options that all figures and tables of the study have unless their own `spec` says otherwise.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polytune.analysis.choices import without_world
from polytune.analysis.context import Context, coordinate_word, missing_rows
from polytune.analysis.cut import say_cuts
from polytune.analysis.measures import measure_info
from polytune.config.kinds import Kind, check_kind
from polytune.errors import InputError
from polytune.files import read_json
from polytune.scores.spec import NULL

if TYPE_CHECKING:
    import pandas as pd

KEYS = ("study", "scale", "worlds", "name", "spec", "defaults", "evaluations", "languages")


@dataclass(frozen=True)
class Asked:
    """A figure or table that is asked for, and the folder of the scores."""

    content: Mapping[str, Any]
    scores: Path
    what: str
    """`figures` or `tables`: the key of the study file."""

    @staticmethod
    def read(path: Path, scores: Path, what: str) -> Asked:
        """Read the file; raises `InputError` for a missing key."""
        content = read_json(path)
        for key in KEYS:
            if key not in content:
                raise InputError(f"{path}: key '{key}' is missing")
        return Asked(content, scores, what)

    @property
    def where(self) -> str:
        """Return what messages begin with."""
        return f"{self.content['study']}: {self.what}.{self.content['name']}"

    @property
    def kind(self) -> dict[str, Any]:
        """Return the kind and its options."""
        return self.content["spec"]

    @property
    def defaults(self) -> dict[str, Any]:
        """Return the options that are used where the kind has them and the spec does not say them."""
        return self.content["defaults"]

    @cached_property
    def context(self) -> Context:
        """Return what is known of the study besides its numbers."""
        return Context.of(self.content)

    @cached_property
    def runs(self) -> pd.DataFrame:
        """Return the table of the study's runs."""
        return self._read("runs")

    def tables(self, needs: Collection[str]) -> dict[str, Any]:
        """Return the tables that a kind needs, by the names of its parameters.

        Null responders stand in `responders` alone, which has the columns of their scores and runs. Where the spec asks
        for it, runs tuned on one language each have become one system (`own`).
        """
        from polytune.analysis.items import Items
        from polytune.analysis.systems import SystemItems, join_own

        null = self.runs["method"] == NULL
        scores, runs = self._read("scores"), self.runs[~null]
        tables = {name: self._read(name) for name in ("checks", "confusion") if name in needs}
        tables["responders"] = scores.merge(self.runs[null], on="run")
        tables["scores"] = scores[scores["run"].isin(runs["run"])]
        items = self.scores / "items.parquet"
        families = self.kind.get("own", ())
        if not families:
            return tables | {"runs": runs, "items": Items(items)}
        systems = join_own(runs, families)
        relabelled = {name: systems.relabel(tables[name]) for name in ("scores", "confusion") if name in tables}
        return tables | relabelled | {"runs": systems.runs, "items": SystemItems(items, systems)}

    def statements(self, shown: pd.DataFrame) -> list[str]:
        """Return what must be said below numbers: of which base, where they were measured, what mixtures lack and
        trainings cut.
        """
        origins = set(shown["origin"]) if "origin" in shown else {one.origin for one in self.context.evaluations}
        notes = self.runs.drop_duplicates("mixture")[["mixture", "notes"]].itertuples(index=False)
        return [*self._one_base(shown), *self.context.statements(origins), *missing_rows(notes), *say_cuts(self.runs)]

    def _one_base(self, shown: pd.DataFrame) -> list[str]:
        """Return the base of what is shown, if there is one and the study has several."""
        runs = self.runs[self.runs["method"] != NULL]
        short = dict(zip(runs["base"], without_world(runs["base"], runs["world"]), strict=True))
        bases = {short.get(base, base) for base in shown["base"]} if "base" in shown else ()
        return [f"Base: {bases.pop()}."] if len(bases) == 1 and len(set(short.values())) > 1 else []

    def _read(self, name: str) -> pd.DataFrame:
        import pandas as pd

        path = self.scores / f"{name}.parquet"
        if not path.is_file():
            raise InputError(f"{path}: no such file; run polytune collect-scores")
        return pd.read_parquet(path)


def caption(kinds: Mapping[str, Kind], key: str, content: Mapping[str, Any]) -> str:
    """Return what a report says below a figure or table: `content` is what `draw-figure` or `build-table` is given.

    `key` is `draw` or `build`. The kind's sentence with its options in words, then what its marks mean and where its
    numbers are.
    """
    context, spec = Context.of(content), content["spec"]
    where = f"{content['study']}: {content['name']}"
    kind = check_kind(kinds, key, spec, where, {}, content["defaults"])
    known = {name: parameter.default for name, parameter in kind.options.items()} | content["defaults"] | spec
    words = {name: _in_words(name, value, context) for name, value in known.items()}
    sentence = kind.caption.format_map(words)
    if "scores" in kind.needs and len(bases := spec.get("bases") or ()) == 1:
        sentence += f"; base: {bases[0]}"
    general = TABLE_TEXT
    if key == "draw":
        general = f"{kind.marks} {NUMBERS_TEXT}{RESULTS_TEXT if 'scores' in kind.needs else ''}."
    origins = {one.origin for one in context.evaluations}
    return " ".join([sentence[0].upper() + sentence[1:] + ".", general, *context.statements(origins)])


NUMBERS_TEXT = "The plotted numbers are in the csv file beside it"
RESULTS_TEXT = "; every one goes back to results of runs"
TABLE_TEXT = "The numbers are in the csv file beside it; the formulas are in docs/statistics.md."


def _in_words(name: str, value: Any, context: Context) -> str:
    """Return an option's value as it stands in a sentence."""
    if name in ("measure", "beside"):
        return measure_info(value).label
    if name in ("against", "by", "panels"):
        return coordinate_word(value) if value else "nothing"
    if name == "exposure":
        return context.word("exposure", value) if value else "anybody"
    if isinstance(value, dict | list | tuple):
        return ", ".join(_in_words(name, entry, context) for entry in value)
    if name in ("benchmark", "benchmarks"):
        return context.title(value) if value else "all benchmarks"
    return str(value)
