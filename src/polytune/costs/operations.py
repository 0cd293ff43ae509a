"""What trainings and evaluations cost: operations, time, memory and disk from parameters and tokens.

Operations (floating-point, multiply and add counted as two): a forward pass of N parameters costs 2 N per token, the
gradient of the activations again as much, the gradient of the weights a third time (Kaplan et al. 2020, section 2.1:
6 N in all). LoRA freezes the weights, so the third part is the adapters' only: 4 N. In an encoder-decoder a token
passes one of two halves.

Time: operations over what a device achieves. What it achieves comes from finished runs on that device (`Calibration`);
before there is one, from published hours on another device, carried over by the ratio of the two peaks.

Memory of a GPU: weights, gradients and Adam's state (Rajbhandari et al. 2020, section 3.1: 2 + 2 + 12 bytes per
parameter in mixed precision), divided as the ZeRO stage says, and the activations of one pack: 34 bytes per token,
layer and hidden unit without attention scores (Korthikanti et al. 2022, equation 1), twice as much in float32.

Memory of a process on a CPU: the same in float32 (4 + 4 + 8), the libraries, and more bytes per activation: measured
with a Llama of 135 million parameters, 30 layers of 576 units, packs of 512 and 2,048 tokens.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

OPERATIONS_PER_PARAMETER = {"full": 6, "lora": 4, "evaluation": 2}
ACTIVATION_BYTES = 34
CPU_ACTIVATION_BYTES = 2 * 41
LIBRARIES_BYTES = 0.6e9  # resident on a CPU: torch, transformers and what they load


@dataclass(frozen=True)
class Model:
    """The sizes of a base model; `layers` and `hidden` are None for the generated world's bases."""

    parameters: int
    architecture: str = "decoder"
    layers: int | None = None
    hidden: int | None = None

    @property
    def parameters_per_token(self) -> float:
        """Return how many parameters a token passes."""
        return self.parameters / 2 if self.architecture == "encoder-decoder" else float(self.parameters)

    def operations(self, method: str, tokens: float) -> float:
        """Return the operations that `tokens` tokens cost: method `full` or `lora` (training) or `evaluation`."""
        return OPERATIONS_PER_PARAMETER[method] * self.parameters_per_token * tokens


@dataclass(frozen=True)
class Finished:
    """A finished training, or a published one: what it had to do and how long its devices took together."""

    rule: str
    base: str
    device: str
    devices: int
    operations: float
    device_seconds: float

    @property
    def achieved(self) -> float:
        """Return operations per second and device."""
        return self.operations / self.device_seconds


class Calibration:
    """What devices achieve in training, from finished runs."""

    def __init__(self, finished: list[Finished]) -> None:
        self.finished = finished

    def achieved(
        self, rule: str, base: str, device: str, devices: int, without: Finished | None = None
    ) -> float | None:
        """Return the median operations per second of the most similar finished runs on a kind of device, or None.

        Most similar are runs of the same rule, base and number of devices; then of the same rule and base; of the same
        rule; any.
        """
        here = [one for one in self.finished if one.device == device and one is not without]
        same_rule = [one for one in here if one.rule == rule]
        same_base = [one for one in same_rule if one.base == base]
        same_devices = [one for one in same_base if one.devices == devices]
        for similar in (same_devices, same_base, same_rule, here):
            if similar:
                return median(one.achieved for one in similar)
        return None

    def errors(self, device: str | None = None) -> list[float]:
        """Return the relative error of each finished run's time (on one kind of device), predicted from the others.

        A run without another one of its rule and device is left out.
        """
        found = []
        for one in self.finished:
            if device not in (None, one.device):
                continue
            others = [other for other in self.finished if other is not one]
            if any((other.rule, other.device) == (one.rule, one.device) for other in others):
                achieved = self.achieved(one.rule, one.base, one.device, one.devices, without=one)
                found.append(one.operations / achieved / one.device_seconds - 1.0)
        return found


def training_memory(
    model: Model, method: str, precision: str, zero_stage: int, devices: int, pack_tokens: int, on_cpu: bool = False
) -> float:
    """Return the bytes that one device of a training needs; on a CPU those of one process."""
    count = model.parameters
    if method == "lora":  # frozen weights; adapters and their optimizer are below a hundredth of them
        state = (2 if precision == "bf16" else 4) * count
    elif devices == 1 or precision == "fp32":
        state = 4 * count + (4 * count + 8 * count) / (devices if zero_stage >= 2 else 1)
    else:
        weights, gradients, optimizer = 2 * count, 2 * count, 12 * count
        state = (
            weights / (devices if zero_stage == 3 else 1)
            + gradients / (devices if zero_stage >= 2 else 1)
            + optimizer / (devices if zero_stage >= 1 else 1)
        )
    units = pack_tokens * (model.layers or 0) * (model.hidden or 0)
    if on_cpu:
        return state + CPU_ACTIVATION_BYTES * units + LIBRARIES_BYTES
    return state + ACTIVATION_BYTES * units * (2 if precision == "fp32" else 1)


def evaluation_memory(model: Model, on_cpu: bool = False) -> float:
    """Return the bytes that an evaluation needs: weights in 16 bits on a GPU, in 32 on a CPU with the libraries."""
    return 4 * model.parameters + LIBRARIES_BYTES if on_cpu else 2.0 * model.parameters


def model_bytes(model: Model, method: str, precision: str, rank: int = 0) -> float:
    """Return the size of a trained model on disk: weights, or the adapters of three square projections per layer."""
    width = 2 if precision == "bf16" else 4
    if method == "lora":
        return 4 * 6 * rank * (model.layers or 0) * (model.hidden or 0)  # adapters are kept in float32
    return width * model.parameters


def checkpoint_bytes(model: Model, method: str, precision: str, rank: int = 0, keeps_best: bool = False) -> float:
    """Return the size of a run's checkpoints in progress, of weights and optimizer: two, and the best for each."""
    kept = 4 if keeps_best else 2
    if method == "lora":
        return kept * 3 * model_bytes(model, method, precision, rank)
    return kept * (14 if precision == "bf16" else 12) * model.parameters
