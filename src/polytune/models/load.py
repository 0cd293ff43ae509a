"""Models with their weights, for training and for scoring, with few imports.

BLOOM and Llama are classes of our own, for scoring and for generation; every other model is transformers' class.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polytune.errors import InputError, reason
from polytune.models.architectures import known_architecture
from polytune.models.directory import ModelDirectory, read_config_file, weight_files

if TYPE_CHECKING:
    from polytune.models.layers import OwnModel

PRECISIONS = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}


def choose_precision(precision: str, device: str, config: dict[str, Any]) -> str:
    """Return the name of a torch type: `auto` is float32 on a CPU and the type of `config.json` elsewhere."""
    if precision != "auto":
        return PRECISIONS[precision]
    stored = config.get("dtype") or config.get("torch_dtype") or "float32"
    if device.startswith("cpu"):
        return "float32"
    if stored not in PRECISIONS.values():
        raise InputError(f"config.json: 'dtype' is {stored!r}; choose one of {', '.join(PRECISIONS)} with --precision")
    return stored


def load_scorer(model: ModelDirectory, device: str, dtype: str):
    """Return the model in evaluation mode on `device`, its adapter added.

    A model of our own takes plain LoRA; with another adapter it is transformers' class, and the adapter peft's. Raises
    `InputError` if the weights do not fit the configuration, or the adapter the model.
    """
    import torch

    from polytune.models.adapters import add_adapter, is_plain

    own = _own_class(model.config) if model.adapter is None or is_plain(model.adapter) else None
    load = load_transformers if own is None else partial(_load_own, own)
    loaded = load(model.weights, getattr(torch, dtype))
    if model.adapter is not None:
        model.check_base()
        loaded = add_adapter(loaded, model.adapter)
    return loaded.to(device).eval()


def load_transformers(directory: Path, dtype, attention: str | None = None):
    """Return transformers' model of a directory, its weights in `dtype`; no code of the directory is run.

    `attention` is the implementation by transformers' name; without it, the fused one for the architectures that we
    know. Raises `InputError` if files are missing, or tensors: transformers would go on with random values.
    """
    _, config = weight_files(directory), read_config_file(directory)
    if (directory / "adapter_config.json").is_file():
        raise InputError(f"{directory}: an adapter lies beside the weights and would be added unasked; move it away")
    if attention is None and known_architecture(config) is not None and config["model_type"] != "bloom":
        attention = "sdpa"
    try:
        model, report = _model_class(config, directory).from_pretrained(
            directory,
            dtype=dtype,
            use_safetensors=True,
            local_files_only=True,
            output_loading_info=True,
            **({} if attention is None else {"attn_implementation": attention}),
        )
    except Exception as error:  # of any library that reads the user's files
        raise InputError(f"{directory}: the model cannot be loaded: {reason(error)}") from error
    if missing := sorted(report["missing_keys"]):
        raise InputError(f"{directory}: {len(missing)} tensors of the model are not in its files, first {missing[0]}")
    if model.get_output_embeddings() is None:
        raise InputError(f"{directory}/config.json: {type(model).__name__} has no output layer, is no language model")
    return model


def _model_class(config: dict[str, Any], directory: Path):
    """Return the class that config.json names, with an output layer where it names the body alone."""
    import transformers

    names = config.get("architectures") or [None]
    name = names[0] if isinstance(names, list) else names
    known, found = known_architecture(config), getattr(transformers, name, None) if isinstance(name, str) else None
    if found is None and not (known and name is None):
        raise InputError(
            f"{directory / 'config.json'}: 'architectures' is {name!r}, which transformers {transformers.__version__} "
            "does not know"
        )
    if known is None or not (name is None or name.endswith("Model")):
        return found
    return transformers.AutoModelForSeq2SeqLM if known.encoder_decoder else transformers.AutoModelForCausalLM


def _own_class(config: dict[str, Any]) -> type[OwnModel] | None:
    """Return the class of ours that computes what config.json describes, None if there is none."""
    from polytune.models.bloom import Bloom
    from polytune.models.llama import Llama, is_plain_llama

    names = config.get("architectures")
    if config.get("quantization_config"):
        return None
    if names in (["BloomForCausalLM"], ["BloomModel"]):
        return Bloom
    return Llama if names in (["LlamaForCausalLM"], ["LlamaModel"]) and is_plain_llama(config) else None


def _load_own(kind: type[OwnModel], directory: Path, dtype) -> OwnModel:
    """Return a model of ours with the weights of a directory; raises `InputError` where they do not fit."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    tensors = {}
    for path in weight_files(directory):
        try:
            tensors |= load_file(path)
        except (OSError, SafetensorError) as error:
            raise InputError(f"{path}: cannot be read: {error}") from error
    try:
        return kind.load(read_config_file(directory), tensors, dtype)
    except KeyError as error:
        name = kind.__name__
        raise InputError(f"{directory}: the weights or config.json lack {error}, which {name} needs") from error
    except (RuntimeError, ValueError) as error:
        raise InputError(f"{directory}: the weights do not fit config.json: {reason(error)}") from error
