"""Pre-train a base model from random weights: a tiny base of the generated world."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from polytune.errors import InputError, nearest
from polytune.files import read_json, write_json
from polytune.mixtures.manifest import Mixture
from polytune.models.architectures import find_architecture
from polytune.models.tokenizer import read_tokenizer
from polytune.training import options
from polytune.training.run import Run, execute
from polytune.training.spec import read_spec
from polytune.training.startup import import_libraries

FROM_TOKENIZER = ("vocab_size", "pad_token_id", "eos_token_id", "bos_token_id", "decoder_start_token_id")


def command(
    spec: Annotated[Path, typer.Option(help="spec.json of the base: method full, and its configuration, 'model'.")],
    mixture: options.MixtureFile,
    tokens: options.Tokens,
    tokenizer: Annotated[Path, typer.Option(help="Directory with the tokenizer.")],
    output: options.Output,
    work: options.Work,
    micro_batch_tokens: options.MicroBatchTokens = options.Hardware.micro_batch_tokens,
    zero_stage: options.ZeroStage = options.Hardware.zero_stage,
    checkpoint_minutes: options.CheckpointMinutes = options.Hardware.checkpoint_minutes,
    checkpoint_updates: options.CheckpointUpdates = options.Hardware.checkpoint_updates,
) -> None:
    """Pre-train a base model from random weights."""
    wanted = read_spec(spec)
    if wanted.method != "full":
        raise InputError(f"{spec}: 'method' is '{wanted.method}'; a base model is pre-trained with 'full'")
    if wanted.model is None:
        raise InputError(f"{spec}: key 'model' is missing: transformers' configuration of the base to make")
    hardware = options.Hardware(micro_batch_tokens, zero_stage, checkpoint_minutes, checkpoint_updates)
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        write_json(base / "config.json", complete_config(wanted.model, tokenizer, f"{spec}: 'model"))
        check_config(base, f"{spec}: 'model'")
        execute(
            Run(wanted, Mixture.read(mixture), tokens, base, tokenizer, output, work, hardware, random_weights=True)
        )


def complete_config(model: dict, tokenizer: Path, place: str) -> dict:
    """Return transformers' configuration of a new base: `model`, and what the directory `tokenizer` decides.

    Raises `InputError`, which begins with `place`, for keys that the architecture does not have or the tokenizer
    decides.
    """
    import_libraries()
    from transformers import AutoConfig

    architecture = find_architecture(model, f"{place}'")
    default = AutoConfig.for_model(model["model_type"])
    known = {*default.to_dict(), *default.attribute_map, "seq_length"} - {*FROM_TOKENIZER}
    for key, value in model.items():
        if key in FROM_TOKENIZER:
            raise InputError(f"{place}.{key}' is {value!r}; the tokenizer decides it, leave it out")
        if key.startswith(("n_", "num_")) and isinstance(value, int) and value < 1:  # layers, heads, positions
            raise InputError(f"{place}.{key}' is {value}, it must be 1 or more")
        if key not in known:
            raise InputError(f"{place}.{key}' is no key of {model['model_type']}{nearest(key, known)}")
    made, named = read_tokenizer(tokenizer), read_json(tokenizer / "tokenizer_config.json")
    ids = made.backend.get_vocab(with_added_tokens=True)

    def token_id(name: str) -> int | None:
        token = named.get(name)
        return ids.get(token["content"] if isinstance(token, dict) else token)

    end = made.eos_token_id
    size = made.highest_token_id + 1
    config = {**model, "vocab_size": size, "pad_token_id": token_id("pad_token"), "eos_token_id": end}
    if not architecture.encoder_decoder:
        config["bos_token_id"] = end if token_id("bos_token") is None else token_id("bos_token")
    elif config["pad_token_id"] is None:
        raise InputError(f"{tokenizer}/tokenizer_config.json: 'pad_token' is no token; it starts the decoder")
    else:
        config["decoder_start_token_id"] = config["pad_token_id"]
    return config


def check_config(base: Path, place: str) -> None:
    """Raise `InputError`, which begins with `place`, if the configuration in `base` makes no model."""
    import torch

    from polytune.training.model import init_base

    try:
        with torch.device("meta"):  # shapes without numbers
            init_base(base, 0)
    except Exception as error:
        raise InputError(f"{place} makes no model: {' '.join(str(error).split())}") from error
