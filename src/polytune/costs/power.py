"""What a study can find: the smallest difference of two models per benchmark and language, before anything is run.

From the variance components of finished runs, where a study has a table of them, else from items and assumptions.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polytune.analysis.power import Part, detectable_difference, share_variance
from polytune.config.paths import Paths
from polytune.costs.local import count_items
from polytune.languages.codes import from_task_code
from polytune.readers.records import read_records

if TYPE_CHECKING:
    from polytune.config.benchmarks import Evaluation
    from polytune.study.expand import Study

KIND = "variance_components"
"""The kind of table that finished runs are read from."""
ASSUMED, MEASURED = "assumed", "finished runs"
SHOWN = 4
"""Languages that are named in a line; of more their number is said."""
UNKNOWN = "-"
"""What stands for a difference that cannot be planned."""


@dataclass(frozen=True)
class Line:
    """Languages of a benchmark in which the same difference can be found, in points of accuracy."""

    study: str
    benchmark: str
    languages: tuple[str, ...]
    items: int
    seeds: int
    unpaired: float
    """The smallest difference of models on items of their own; NaN if no test can be planned."""
    paired: float
    """The same of models that answer the same items, their runs in pairs."""
    source: str


def find_lines(study: Study, assumptions: Mapping[str, Any], paths: Paths) -> list[Line]:
    """Return the lines of a study: languages with the same numbers share one.

    `assumptions` are the content of `config/costs.yaml`.
    """
    seeds, measured = _seeds(study), _finished(study, paths)
    merged: dict[tuple, list[str]] = {}
    for one in {(one.origin, one.name): one for owed in study.evaluations.values() for one in owed}.values():
        for language, items in _items(one, assumptions):
            if parts := measured.get((one.name, one.origin, language)):
                found = (*_of_components(parts, items, seeds), seeds, MEASURED)
            else:
                share = one.benchmark.chance + assumptions["power"]["above_chance"]
                variances = (share_variance(share, items, r) for r in (0.0, assumptions["power"]["correlation"]))
                found = (*(100 * detectable_difference([(variance, math.inf)]) for variance in variances), 1, ASSUMED)
            unpaired, paired, count, source = found
            title = f"{one.benchmark.title or one.name}" + f" ({one.origin})" * (one.origin == "world")
            key = (title, items, count, f"{unpaired:.2f}", f"{paired:.2f}", source)  # NaN is unlike itself
            merged.setdefault(key, []).append(language)
    return [
        Line(study.name, title, tuple(languages), items, count, float(unpaired), float(paired), source)
        for (title, items, count, unpaired, paired, source), languages in merged.items()
    ]


def _seeds(study: Study) -> int:
    """Return how many seeds most of the study's tuned models have."""
    runs = [run for run in study.runs.values() if run.spec]
    models = Counter((run.base.name, run.method, run.variant, run.mixture) for run in runs)
    return Counter(models.values()).most_common(1)[0][0] if models else 1


def _items(one: Evaluation, assumptions: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """Yield (language, items) of an evaluation; nothing where nobody knows them."""
    benchmark = one.benchmark
    offered = [from_task_code(code, benchmark.code_scheme) for code in benchmark.languages]
    special = assumptions["language_items"].get(benchmark.benchmark, {})
    if one.origin == "world":
        usual, special = assumptions["world_benchmarks"].get(benchmark.benchmark, {}).get("items"), {}
    else:
        every = assumptions["benchmarks"].get(benchmark.benchmark, {}).get("items")
        if one.origin == "directory":
            counted = count_items(Path(one.directory) / benchmark.hub_id, benchmark.split)
            every = counted and counted[0]
        usual = every and round(every / len(offered))
    for code in one.languages if isinstance(one.languages, tuple) else offered:
        count = special.get(code, usual)
        if count:
            yield code, min(count, one.items or count)


def _finished(study: Study, paths: Paths) -> dict[tuple[str, str, str], list[dict[str, str]]]:
    """Return the variance components of accuracy by evaluation, origin and language, of the study's finished tables."""
    found: dict[tuple[str, str, str], list[dict[str, str]]] = {}
    for name, spec in study.tables.items():
        path = Path(f"{paths.table(study.name, study.scale, name)}.csv")
        if spec["build"] == KIND and spec.get("measure", "acc") == "acc" and path.is_file():
            for _, row in read_records(path):
                if row["component"] != "language":
                    found.setdefault((row["evaluation"], row["origin"], row["language"]), []).append(row)
    return found


def _of_components(rows: list[dict[str, str]], items: int, seeds: int) -> tuple[float, float]:
    """Return the smallest differences, unpaired and paired, of models with so many seeds on so many items.

    Components of several bases are averaged; draws and judges stay as many as they were. What runs add is estimated
    from few of them, what items add from many.
    """
    own: dict[float, float] = {}  # by degrees of freedom
    every: dict[float, float] = {}
    runs = min((int(row["draw"]) for row in rows if row["draw"]), default=seeds)
    for row in rows:
        part = 1 / len({other["base"] for other in rows})
        for axis, planned in (("item", items), ("seed", seeds)):
            part *= int(row[axis]) / planned if row[axis] else 1.0
        of_runs, of_judges = row["seed"] or row["draw"], row["judge"] and not row["item"]
        freedom = runs - 1 if of_runs else int(row["judge"]) - 1 if of_judges else math.inf
        own[freedom] = own.get(freedom, 0.0) + part * float(row["own"])
        every[freedom] = every.get(freedom, 0.0) + part * (float(row["own"]) + float(row["shared"]))
    return detectable_difference(_parts(every), paired=False), detectable_difference(_parts(own))


def _parts(variances: Mapping[float, float]) -> list[Part]:
    return [(variance, freedom) for freedom, variance in variances.items()]


def show_lines(lines: Iterable[Line], assumptions: Mapping[str, Any]) -> str:
    """Return the lines as a table for people; empty if there are none."""
    lines = list(lines)
    if not lines:
        return ""
    head = ["study", "benchmark", "language", "items", "seeds", "unpaired", "paired", "from"]
    body = [
        [
            one.study,
            one.benchmark,
            " ".join(one.languages) if len(one.languages) <= SHOWN else f"each of {len(one.languages)}",
            f"{one.items:,}",
            str(one.seeds),
            _points(one.unpaired),
            _points(one.paired),
            one.source,
        ]
        for one in lines
    ]
    widths = [max(map(len, column)) for column in zip(head, *body, strict=True)]
    texts = ["  ".join(map(str.ljust, line, widths)).rstrip() for line in (head, *body)]
    said = ["", "the smallest difference of two models that is found (points of accuracy; 5 %, power 80 %)", *texts]
    if any(one.source == ASSUMED for one in lines):
        power = assumptions["power"]
        said.append(
            f"assumed: accuracies {100 * power['above_chance']:.0f} points above guessing; paired: answers to the same "
            f"items correlate {power['correlation']}; items alone, what seeds add is not known before two are run"
        )
    if any(one.source == MEASURED for one in lines):
        said.append(
            "finished runs: t-tests over the planned runs, with their few degrees of freedom; paired: the same items, "
            "and runs in pairs (unpaired: Welch's)"
        )
    if any(math.isnan(value) for one in lines for value in (one.unpaired, one.paired)):
        said.append(
            f"{UNKNOWN}: no number, because the finished runs show no spread (estimated at or below 0), or because a "
            "single run has no test over runs"
        )
    return "\n".join(said)


def _points(difference: float) -> str:
    return UNKNOWN if math.isnan(difference) else f"{difference:.1f}"
