"""The run's `spec.json`: every value that changes the weights, checked when it is read.

The limits of each value stand beside it in the words of JSON Schema; `workflow/schemas/study.schema.yaml` says the same
for study files, and a test compares the two.
"""

from __future__ import annotations

import operator
import types
import typing
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from pathlib import Path

from polytune.errors import InputError, nearest
from polytune.files import digest, read_json

LIMITS = {
    "minimum": (operator.ge, "{} or more"),
    "exclusiveMinimum": (operator.gt, "above {}"),
    "maximum": (operator.le, "{} or less"),
    "exclusiveMaximum": (operator.lt, "below {}"),
}


def limited(default=MISSING, **limits):
    """Return a field of a dataclass whose values lie within `limits`."""
    return field(metadata=limits) if default is MISSING else field(default=default, metadata=limits)


@dataclass(frozen=True)
class Lora:
    """Low-rank adaptation (Hu et al. 2021): rank, scale `alpha / r`, dropout and the layers that get adapters.

    No `target_modules`: the layers that compute queries, keys and values.
    """

    r: int = limited(minimum=1)
    alpha: float = limited(exclusiveMinimum=0)
    dropout: float = limited(0.0, minimum=0, exclusiveMaximum=1)
    target_modules: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Validation:
    """A share of the rows that is held out and scored after every epoch, or every so many updates.

    The run leaves the weights of the update with the lowest loss (`best`) or those of the `last` one.
    """

    share: float = limited(exclusiveMinimum=0, exclusiveMaximum=1)
    every_updates: int | None = limited(None, minimum=1)
    keep: str = limited("best", enum=["best", "last"])
    seed: int = limited(1, minimum=0)


@dataclass(frozen=True)
class Hyperparameters:
    """Hyperparameters of a run, named as in `spec.json`."""

    learning_rate: float = limited(exclusiveMinimum=0)
    epochs: float = limited(exclusiveMinimum=0, maximum=1_000_000)
    global_batch_rows: int = limited(minimum=1)
    max_length_tokens: int = limited(minimum=8)
    max_source_length_tokens: int | None = limited(None, minimum=8)
    warmup_ratio: float = limited(0.0, minimum=0, maximum=1)
    scheduler: str = limited("linear", enum=["linear", "cosine", "constant"])
    final_learning_rate_ratio: float = limited(0.0, minimum=0, maximum=1)
    weight_decay: float = limited(0.0, minimum=0)
    adam_beta1: float = limited(0.9, minimum=0, exclusiveMaximum=1)
    adam_beta2: float = limited(0.999, minimum=0, exclusiveMaximum=1)
    adam_epsilon: float = limited(1e-8, exclusiveMinimum=0)
    max_gradient_norm: float = limited(1.0, minimum=0)
    prompt_loss_weight: float = limited(0.0, minimum=0, maximum=1)
    template: str | None = None
    precision: str = limited("fp32", enum=["fp32", "bf16"])
    lora: Lora | None = None
    validation: Validation | None = None


@dataclass(frozen=True)
class Spec:
    """A run, resolved: base, method, mixture, seed and hyperparameters; for a new base its configuration, `model`."""

    base: str
    mixture: str
    hyperparameters: Hyperparameters
    method: str = limited(enum=["full", "lora"])
    seed: int = limited(minimum=0)
    base_tokenizer: str | None = None
    architecture: str | None = None
    model: dict | None = None
    content: dict = field(default_factory=dict, init=False, repr=False)  # the whole file, as the manifest keeps it

    @property
    def digest(self) -> str:
        """Return the SHA-256 of the file's content."""
        return digest(self.content)


def read_spec(path: Path) -> Spec:
    """Read a spec; unknown keys, missing keys, wrong types and impossible values are an `InputError`."""
    content = read_json(path)
    spec = _read(content, Spec, str(path))
    if spec.method == "lora" and spec.hyperparameters.lora is None:
        raise InputError(f"{path}: method 'lora' needs 'hyperparameters.lora' (r, alpha, dropout, target_modules)")
    spec.content.update(content)
    return spec


def _read(content, kind, file: str, prefix: str = ""):
    if not isinstance(content, dict):
        raise InputError(f"{file}: '{prefix.rstrip('.') or 'the file'}' is no object")
    hints, known = typing.get_type_hints(kind), {field.name: field for field in fields(kind) if field.init}
    for key in content:
        if key not in known:
            raise InputError(f"{file}: unknown key '{prefix}{key}'{nearest(key, known)}")
    for name, wanted in known.items():
        if name not in content and wanted.default is wanted.default_factory is MISSING:
            raise InputError(f"{file}: key '{prefix}{name}' is missing")
    values = {}
    for key, value in content.items():
        allowed = typing.get_args(hints[key]) if isinstance(hints[key], types.UnionType) else (hints[key],)
        nested = [choice for choice in allowed if is_dataclass(choice)]
        if nested and not (value is None and types.NoneType in allowed):
            values[key] = _read(value, nested[0], file, f"{prefix}{key}.")
        else:
            problem = _find_problem(value, allowed, known[key].metadata)
            if problem:
                raise InputError(f"{file}: '{prefix}{key}' is {value!r}, {problem}")
            values[key] = value
    return kind(**values)


def _find_problem(value, allowed: tuple, limits) -> str | None:
    """Return what is wrong with a value of `spec.json`, or None."""
    plain = tuple(list if choice == list[str] else choice for choice in allowed)
    plain += (int,) * (float in plain)
    if not isinstance(value, plain) or (isinstance(value, bool) and bool not in plain):
        return f"expected {' or '.join(choice.__name__ for choice in plain)}"
    if isinstance(value, list) and not all(isinstance(item, str) for item in value):
        return "expected a list of str"
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return "it must be below 2^63"
    if "enum" in limits and value not in limits["enum"]:
        return f"allowed are {', '.join(limits['enum'])}{nearest(value, limits['enum'])}"
    broken = value is not None and any(not LIMITS[name][0](value, limits[name]) for name in limits if name in LIMITS)
    return f"it must be {' and '.join(LIMITS[name][1].format(limits[name]) for name in limits)}" if broken else None
