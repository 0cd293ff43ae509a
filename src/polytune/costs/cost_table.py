"""The forecast of a plan by rule, and how it is shown."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from statistics import median

from polytune.costs.assumptions import Device
from polytune.costs.operations import Calibration


@dataclass
class Row:
    """The jobs of one rule; `done` of them are up to date and cost nothing more."""

    jobs: int = 0
    done: int = 0
    device_hours: float = 0.0
    node_hours: float = 0.0
    core_hours: float = 0.0
    longest_hours: float = 0.0
    memory_gb: float = 0.0
    disk_gb: float = 0.0
    judge_calls: float = 0.0
    judge_tokens: float = 0.0
    price: float = 0.0


@dataclass
class Forecast:
    """The rows by rule, and what no rule owns."""

    device: Device
    rows: dict[str, Row] = field(default_factory=lambda: defaultdict(Row))
    checkpoints_gb: float = 0.0
    too_large: dict[str, str] = field(default_factory=dict)
    """What to do about each thing that does not fit into a device."""
    not_costed: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Jobs to be done by (rule, why nobody knows what they cost)."""


def show(forecast: Forecast) -> str:
    """Return the forecast as a table for people."""
    device = forecast.device
    head = ["rule", "jobs", "to do", device.unit, "node-hours", "longest h", "GB/device", "core-hours", "disk GB"]
    unknown = {rule for rule, _ in forecast.not_costed}
    body = [
        [
            rule,
            f"{row.jobs}",
            f"{row.jobs - row.done}",
            *map(_number, (row.device_hours, row.node_hours, row.longest_hours, row.memory_gb)),
            "not costed" if rule in unknown and not _hours(row) else _number(row.core_hours),
            _number(row.disk_gb),
        ]
        for rule, row in sorted(forecast.rows.items(), key=lambda item: -_hours(item[1]))  # the dearest first
    ]
    rows = list(forecast.rows.values())
    device_hours, node_hours = sum(row.device_hours for row in rows), sum(row.node_hours for row in rows)
    total = ["all", f"{sum(row.jobs for row in rows)}", f"{sum(row.jobs - row.done for row in rows)}"]
    total += [*map(_number, (device_hours, node_hours)), "", _number(max((row.memory_gb for row in rows), default=0.0))]
    total += map(_number, (sum(row.core_hours for row in rows), sum(row.disk_gb for row in rows)))
    widths = [max(map(len, column)) for column in zip(head, *body, total, strict=True)]
    lines = [
        "  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]) for line in (head, *body, total)
    ]
    lines.insert(1, "-" * len(lines[0]))
    lines.insert(-1, "-" * len(lines[0]))
    if device.billed and node_hours:
        billed = device.billed * device.per_node * node_hours
        lines.append(f"billed: {billed:,.0f} {device.billed_unit} ({device.billed} an hour of each {device.key})")
    if calls := sum(row.judge_calls for row in rows):
        tokens, price = (sum(getattr(row, name) for row in rows) for name in ("judge_tokens", "price"))
        lines.append(f"judges: {calls:,.0f} calls, {tokens / 1e6:,.3g} million tokens, price {price:,.2f}")
    if forecast.checkpoints_gb:
        size = _number(forecast.checkpoints_gb)
        lines.append(f"checkpoints of a running job: up to {size} GB more, removed when it ends")
    lines += [
        f"not costed, so in no sum: {rule}, {count} to do: {why}"
        for (rule, why), count in forecast.not_costed.items()
        if count
    ]
    lines += [
        f"does not fit: {what} needs more than the {device.memory_gb:.3g} GB of {_whose(device)}; {remedy}"
        for what, remedy in forecast.too_large.items()
    ]
    return "\n".join(lines)


def _hours(row: Row) -> float:
    return row.device_hours + row.core_hours


def _whose(device: Device) -> str:
    return "this machine" if device.on_cpu else f"a {device.key}"


def _number(value: float) -> str:
    if value == 0:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def show_errors(finished: Calibration, published: Calibration, device: Device) -> str:
    """Say where the times come from, and how far they were from those of runs that were not seen."""
    if errors := finished.errors(device.key):
        return "times: " + _errors(errors, f"finished runs on {device.key}")
    learnt = f"no two finished runs on {device.key} to learn from yet"
    if device.achieved_tflops is not None:
        return f"times are from a measured throughput of another computer: {learnt}"
    what = "times are from published hours on another device, carried over by the ratio of the peaks"
    return f"{what}: {learnt}. " + _errors(published.errors(), "published runs")


def _errors(errors: list[float], what: str) -> str:
    sizes = sorted(map(abs, errors))
    worst = max(errors, key=abs)
    return (
        f"each of {len(errors)} {what}, predicted from the others, was off by {median(sizes):.0%} in the median and "
        f"{worst:+.0%} at worst"
    )
