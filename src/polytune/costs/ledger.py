"""`polytune ledger`: what the finished runs of each study have used, from their manifests."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from polytune.config.given import Files, Given, Values
from polytune.costs.forecast import load_plan
from polytune.costs.manifests import evaluations, losses, responses, trainings, verdicts
from polytune.files import write_json
from polytune.judging.spend import used
from polytune.study.plan import Plan

JOULES_PER_KWH = 3.6e6
OTHERS = "(no configured study)"


@dataclass
class Entry:
    """What the runs of one study and rule have used; `unmeasured` of them have no reading of energy."""

    runs: int = 0
    device_hours: float = 0.0
    energy_kwh: float = 0.0
    unmeasured: int = 0
    tokens: int = 0
    judge_calls: float = 0.0
    price: float = 0.0


Ledger = dict[tuple[str, str, str], Entry]


def command(
    configfile: Files = None,
    config: Values = None,
    output: Annotated[Path | None, typer.Option(help="Also write the sums as JSON.")] = None,
) -> None:
    """Sum device-hours and energy of the finished runs, per study, rule and device.

    A run that two studies share counts in both, and once in the last line.
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

    The study `all` counts every run once.
    """
    users = defaultdict(list)
    for study in (study for one in (plan, *others) for study in one.studies.values()):
        for path, run in study.runs.items():
            for place in (plan.paths.run(path), plan.paths.base(run.base.name)):
                if study.name not in users[place]:
                    users[place].append(study.name)
    ledger: Ledger = defaultdict(Entry)
    for name, rule, manifest in trainings(plan.paths):
        for study in [*(users.get(name) or [OTHERS]), "all"]:
            entry = ledger[study, rule, manifest["device"]]
            entry.runs += 1
            entry.device_hours += manifest["device_hours"]
            entry.tokens += manifest["tokens"]
            if manifest["energy_joules"] is None:
                entry.unmeasured += 1
            else:
                entry.energy_kwh += manifest["energy_joules"] / JOULES_PER_KWH
    loading: dict[str, float] = {}
    for run, _, _, header in evaluations(plan.paths):
        device, seconds = header["digests"]["options"]["device"], header["seconds"]
        # one process loads a model once and writes that time to each of its benchmarks
        once = max(0.0, seconds["loading"] - loading.get(run, 0.0))
        loading[run] = max(seconds["loading"], loading.get(run, 0.0))
        for study in [*(users.get(plan.paths.run(run)) or [OTHERS]), "all"]:
            entry = ledger[study, "evaluate_run", device]
            entry.runs += 1
            entry.unmeasured += 1
            entry.device_hours += (once + seconds["evaluation"]) / 3600
    for run, marker in responses(plan.paths):
        for study in [*(users.get(plan.paths.run(run)) or [OTHERS]), "all"]:
            entry = ledger[study, "generate", marker["device"]]
            entry.runs, entry.unmeasured = entry.runs + 1, entry.unmeasured + 1
            entry.device_hours += marker["seconds"] / 3600
            entry.tokens += marker["tokens"] + marker["prompt_tokens"]
    for run, marker in losses(plan.paths):
        for study in [*(users.get(plan.paths.run(run)) or [OTHERS]), "all"]:
            entry = ledger[study, "evaluate_loss", marker["device"]]
            entry.runs, entry.unmeasured = entry.runs + 1, entry.unmeasured + 1
            entry.device_hours += marker["seconds"] / 3600
    _sum_verdicts((plan, *others), ledger)
    return dict(sorted(ledger.items(), key=lambda item: (item[0][0] == "all", item[0])))


def _sum_verdicts(plans: tuple[Plan, ...], ledger: Ledger) -> None:
    """Add what judges took: a request that several files or studies hold counts once in each study and in the sum."""
    judging = defaultdict(list)
    for plan in plans:
        for study in plan.studies:
            for file in plan.answers.verdict_files(study):
                judging[file] += [study] * (study not in judging[file])
    requests: dict[tuple[str, str], list[dict]] = defaultdict(list)
    for file, judge, rows in verdicts(plans[0].paths):
        for study in [*(judging.get(file) or [OTHERS]), "all"]:
            entry = ledger[study, "judge", judge]
            entry.runs, entry.unmeasured = entry.runs + 1, entry.unmeasured + 1
            requests[study, judge] += rows
    for (study, judge), rows in requests.items():
        entry, usage = ledger[study, "judge", judge], used(rows)
        entry.judge_calls, entry.price = usage.calls, usage.price
        entry.tokens = round(usage.prompt_tokens + usage.completion_tokens)


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
            f"{entry.device_hours:,.3f}",
            "not measured" if entry.unmeasured == entry.runs else f"{entry.energy_kwh:,.3f}",
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
