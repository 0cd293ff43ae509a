"""Base models: load or initialise one, and make it compute packs instead of padded batches."""

from __future__ import annotations

from pathlib import Path
from types import MethodType

import torch

from polytune.errors import InputError, reason
from polytune.models.architectures import ARCHITECTURES, find_architecture, is_encoder_decoder
from polytune.models.directory import read_config_file
from polytune.models.load import load_transformers
from polytune.training.architectures import install
from polytune.training.loss import weighted_nll


def read_config(directory: Path):
    """Return the transformers configuration in `directory`; raises `InputError` if it is absent or not supported."""
    from transformers import AutoConfig

    file = Path(directory) / "config.json"
    content = read_config_file(Path(directory))
    find_architecture(content, file)
    if content.get("output_router_logits"):
        raise InputError(f"{file}: 'output_router_logits' adds a loss that depends on the batch; set it to false")
    try:
        return AutoConfig.from_pretrained(directory, local_files_only=True)
    except Exception as error:  # of the library that reads the user's file
        raise InputError(f"{file}: {reason(error)}") from error


def load_base(directory: Path, half: bool = False):
    """Load a base model's safetensors in float32 (`half`: bfloat16); no code of the model's directory is run."""
    read_config(directory)
    return load_transformers(Path(directory), torch.bfloat16 if half else torch.float32, "eager")


def init_base(config_directory: Path, seed: int):
    """Return a randomly initialised float32 model of `config.json`, the same for the same seed."""
    from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

    config = read_config(config_directory)
    config._attn_implementation = "eager"
    torch.manual_seed(seed)
    # not `from_config`: under ZeRO-3 it cuts the model before it draws the weights, in another order
    auto = AutoModelForSeq2SeqLM if is_encoder_decoder(config.model_type) else AutoModelForCausalLM
    return auto._model_mapping[type(config)](config).float()


def check_vocabulary(config, vocabulary: int, directory: Path) -> None:
    """Raise `InputError` if token ids can exceed the model's embedding."""
    if config.vocab_size < vocabulary:
        raise InputError(
            f"{directory}/config.json: 'vocab_size' is {config.vocab_size}, the tokens need {vocabulary}; "
            "were they made with another tokenizer?"
        )


def check_positions(config, longest: int, directory: Path) -> None:
    """Raise `InputError` if a row of `longest` tokens has more positions than the model has learned (GPT-2, mGPT)."""
    key = ARCHITECTURES[config.model_type].positions
    if key is not None and longest > getattr(config, key):
        raise InputError(
            f"{directory}/config.json: '{key}' is {getattr(config, key)}, the longest row has {longest} tokens; "
            f"set max_length_tokens to {getattr(config, key)} or less"
        )


def compute_packs(model) -> None:
    """Make `model(pack=...)` return the pack's weighted negative log-likelihood instead of logits.

    The output layer is called as a module of its own (so ZeRO-3 gathers its weight for the call), but computes the
    loss.
    """
    context = install(model)
    head = model.get_output_embeddings()
    if type(head) is not torch.nn.Linear or head.bias is not None:
        raise InputError(f"the output layer of {type(model).__name__} is not a plain linear layer without bias")
    # tied T5 models (not mT5 or T5 v1.1) scale the decoder's output
    scale = model.model_dim**-0.5 if getattr(model.config, "scale_decoder_outputs", False) else None

    def loss_of(self, hidden, targets, weights):
        return weighted_nll(hidden, self.weight, targets, weights)

    def forward(self, pack, **unused):
        context.decoder, context.encoder, context.predict = pack.layout, pack.source_layout, pack.predict
        context.positions = pack.position_ids[0]
        if pack.source_ids is None:
            output = self.base_model(input_ids=pack.input_ids, position_ids=pack.position_ids, use_cache=False)
            hidden = output.last_hidden_state
        else:
            encoded = self.encoder(input_ids=pack.source_ids).last_hidden_state
            hidden = self.decoder(
                input_ids=pack.input_ids, encoder_hidden_states=encoded, use_cache=False
            ).last_hidden_state
        chosen = hidden[0] if context.trimmed else hidden[0].index_select(0, pack.predict)
        return self.lm_head(chosen if scale is None else chosen * scale, pack.targets, pack.weights)

    head.forward = MethodType(loss_of, head)
    model.forward = MethodType(forward, model)
