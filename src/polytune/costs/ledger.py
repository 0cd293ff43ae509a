"""`polytune ledger`: what the finished runs of each study have used, from their manifests."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from polytune.config.given import Files, Given, Values
from polytune.config.paths import Paths
from polytune.costs.forecast import load_plan
from polytune.costs.manifests import evaluations, losses, responses, trainings, verdicts
from polytune.files import write_json
from polytune.judging.spend import used
from polytune.study.plan import Plan

JOULES_PER_KWH = 3.6e6
OTHERS = "(no configured study)"


@dataclass
class Entry:
    """What the results of one study and rule have used; `unmeasured` of them have no reading of energy.

    Hours and energy are None where no result has any: nobody measures the time of a judge.
    """

    runs: int = 0
    device_hours: float | None = None
    energy_kwh: float | None = None
    unmeasured: int = 0
    tokens: int = 0
    judge_calls: float = 0.0
    price: float = 0.0

    def add(self, hours: float | None, kwh: float | None = None) -> None:
        """Count one more result; None is not measured."""
        self.runs += 1
        if hours is not None:
            self.device_hours = (self.device_hours or 0.0) + hours
        if kwh is None:
            self.unmeasured += 1
        else:
            self.energy_kwh = (self.energy_kwh or 0.0) + kwh


Ledger = dict[tuple[str, str, str], Entry]


def command(
    configfile: Files = None,
    config: Values = None,
    output: Annotated[Path | None, typer.Option(help="Also write the sums as JSON.")] = None,
) -> None:
    """Sum device-hours and energy of the finished runs, per study, rule and device.

    A study has what it asks for. What two studies share counts in both, and once in the last lines (all).
    """
    ledger = sum_runs(load_plan(Given.of(configfile, config)))
    print(show(ledger))
    if output:
        rows = [
            {"study": study, "rule": rule, "device": device, **vars(entry)}
            for (study, rule, device), entry in ledger.items()
        ]
        write_json(output, rows)


def sum_runs(plan: Plan, *others: Plan) -> Ledger:
    """Return the sums by (study, rule, device) over one or several plans of the same results.

    A study has what it asks for: a base that studies share has answers and evaluations of all of them. The study `all`
    counts every result once.
    """
    paths, users = plan.paths, _users((plan, *others))
    ledger: Ledger = defaultdict(Entry)
    for name, rule, manifest in trainings(paths):
        joules = manifest["energy_joules"]
        for study in [*(users.get(name) or [OTHERS]), "all"]:
            entry = ledger[study, rule, manifest["device"]]
            entry.add(manifest["device_hours"], None if joules is None else joules / JOULES_PER_KWH)
            entry.tokens += manifest["tokens"]
    loading: dict[tuple[str, str], float] = {}
    for run, origin, name, header in evaluations(paths):
        device, seconds = header["digests"]["options"]["device"], header["seconds"]
        for study in [*(users.get(paths.evaluation(run, origin, name)) or [OTHERS]), "all"]:
            # one process loads a model once and writes that time to each of its benchmarks
            before = loading.get((study, run), 0.0)
            once = max(0.0, seconds["loading"] - before)
            loading[study, run] = before + once
            ledger[study, "evaluate_run", device].add((once + seconds["evaluation"]) / 3600)
    for file, marker in responses(paths):
        for study in [*(users.get(file) or [OTHERS]), "all"]:
            entry = ledger[study, "generate", marker["device"]]
            entry.add(marker["seconds"] / 3600)
            entry.tokens += marker["tokens"] + marker["prompt_tokens"]
    for file, marker in losses(paths):
        for study in [*(users.get(file) or [OTHERS]), "all"]:
            ledger[study, "evaluate_loss", marker["device"]].add(marker["seconds"] / 3600)
    _sum_verdicts(paths, users, ledger)
    return dict(sorted(ledger.items(), key=lambda item: (item[0][0] == "all", item[0])))


def _users(plans: Sequence[Plan]) -> dict[str, list[str]]:
    """Return the studies that ask for each folder of a training and each file of an evaluation, answers or verdicts."""
    users: dict[str, list[str]] = defaultdict(list)
    for plan in plans:
        for study in plan.studies.values():
            asked = [place for path, run in study.runs.items()
                     for place in (plan.paths.run(path), plan.paths.base(run.base.name))]  # fmt: skip
            asked += [plan.paths.evaluation(path, one.origin, one.name)
                      for path, evaluations in study.evaluations.items() for one in evaluations]  # fmt: skip
            for place in dict.fromkeys([*asked, *plan.answers.files(study.name)]):
                if study.name not in users[place]:
                    users[place].append(study.name)
    return users


def _sum_verdicts(paths: Paths, users: dict[str, list[str]], ledger: Ledger) -> None:
    """Add what judges took: a request that several files or studies hold counts once in each study and in the sum."""
    requests: dict[tuple[str, str], list[dict]] = defaultdict(list)
    for file, judge, rows in verdicts(paths):
        for study in [*(users.get(file) or [OTHERS]), "all"]:
            ledger[study, "judge", judge].add(None)
            requests[study, judge] += rows
    for (study, judge), rows in requests.items():
        entry, usage = ledger[study, "judge", judge], used(rows)
        entry.judge_calls, entry.price = usage.calls, usage.price
        entry.tokens = round(usage.prompt_tokens + usage.completion_tokens)


def measured(amount: float | None) -> str:
    """Return an amount as text."""
    return "not measured" if amount is None else f"{amount:,.3f}"


def show(ledger: Ledger) -> str:
    """Return the ledger as a table for people."""
    if not ledger:
        return "no finished run"
    head = [
        "study",
        "rule",
        "device or judge",
        "done",
        "device-hours",
        "kWh",
        "million tokens",
        "judge's calls",
        "price",
    ]
    body = [
        [
            study,
            rule,
            device,
            f"{entry.runs}",
            measured(entry.device_hours),
            measured(entry.energy_kwh),
            f"{entry.tokens / 1e6:,.2f}" if entry.tokens else "",
            f"{entry.judge_calls:,.0f}" if entry.judge_calls else "",
            f"{entry.price:,.2f}" if entry.price else "",
        ]
        for (study, rule, device), entry in ledger.items()
    ]
    widths = [max(map(len, column)) for column in zip(head, *body, strict=True)]
    lines = [
        "  ".join([*map(str.ljust, line[:3], widths[:3]), *map(str.rjust, line[3:], widths[3:])])
        for line in (head, *body)
    ]
    lines.insert(1, "-" * len(lines[0]))
    partly = [key for key, entry in ledger.items() if 0 < entry.unmeasured < entry.runs]
    for study, rule, device in partly:
        entry = ledger[study, rule, device]
        lines.append(f"{study}, {rule}, {device}: {entry.unmeasured} of {entry.runs} have no reading of energy")
    return "\n".join(lines)
