"""What jobs ask for as `mem_mb`: the memory of the host, so that what does not fit is not started side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polytune.costs.operations import Model, evaluation_memory, training_memory
from polytune.machine import choose_device

if TYPE_CHECKING:
    from polytune.study.expand import Run
    from polytune.study.outside import UsedBase

SMALLEST_MB = 2000
UNKNOWN_MB = 4000  # for a base whose parameters nobody counted
GPU_PROCESS_BYTES = 3e9  # of the host: a process with the driver's libraries, beside the weights that pass through


def training_mem_mb(run: Run, training: dict, device: str) -> int:
    """Return the memory of a training on one node; `training` and `device` are the configuration's."""
    model, hyper = model_of(run.base), run.spec["hyperparameters"]
    if model is None:
        return UNKNOWN_MB
    devices = run.nodes * run.devices_per_node
    what = run.spec["method"], hyper["precision"], training["zero_stage"], devices, training["micro_batch_tokens"]
    on_cpu = choose_device(device) == "cpu"
    process = training_memory(model, *what, on_cpu=True) if on_cpu else GPU_PROCESS_BYTES + 4 * model.parameters
    return _mem_mb(process * run.devices_per_node)


def evaluation_mem_mb(base: UsedBase, device: str) -> int:
    """Return the memory of the evaluations of a run."""
    model = model_of(base)
    if model is None:
        return UNKNOWN_MB
    on_cpu = choose_device(device) == "cpu"
    return _mem_mb(evaluation_memory(model, on_cpu=True) if on_cpu else GPU_PROCESS_BYTES + 4 * model.parameters)


def model_of(base: UsedBase) -> Model | None:
    """Return the sizes of a base of the plan, None if its parameters are not counted."""
    row = base.row
    return Model(row.parameters, row.architecture, row.layers, row.hidden) if row.parameters else None


def _mem_mb(forecast: float) -> int:
    """Return a fifth more than the forecast, whose error is below a tenth where it was measured."""
    return max(SMALLEST_MB, round(1.2 * forecast / 1e6))
