"""Load the model and the tokenizer of a checkpoint, with as few imports as that takes."""

from __future__ import annotations

import json
from typing import Any

from polytune.errors import InputError
from polytune.models.directory import Checkpoint, weight_files
from polytune.models.forward import ENCODER_DECODERS, TREE_ARCHITECTURES
from polytune.models.tokenizer import load_plain_tokenizer

PRECISIONS = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}


def choose_precision(precision: str, device: str, config: dict[str, Any]) -> str:
    """Return the name of a torch type: `auto` is float32 on a CPU and the type of `config.json` elsewhere."""
    if precision != "auto":
        return PRECISIONS[precision]
    stored = config.get("dtype") or config.get("torch_dtype") or "float32"
    return "float32" if device.startswith("cpu") else stored


def load_tokenizer(checkpoint: Checkpoint):
    """Return the checkpoint's tokenizer: what transformers makes of its files, or the same without transformers.

    The import is saved only where the model does not need it either. Raises `InputError` for broken files.
    """
    try:
        plain = load_plain_tokenizer(checkpoint.tokenizer) if uses_own_class(checkpoint) else None
        if plain is not None:
            return plain
        from transformers import AutoTokenizer

        return AutoTokenizer.from_pretrained(checkpoint.tokenizer, local_files_only=True)
    except (OSError, ValueError) as error:
        raise InputError(f"{checkpoint.tokenizer}: the tokenizer cannot be loaded: {error}") from error


def uses_own_class(checkpoint: Checkpoint) -> bool:
    """Return whether the model is one that evaluation has a class of its own for: BLOOM, plain adapters included."""
    from polytune.models.adapters import is_plain

    own = checkpoint.config.get("architectures") in (["BloomForCausalLM"], ["BloomModel"])
    return own and (checkpoint.adapter is None or is_plain(checkpoint.adapter))


def load_model(checkpoint: Checkpoint, device: str, dtype: str):
    """Return the model in evaluation mode on `device`, its adapter added.

    BLOOM is our own class; every other model is the transformers class that `config.json` names.
    Raises `InputError` if the weights do not fit the configuration.
    """
    import torch

    from polytune.models.adapters import add_lora, is_plain

    load = _load_bloom if uses_own_class(checkpoint) else _load_transformers
    model = load(checkpoint, getattr(torch, dtype))
    if checkpoint.adapter is not None:
        if is_plain(checkpoint.adapter):
            add_lora(model, checkpoint.adapter)
        else:
            from peft import PeftModel

            model = PeftModel.from_pretrained(model, checkpoint.adapter).get_base_model()
    return model.to(device).eval()


def _load_bloom(checkpoint: Checkpoint, dtype):
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from polytune.models.bloom import Bloom

    tensors = {}
    for path in weight_files(checkpoint.weights):
        try:
            tensors |= load_file(path)
        except (OSError, SafetensorError) as error:
            raise InputError(f"{path}: cannot be read: {error}") from error
    try:
        return Bloom.load(checkpoint.config, tensors, dtype)
    except KeyError as error:
        raise InputError(f"{checkpoint.weights}: the weights or config.json lack {error}, which BLOOM needs") from error
    except RuntimeError as error:
        raise InputError(f"{checkpoint.weights}: the weights do not fit config.json: {error}") from error


def _load_transformers(checkpoint: Checkpoint, dtype):
    import transformers

    name = next(iter(checkpoint.config.get("architectures") or []), None)
    model_class = getattr(transformers, name, None) if name else None
    if model_class is None:
        file = checkpoint.weights / "config.json"
        raise InputError(
            f"{file}: 'architectures' is {name!r}, which transformers {transformers.__version__} does not know"
        )
    fused = checkpoint.config.get("model_type") in TREE_ARCHITECTURES + ENCODER_DECODERS
    try:
        model, report = model_class.from_pretrained(
            checkpoint.weights,
            dtype=dtype,
            use_safetensors=True,
            local_files_only=True,
            output_loading_info=True,
            **({"attn_implementation": "sdpa"} if fused else {}),
        )
    except (OSError, ValueError, RuntimeError, json.JSONDecodeError) as error:
        raise InputError(f"{checkpoint.weights}: the model cannot be loaded: {error}") from error
    if report["missing_keys"]:
        missing = sorted(report["missing_keys"])[0]
        raise InputError(f"{checkpoint.weights}: the weights lack {missing}, which {name} needs")
    return model
