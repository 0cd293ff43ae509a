"""`polytune plan`: what the configured studies will need, before anything is submitted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated

import typer

from polytune.config.given import Files, Given, Values
from polytune.config.settings import load_config
from polytune.costs.answers import find_answers, server_devices
from polytune.costs.assumptions import Assumptions, Device
from polytune.costs.cost_table import Forecast, show, show_errors
from polytune.costs.cut import show_cuts
from polytune.costs.jobs import Job, find_models, find_subjects, group_outputs, list_outputs
from polytune.costs.operations import Calibration
from polytune.costs.power import find_lines, show_lines
from polytune.costs.rules import Costs
from polytune.errors import InputError
from polytune.machine import choose_device
from polytune.study.plan import Plan

SMALL_MODEL = 1e9  # parameters; a smaller one may be tuned on a CPU


def command(
    targets: Annotated[
        list[str] | None, typer.Argument(help="Studies or files, as for snakemake; default all that are configured.")
    ] = None,
    configfile: Files = None,
    config: Values = None,
    device: Annotated[
        str,
        typer.Option(
            help="Device of config/costs.yaml; default: that of most finished runs, else cpu at scale world or for "
            "small bases in local directories where there is no GPU, else LUMI's."
        ),
    ] = "",
) -> None:
    """Show jobs, device-hours, node-hours, memory and disk of what is still to be made."""
    given = Given.of(configfile, config)
    with ThreadPoolExecutor(1) as beside:  # Snakemake reads the same plan in a process of its own
        outputs = beside.submit(list_outputs, targets or [], given)
        plan = load_plan(given)
        subjects = find_subjects(plan) | find_answers(plan)
        jobs = group_outputs(outputs.result(), subjects)
    assumptions = Assumptions(find_models(plan))
    calibration = Calibration(assumptions.finished(plan.paths))
    chosen = assumptions.device(device or _usual_device(calibration, plan))
    devices = server_devices(plan.config["generation"])
    costs = Costs(assumptions, calibration, chosen, plan.config["training"], plan.paths, subjects, devices)
    forecast = add_up(jobs, costs, chosen)
    print(show(forecast))
    if any(row.device_hours for row in forecast.rows.values()):
        print(show_errors(calibration, Calibration(assumptions.published()), chosen))
    for line in show_cuts(plan):
        print(line)
    lines = [line for study in plan.studies.values() for line in find_lines(study, assumptions.content, plan.paths)]
    if lines:
        print(show_lines(lines, assumptions.content))


def _usual_device(calibration: Calibration, plan: Plan) -> str:
    if used := Counter(one.device for one in calibration.finished).most_common(1):
        return used[0][0]
    small = all(
        plan.outside.given_base(base) and (base.row.parameters or 0) < SMALL_MODEL for base in plan.bases.values()
    )
    here = small and choose_device("auto") == "cpu"
    return "cpu" if here or plan.config["scale"] == "world" else "mi250x-gcd"


def add_up(jobs: Iterable[Job], costs: Costs, device: Device) -> Forecast:
    """Return the sums by rule; jobs that are up to date take their disk and nothing more."""
    jobs, forecast = list(jobs), Forecast(device)
    due = {path for job in jobs for path in job.due}
    for job in jobs:
        rule = costs.family(job.rule)
        row = forecast.rows[rule]
        row.jobs += 1
        row.done += not job.due
        try:
            cost = costs.of(job, due)
            why = f"no entry core_seconds.{rule} in config/costs.yaml"
        except InputError as error:
            cost, why = None, str(error)
        if cost is None:
            forecast.not_costed[rule, why] += bool(job.due)
            continue
        row.disk_gb += cost.disk_gb
        if not job.due:
            continue
        for amount in ("device_hours", "node_hours", "core_hours", "judge_calls", "judge_tokens", "price"):
            setattr(row, amount, getattr(row, amount) + getattr(cost, amount))
        row.longest_hours = max(row.longest_hours, cost.longest_hours)
        row.memory_gb = max(row.memory_gb, cost.memory_gb)
        forecast.checkpoints_gb = max(forecast.checkpoints_gb, cost.checkpoints_gb)
        if cost.too_large:
            forecast.too_large[cost.too_large] = cost.remedy
    return forecast


def load_plan(given: Given) -> Plan:
    """Return the plan of `config/config.yaml` with what a command was given on top, as the workflow has it."""
    return Plan(load_config(given.merge()))
