"""What imported results must agree in before they may stand in one table.

Every kind of problem is refused, with the word that takes it all the same; nothing is left out without being counted.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from polytune.errors import InputError
from polytune.imports.items import count_items
from polytune.imports.rows import Row


class Problem(StrEnum):
    """What is refused, and can be taken all the same."""

    DUPLICATES = "duplicates"
    GROUPS = "groups"
    ITEMS = "items"
    LIMIT = "limit"
    MISSING = "missing"
    UNMAPPED = "unmapped"
    VERSIONS = "versions"


SAMPLES_AGREE = 1e-6
GROUPS_AGREE = 2e-3
"""How far a printed group may lie from the mean of its languages, whose items may be known to one percent only."""


@dataclass
class Checked:
    """The rows that are imported."""

    rows: list[Row]
    items: dict[tuple, int] = field(default_factory=dict)
    """Items by task, and by row where the tasks' rows disagree."""
    dropped: dict[str, int] = field(default_factory=dict)
    """What was left out, and how often."""

    def items_of(self, row: Row) -> int:
        """Return the items of a row, 0 where nothing says it; a group has those of its languages."""
        if row.language:
            return self.items.get(row.key, self.items.get(row.task, 0))
        return sum(map(self.items_of, self.languages[group_of(row)]))

    @cached_property
    def languages(self) -> dict[tuple, list[Row]]:
        """Return the rows of single languages of every run, evaluation and measure (`group_of`)."""
        found = defaultdict(list)
        for row in self.rows:
            if row.language:
                found[group_of(row)].append(row)
        return found


def group_of(row: Row) -> tuple[str, str, str]:
    """Return what the languages of a group have in common: run, evaluation and measure."""
    return row.run.path, row.wanted.name, row.printed.measure


def check_rows(rows: Sequence[Row], allow: Collection[Problem], whole: bool) -> Checked:
    """Return the rows that are kept, in their order.

    `whole` says that every run must have every language of every benchmark that is wanted; else those that any run has.
    Raises `InputError` with the first problem that `allow` does not take, and how many there are.
    """
    found: list[tuple[Problem, str]] = []
    for row in rows:
        _check_value(row)
    dropped: dict[str, int] = {}
    kept = _without_duplicates(rows, found, dropped)
    kept = [row for row in kept if row.language or row.printed.value == row.printed.value]
    found += [(Problem.VERSIONS, problem) for problem in _unlike_versions(kept)]
    items, unlike = count_items(kept)
    found += [(Problem.ITEMS, problem) for problem in unlike]
    found += [(Problem.MISSING, problem) for problem in _missing_tasks(kept, whole)]
    checked = Checked(kept, items, dropped)
    found += [(Problem.GROUPS, problem) for problem in _unlike_groups(checked)]
    refuse(found, allow)
    return checked


def refuse(found: Sequence[tuple[Problem, str]], allow: Collection[Problem]) -> None:
    """Raise `InputError` for the first problem that is not allowed, with the number of the others."""
    refused = [(kind, text) for kind, text in found if kind not in allow]
    if not refused:
        return
    kind, text = refused[0]
    others = len(refused) - 1
    kinds = ", ".join(sorted({other for other, _ in refused[1:]}))
    more = f" ({others} more: {kinds})" if others else ""
    raise InputError(f"{text}; to take it all the same: --allow {kind}{more}")


def _check_value(row: Row) -> None:
    value, measure = row.printed.value, row.printed.measure
    if row.language and not math.isfinite(value):
        raise InputError(f"{row.place}: {row.printed.task}: {measure} is not a finite number; evaluate again")
    if measure.partition(",")[0] in ("acc", "acc_norm") and not (0 <= value <= 1 or value != value):
        raise InputError(
            f"{row.place}: {row.printed.task}: {measure} is {value:g}, expected a share from 0 to 1; percents are "
            "divided by 100 before"
        )


def _without_duplicates(rows: Sequence[Row], found: list[tuple[Problem, str]], dropped: dict[str, int]) -> list[Row]:
    """Return one row of each key: the last one. A file may say the same twice, and items may stand beside a result."""
    runs: dict[str, Row] = {}
    kept: dict[tuple, Row] = {}
    for row in rows:
        first = runs.setdefault(row.digest, row)
        if first.run != row.run:
            found.append(
                (
                    Problem.DUPLICATES,
                    f"{row.file}: the same bytes as {first.file}, which is of the run '{first.run.path}'",
                )
            )
            runs[row.digest] = row
        known = kept.get(row.key)
        kept[row.key] = row
        if known is None:
            continue
        same = known.printed.value == row.printed.value and known.file == row.file
        if same:
            kept[row.key] = known
        if known.printed.from_samples != row.printed.from_samples:
            kept[row.key] = known if row.printed.from_samples else row
            _check_samples(known, row)
            what = "worked out from items besides"
        else:
            what = "said twice" if same else "replaced by a later one"
            if not same:
                values = f"{known.printed.value:g}, and {row.printed.value:g} in {row.place}"
                found.append(
                    (Problem.DUPLICATES, f"{known.place}: {row.printed.task}: {row.printed.measure} is {values}")
                )
        dropped[what] = dropped.get(what, 0) + 1
    return list(kept.values())


def _check_samples(one: Row, other: Row) -> None:
    samples, result = (one, other) if one.printed.from_samples else (other, one)
    tolerance = SAMPLES_AGREE + 0.51 * 10.0**-result.printed.decimals * bool(result.printed.decimals)
    if abs(samples.printed.value - result.printed.value) > tolerance:
        raise InputError(
            f"{samples.file}: the accuracy of its {samples.printed.items} items is {samples.printed.value:.6g}, but "
            f"{result.printed.value:.6g} in {result.place}: they are not of one evaluation"
        )


def _unlike_versions(rows: Sequence[Row]) -> Iterator[str]:
    """Yield tasks whose version or shots differ, then versions of the harness that do."""
    first: dict[tuple, Row] = {}
    for row in rows:
        for what, value in (("version", row.printed.version), ("shots", row.printed.shots), ("harness", row.harness)):
            if not value or (what != "harness" and not row.language):
                continue
            key = (what,) if what == "harness" else (what, row.wanted.name, row.language)
            known = first.setdefault(key, row)
            before = known.harness if what == "harness" else getattr(known.printed, what)
            if _plain(before) != _plain(value):
                subject = "the harness is" if what == "harness" else f"{row.printed.task}: {what} is"
                yield f"{row.place}: {subject} {value}, but {before} in {known.place}: not comparable"
                first[key] = row  # said once for each change


def _plain(version: str) -> str:
    """Return a version as tables print it: result files write 1.0 where the log of the same run has 1."""
    return re.sub(r"^([0-9]+)\.0$", r"\1", version)


def _missing_tasks(rows: Sequence[Row], whole: bool) -> Iterator[str]:
    """Yield benchmarks of which a run lacks languages."""
    by_run: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    anywhere: dict[str, set[str]] = defaultdict(set)
    files: dict[str, str] = {}
    wanted = {row.wanted.name: row.wanted for row in rows}
    for row in rows:
        files.setdefault(row.run.path, row.file)
        if row.language:
            by_run[row.run.path][row.wanted.name].add(row.language)
            anywhere[row.wanted.name].add(row.language)
    for path, mine in by_run.items():
        for name, one in wanted.items():
            needed = one.expected if whole else [code for code in one.expected if code in anywhere[name]]
            lacking = [code for code in needed if code not in mine[name]]
            if lacking:
                tasks = ", ".join(one.task(code) for code in lacking)
                yield f"{files[path]}: the run '{path}' lacks {len(lacking)} of {len(needed)} tasks of {name}: {tasks}"


def _unlike_groups(checked: Checked) -> Iterator[str]:
    """Yield printed groups that are not the mean of their languages, weighted by items."""
    for row in checked.rows:
        mine = checked.languages[group_of(row)]
        weights = [checked.items_of(one) for one in mine]
        if row.language or not mine or not all(weights) or len(mine) < len(row.wanted.expected):
            continue
        mean = sum(n * one.printed.value for n, one in zip(weights, mine, strict=True)) / sum(weights)
        if abs(mean - row.printed.value) > GROUPS_AGREE:
            yield (
                f"{row.place}: {row.printed.task}: {row.printed.measure} is {row.printed.value:g}, but its languages, "
                f"weighted by items, give {mean:.4f}: the file was edited, or weights otherwise"
            )
