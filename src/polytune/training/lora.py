"""LoRA adapters through peft (imported only here: it takes seconds)."""

from __future__ import annotations

from pathlib import Path

import torch

from polytune.errors import InputError, nearest
from polytune.files import read_json, write_json
from polytune.models.architectures import ARCHITECTURES
from polytune.training.spec import Lora


def add_adapters(model, wanted: Lora, seed: int):
    """Return `model` with frozen weights and trainable adapters on the layers that `wanted` names.

    Without names these are the layers that compute queries, keys and values (`models.architectures`).

    Raises `InputError` if a target module does not exist or is the output layer, whose loss is computed without it.
    """
    import peft

    names = {
        name.rsplit(".", 1)[-1]
        for name, module in model.named_modules()
        if type(module).__name__ in ("Linear", "Conv1D")
    }
    head = next(name for name, module in model.named_modules() if module is model.get_output_embeddings())
    names.discard(head.rsplit(".", 1)[-1])
    targets = list(wanted.target_modules or ARCHITECTURES[model.config.model_type].query_key_value)
    for name in targets:
        if name not in names:
            raise InputError(
                f"'hyperparameters.lora.target_modules' names '{name}'; this model has "
                f"{', '.join(sorted(names))}{nearest(name, names)}"
            )
    torch.manual_seed(seed)
    return peft.get_peft_model(
        model,
        peft.LoraConfig(
            task_type="SEQ_2_SEQ_LM" if model.config.is_encoder_decoder else "CAUSAL_LM",
            r=wanted.r,
            lora_alpha=wanted.alpha,
            lora_dropout=wanted.dropout,
            target_modules=targets,
            fan_in_fan_out=model.config.model_type == "gpt2",  # its Conv1D layers store the transposed weight
        ),
    )


def name_base(directory: Path, base: str) -> None:
    """Put the base's name in a saved `adapter_config.json` in place of the path it was read from: adapters travel."""
    file = directory / "adapter_config.json"
    write_json(file, {**read_json(file), "base_model_name_or_path": base})
