"""Load the model and the tokenizer of a checkpoint, with as few imports as that takes."""

from __future__ import annotations

import json
from typing import Any

from polytune.errors import InputError
from polytune.evaluation.checkpoints import Checkpoint
from polytune.evaluation.forward import ENCODER_DECODERS, TREE_ARCHITECTURES
from polytune.files import read_json

PRECISIONS = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}

PLAIN_LORA = {
    "peft_type": "LORA",
    "use_dora": False,
    "bias": "none",
    "modules_to_save": None,
    "rank_pattern": {},
    "alpha_pattern": {},
}


def choose_precision(precision: str, device: str, config: dict[str, Any]) -> str:
    """Return the name of a torch type: `auto` is float32 on a CPU and the type of `config.json` elsewhere."""
    if precision != "auto":
        return PRECISIONS[precision]
    stored = config.get("dtype") or config.get("torch_dtype") or "float32"
    return "float32" if device.startswith("cpu") else stored


def load_tokenizer(checkpoint: Checkpoint):
    """Return the checkpoint's tokenizer (the fast one where there is one)."""
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(checkpoint.tokenizer, local_files_only=True)
    except (OSError, ValueError) as error:
        raise InputError(f"{checkpoint.tokenizer}: the tokenizer cannot be loaded: {error}") from error


def load_model(checkpoint: Checkpoint, device: str, dtype: str):
    """Return the model in evaluation mode on `device`; an adapter is merged (float32) or applied (16-bit types).

    The class that `config.json` names is imported from its own module: transformers' Auto classes import more.
    Raises `InputError` if the weights do not fit the configuration.
    """
    import torch
    import transformers

    name = next(iter(checkpoint.config.get("architectures") or []), None)
    model_class = getattr(transformers, name, None) if name else None
    if model_class is None:
        raise InputError(
            f"{checkpoint.weights}/config.json: 'architectures' is {name!r}, which transformers does not know"
        )
    kind = checkpoint.config.get("model_type")
    exact = {"attn_implementation": "sdpa"} if kind in TREE_ARCHITECTURES + ENCODER_DECODERS and kind != "bloom" else {}
    try:
        model, report = model_class.from_pretrained(
            checkpoint.weights,
            dtype=getattr(torch, dtype),
            use_safetensors=True,
            local_files_only=True,
            output_loading_info=True,
            **exact,
        )
    except (OSError, ValueError, RuntimeError, json.JSONDecodeError) as error:
        raise InputError(f"{checkpoint.weights}: the model cannot be loaded: {error}") from error
    if report["missing_keys"]:
        raise InputError(
            f"{checkpoint.weights}: the weights lack {sorted(report['missing_keys'])[0]}, which {name} needs"
        )
    if checkpoint.adapter is not None:
        model = _add_adapter(model, checkpoint)
    return model.to(device).eval()


def _add_adapter(model, checkpoint: Checkpoint):
    """Add the adapter: plain LoRA in float32 is merged here, anything else by peft, whose import takes seconds."""
    import torch

    config = read_json(checkpoint.adapter / "adapter_config.json")
    plain = all(config.get(key, value) in (value, None, []) for key, value in PLAIN_LORA.items())
    if plain and model.dtype == torch.float32:
        merge_lora(model, checkpoint.adapter, config)
        return model
    from peft import PeftModel

    applied = PeftModel.from_pretrained(model, checkpoint.adapter)
    if model.dtype == torch.float32:
        return applied.merge_and_unload()
    return applied.get_base_model()  # its layers add the adapter's output: merging would round it to the weights' type


def merge_lora(model, adapter, config: dict[str, Any]) -> None:
    """Add scale * B A to every weight that a plain LoRA adapter changes (Hu et al. 2021, section 4.1).

    The scale is alpha / r, or alpha / sqrt(r) for rank-stabilised LoRA. Raises `InputError` for tensors that fit no module.
    """
    import torch
    from safetensors.torch import load_file

    file = adapter / "adapter_model.safetensors"
    tensors = load_file(file)
    scale = config["lora_alpha"] / (config["r"] ** 0.5 if config.get("use_rslora") else config["r"])
    modules = dict(model.named_modules())
    for key in [key for key in tensors if key.endswith(".lora_A.weight")]:
        name = key.removeprefix("base_model.model.").removesuffix(".lora_A.weight")
        down, up = tensors.pop(key), tensors.pop(key.replace(".lora_A.", ".lora_B."), None)
        weight = getattr(modules.get(name), "weight", None)
        if weight is None or up is None:
            raise InputError(f"{file}: '{key}' fits no module of {type(model).__name__}")
        change = (up @ down) * scale  # [out, in]
        with torch.no_grad():
            weight += change.T if config.get("fan_in_fan_out") else change
    if tensors:
        raise InputError(f"{file}: unexpected tensor '{next(iter(tensors))}' in a plain LoRA adapter")
