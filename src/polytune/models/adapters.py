"""Adapters: plain LoRA without peft, whose import takes seconds; everything else by peft itself, or refused."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from polytune.errors import InputError, reason
from polytune.models.directory import ADAPTER, read_object

NEUTRAL: dict[str, tuple] = {"peft_type": ("LORA",), "bias": ("none",), "init_lora_weights": (True, False, "gaussian")}
"""What an adapter's configuration says if it only adds scale * B A to some linear layers; other initialisations change
the base's weights, too (PiSSA, OLoRA)."""

READ = {
    "r", "lora_alpha", "use_rslora", "target_modules",
    "lora_dropout", "fan_in_fan_out", "inference_mode", "task_type", "base_model_name_or_path", "revision",
    "peft_version", "auto_mapping", "runtime_config", "megatron_core", "qalora_group_size", "loftq_config",
}  # fmt: skip
"""Keys of a configuration that `add_lora` reads, and those that say nothing about what is added. A key that stands
neither here nor in `NEUTRAL` must be empty: peft invents new ones."""

BY_PEFT = ("LORA", "ADALORA", "IA3", "LOHA", "LOKR", "OFT", "BOFT", "VERA", "HRA", "LN_TUNING", "TRAINABLE_TOKENS")
"""Types that change what layers compute of each token alone, so that token trees stay exact."""

MISFIT = re.compile(r"size mismatch for (?:base_model\.model\.)?(\S+): .*?\[([\d, ]+)\].*?\[([\d, ]+)\]", re.DOTALL)
"""What torch says of a tensor that fits no parameter: name, its shape, the parameter's."""

CONTEXTUAL = ("alora_invocation_tokens", "arrow_config")
"""Keys of LoRA whose adapters look at other tokens of the text."""


def add_adapter(model: nn.Module, adapter: Path) -> nn.Module:
    """Add the adapter in a directory to its base model, in place; return the model."""
    return add_lora(model, adapter) if is_plain(adapter) else add_by_peft(model, adapter)


def is_plain(adapter: Path) -> bool:
    """Return whether the adapter in a directory is plain LoRA of linear layers."""
    from safetensors import SafetensorError, safe_open

    config = read_object(adapter / "adapter_config.json")
    try:
        with safe_open(adapter / ADAPTER, "pt") as tensors:
            linear = all(name.endswith((".lora_A.weight", ".lora_B.weight")) for name in tensors.keys())  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise InputError(f"{adapter / ADAPTER}: cannot be read: {error}") from error
    said = all(value in NEUTRAL.get(key, (None, False, [], {})) for key, value in config.items() if key not in READ)
    rank, alpha, targets = (config.get(key) for key in ("r", "lora_alpha", "target_modules"))
    sized = type(rank) is int and rank > 0 and type(alpha) in (int, float)
    return linear and said and sized and isinstance(targets, list) and all(isinstance(name, str) for name in targets)


def add_lora(model: nn.Module, adapter: Path) -> nn.Module:
    """Add a plain LoRA adapter to a model (Hu et al. 2021, arXiv 2106.09685, section 4.1), in place; return the model.

    The scale is alpha / r, or alpha / sqrt(r) for rank-stabilised LoRA. A float32 layer gets W + scale * B A as its
    weight (a new one: what is tied to it stays). In a 16-bit model that sum would be rounded, so there the layer's
    output is added to, as peft does. Raises `InputError` for tensors that fit no layer, and layers without tensors.
    """
    from safetensors.torch import load_file

    config, file = read_object(adapter / "adapter_config.json"), adapter / ADAPTER
    tensors = load_file(file)
    scale = config["lora_alpha"] / (config["r"] ** 0.5 if config.get("use_rslora") else config["r"])
    targets = tuple(config["target_modules"])
    wanted = {name for name, _ in model.named_modules() if name.endswith(tuple(f".{end}" for end in targets))}
    wanted |= {name for name, _ in model.named_modules() if name in targets}
    for key in [key for key in tensors if key.endswith(".lora_A.weight")]:
        name = key.removeprefix("base_model.model.").removesuffix(".lora_A.weight")
        down, up = tensors.pop(key), tensors.pop(key.replace(".lora_A.", ".lora_B."), None)
        try:
            layer = model.get_submodule(name)
        except AttributeError:
            layer = None
        if up is None or not isinstance(getattr(layer, "weight", None), torch.Tensor):
            raise InputError(f"{file}: '{key}' fits no layer of {type(model).__name__}")
        if name not in wanted or len(down) != config["r"]:
            raise InputError(f"{file}: '{key}' {tuple(down.shape)} is not what adapter_config.json describes")
        wanted.discard(name)
        _add_to_layer(model, name, layer, down, up, scale, file)
    if tensors:
        raise InputError(f"{file}: '{next(iter(tensors))}' has no counterpart '.lora_A.'")
    if wanted:
        raise InputError(f"{file}: lacks the adapter of '{min(wanted)}', which adapter_config.json names")
    return model


@contextmanager
def with_lora(model: nn.Module, adapter: Path) -> Iterator[nn.Module]:
    """Yield the model with a plain LoRA adapter added, which is taken off again: many adapters share one base."""
    before = [(part, dict(part._parameters), dict(part._modules)) for part in model.modules()]
    try:
        yield add_lora(model, adapter)
    finally:
        for part, parameters, modules in before:
            part._parameters.update(parameters)
            part._modules.update(modules)


def add_by_peft(model: nn.Module, adapter: Path) -> nn.Module:
    """Add an adapter with peft, in place; return the model. Raises `InputError` for what peft cannot add exactly."""
    from peft import PeftModel

    file = adapter / "adapter_config.json"
    config = read_object(file)
    kind, start = config.get("peft_type"), config.get("init_lora_weights")
    if kind not in BY_PEFT:
        raise InputError(
            f"{file}: 'peft_type' is {kind!r}, which is not scored here; supported are {', '.join(BY_PEFT)} (lm-eval's "
            "own backend takes others: --model hf)"
        )
    for key in CONTEXTUAL:
        if config.get(key):
            raise InputError(f"{file}: '{key}' is not supported: its adapter acts on some tokens of a text only")
    if isinstance(start, str) and "_niter_" in start:
        raise InputError(
            f"{file}: 'init_lora_weights' is '{start}', whose base is drawn at random at every loading; convert the "
            "adapter to plain LoRA (peft: save_pretrained with path_initial_model_for_weight_conversion)"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.filterwarnings("error", message="Found missing adapter keys")
            return PeftModel.from_pretrained(model, adapter).get_base_model()
    except Exception as error:  # of any library that reads the user's files
        if misfit := MISFIT.search(str(error)):
            raise InputError(
                f"{adapter}: '{misfit[1]}' is [{misfit[2]}] in the adapter's file and [{misfit[3]}] by its "
                "configuration and base; was it trained with an enlarged vocabulary, or on another base?"
            ) from error
        raise InputError(f"{adapter}: peft cannot add the adapter: {reason(error)}") from error


class LoraLayer(nn.Module):
    """A layer whose output is base(x) + scale * B A x, the second term in float32."""

    def __init__(self, base: nn.Module, down: torch.Tensor, up: torch.Tensor, scale: float) -> None:
        super().__init__()
        self.base = base
        self.register_buffer("down", down.float())
        self.register_buffer("up", up.float())
        self.scale = scale

    @property
    def weight(self) -> torch.Tensor:
        """Return the base layer's weight, without the adapter."""
        return self.base.weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result = self.base(x)
        return (result + x.float() @ self.down.T @ self.up.T * self.scale).to(result.dtype)


def _add_to_layer(
    model: nn.Module, name: str, layer: Any, down: torch.Tensor, up: torch.Tensor, scale: float, file: Path
) -> None:
    """Merge into a float32 layer, wrap a 16-bit one."""
    change = (up.shape[0], down.shape[1])  # out, in
    transposed = type(layer).__name__ == "Conv1D"  # GPT-2's layers keep the transposed weight, whatever the file says
    if tuple(layer.weight.shape) != (change[::-1] if transposed else change):
        raise InputError(f"{file}: '{name}' has weights {tuple(layer.weight.shape)}, the adapter's fit {change}")
    down, up = down.to(layer.weight.device), up.to(layer.weight.device)
    if layer.weight.dtype == torch.float32:
        product = (up.float() @ down.float()) * scale
        layer.weight = nn.Parameter(layer.weight.detach() + (product.T if transposed else product))
    else:
        parent, _, attribute = name.rpartition(".")
        setattr(model.get_submodule(parent), attribute, LoraLayer(layer, down, up, scale))
