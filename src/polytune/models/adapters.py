"""Plain LoRA adapters without peft, whose import takes seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from polytune.errors import InputError
from polytune.files import read_json

PLAIN = {
    "peft_type": "LORA",
    "use_dora": False,
    "bias": "none",
    "modules_to_save": None,
    "rank_pattern": {},
    "alpha_pattern": {},
    "layer_replication": None,
}
"""What an adapter's configuration says if it only adds scale * B A to some linear layers."""


def is_plain(adapter: Path) -> bool:
    """Return whether the adapter in a directory is plain LoRA of linear layers."""
    from safetensors import safe_open

    config = read_json(adapter / "adapter_config.json")
    with safe_open(adapter / "adapter_model.safetensors", "pt") as tensors:
        linear = all(name.endswith((".lora_A.weight", ".lora_B.weight")) for name in tensors.keys())  # noqa: SIM118
    return linear and all(config.get(key, value) in (value, None, [], {}) for key, value in PLAIN.items())


def add_lora(model: nn.Module, adapter: Path) -> None:
    """Add a plain LoRA adapter to a model (Hu et al. 2021, arXiv 2106.09685, section 4.1), in place.

    The scale is alpha / r, or alpha / sqrt(r) for rank-stabilised LoRA. A float32 model gets W + scale * B A as its
    weight. In a 16-bit model that sum would be rounded, so there the layer's output is added to, as peft does. Raises
    `InputError` for tensors that fit no layer.
    """
    from safetensors.torch import load_file

    config, file = read_json(adapter / "adapter_config.json"), adapter / "adapter_model.safetensors"
    tensors = load_file(file)
    scale = config["lora_alpha"] / (config["r"] ** 0.5 if config.get("use_rslora") else config["r"])
    for key in [key for key in tensors if key.endswith(".lora_A.weight")]:
        name = key.removeprefix("base_model.model.").removesuffix(".lora_A.weight")
        down, up = tensors.pop(key), tensors.pop(key.replace(".lora_A.", ".lora_B."), None)
        try:
            layer = model.get_submodule(name)
        except AttributeError:
            layer = None
        if up is None or not isinstance(getattr(layer, "weight", None), torch.Tensor):
            raise InputError(f"{file}: '{key}' fits no layer of {type(model).__name__}")
        _add_to_layer(model, name, layer, down, up, scale, bool(config.get("fan_in_fan_out")), file)
    if tensors:
        raise InputError(f"{file}: '{next(iter(tensors))}' has no counterpart '.lora_A.'")


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
    model: nn.Module,
    name: str,
    layer: Any,
    down: torch.Tensor,
    up: torch.Tensor,
    scale: float,
    transposed: bool,
    file: Path,
) -> None:
    """Merge into a float32 layer, wrap a 16-bit one."""
    change = (up.shape[0], down.shape[1])  # out, in
    if tuple(layer.weight.shape) != (change[::-1] if transposed else change):
        raise InputError(f"{file}: '{name}' has weights {tuple(layer.weight.shape)}, the adapter's fit {change}")
    if layer.weight.dtype == torch.float32:
        with torch.no_grad():
            product = (up.float() @ down.float()) * scale
            layer.weight += product.T if transposed else product
    else:
        parent, _, attribute = name.rpartition(".")
        setattr(model.get_submodule(parent), attribute, LoraLayer(layer, down, up, scale))
