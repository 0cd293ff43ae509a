"""The run's `spec.json`: every value that changes the weights, checked when it is read."""

from __future__ import annotations

import types
import typing
from dataclasses import MISSING, dataclass, fields
from pathlib import Path

from polytune.errors import InputError, nearest
from polytune.files import digest, read_json

METHODS = ("full", "lora")
CHOICES = {"scheduler": ("linear", "cosine", "constant"), "precision": ("fp32", "bf16")}


@dataclass(frozen=True)
class Lora:
    """Low-rank adaptation (Hu et al. 2021): rank, scale `alpha / r`, dropout and the layers that get adapters."""

    r: int
    alpha: float
    dropout: float
    target_modules: list[str]


@dataclass(frozen=True)
class Hyperparameters:
    """Hyperparameters of a run, named as in `spec.json`."""

    learning_rate: float
    epochs: float
    global_batch_rows: int
    max_length_tokens: int
    max_source_length_tokens: int | None = None
    warmup_ratio: float = 0.0
    scheduler: str = "linear"
    final_learning_rate_ratio: float = 0.0
    weight_decay: float = 0.0
    adam_beta1: float = 0.9
    adam_beta2: float = 0.999
    adam_epsilon: float = 1e-8
    max_gradient_norm: float = 1.0
    prompt_loss_weight: float = 0.0
    template: str | None = None
    precision: str = "fp32"
    lora: Lora | None = None


@dataclass(frozen=True)
class Spec:
    """A run, resolved: base, method, mixture, seed and hyperparameters."""

    base: str
    method: str
    mixture: str
    seed: int
    hyperparameters: Hyperparameters
    base_tokenizer: str | None = None
    architecture: str | None = None
    digest: str = ""


def read_spec(path: Path) -> Spec:
    """Read a spec; unknown keys, missing keys, wrong types and impossible values are an `InputError`."""
    content = read_json(path)
    values = _check(content, Spec, str(path), "")
    hyper = _check(values["hyperparameters"], Hyperparameters, str(path), "hyperparameters.")
    if hyper.get("lora") is not None:
        hyper["lora"] = Lora(**_check(hyper["lora"], Lora, str(path), "hyperparameters.lora."))
    values["hyperparameters"] = Hyperparameters(**hyper)
    spec = Spec(**{**values, "digest": digest(content)})
    _check_values(spec, str(path))
    return spec


def _check(content, kind, file: str, prefix: str) -> dict:
    if not isinstance(content, dict):
        raise InputError(f"{file}: '{prefix.rstrip('.') or 'the file'}' is no object")
    hints = typing.get_type_hints(kind)
    known = {field.name: field for field in fields(kind) if not (kind is Spec and field.name == "digest")}
    for key in content:
        if key not in known:
            raise InputError(f"{file}: unknown key '{prefix}{key}'{nearest(key, known)}")
    for name, field in known.items():
        if name not in content and field.default is MISSING:
            raise InputError(f"{file}: key '{prefix}{name}' is missing")
    for key, value in content.items():
        allowed = hints[key]
        choices = typing.get_args(allowed) if isinstance(allowed, types.UnionType) else (allowed,)
        plain = tuple({list[str]: list, Lora: dict, Hyperparameters: dict}.get(choice, choice) for choice in choices)
        if float in plain:
            plain = (*plain, int)
        if not isinstance(value, plain) or (isinstance(value, bool) and bool not in plain):
            raise InputError(f"{file}: '{prefix}{key}' is {value!r}, expected {' or '.join(t.__name__ for t in plain)}")
    return dict(content)


def _check_values(spec: Spec, file: str) -> None:
    if spec.method not in METHODS:
        raise InputError(
            f"{file}: 'method' is '{spec.method}', allowed are {', '.join(METHODS)}{nearest(spec.method, METHODS)}"
        )
    hyper = spec.hyperparameters
    if spec.method == "lora" and hyper.lora is None:
        raise InputError(f"{file}: method 'lora' needs 'hyperparameters.lora' (r, alpha, dropout, target_modules)")
    for name, allowed in CHOICES.items():
        value = getattr(hyper, name)
        if value not in allowed:
            raise InputError(
                f"{file}: 'hyperparameters.{name}' is '{value}', "
                f"allowed are {', '.join(allowed)}{nearest(value, allowed)}"
            )
    for name in ("learning_rate", "epochs", "global_batch_rows", "max_length_tokens"):
        if getattr(hyper, name) <= 0:
            raise InputError(f"{file}: 'hyperparameters.{name}' is {getattr(hyper, name)}, it must be above 0")
    for name in ("warmup_ratio", "final_learning_rate_ratio", "prompt_loss_weight"):
        if not 0 <= getattr(hyper, name) <= 1:
            raise InputError(f"{file}: 'hyperparameters.{name}' is {getattr(hyper, name)}, it must lie between 0 and 1")
