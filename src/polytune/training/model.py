"""Base models: load or initialise one, and make it compute packs instead of padded batches."""

from __future__ import annotations

from pathlib import Path
from types import MethodType

import torch

from polytune.errors import InputError
from polytune.files import read_json
from polytune.training.attention import ENCODER_DECODERS, check_architecture, install
from polytune.training.loss import weighted_nll

TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "spiece.model",
    "sentencepiece.bpe.model",
    "tokenizer.model",
    "vocab.json",
    "merges.txt",
    "added_tokens.json",
    "chat_template.jinja",
)


def read_config(directory: Path):
    """Return the transformers configuration in `directory`; raises `InputError` if it is absent or not supported."""
    from transformers import AutoConfig

    file = Path(directory) / "config.json"
    content = read_json(file)
    if "auto_map" in content:
        raise InputError(f"{file}: 'auto_map' asks for code from the model's repository; Polytune does not run it")
    if "model_type" not in content:
        raise InputError(f"{file}: 'model_type' is missing")
    check_architecture(content["model_type"], str(file))
    if content.get("output_router_logits"):
        raise InputError(f"{file}: 'output_router_logits' adds a loss that depends on the batch; set it to false")
    return AutoConfig.from_pretrained(directory, local_files_only=True)


def weight_files(directory: Path) -> list[Path]:
    """Return the safetensors files of a model directory; raises `InputError` if there are none or only pickles."""
    directory = Path(directory)
    if not directory.is_dir():
        raise InputError(f"{directory}: no such model directory")
    index = directory / "model.safetensors.index.json"
    if index.is_file():
        names = sorted(set(read_json(index)["weight_map"].values()))
        missing = [name for name in names if not (directory / name).is_file()]
        if missing:
            raise InputError(f"{directory}: {missing[0]} is missing, {index.name} names it")
        return [directory / name for name in names]
    if (directory / "model.safetensors").is_file():
        return [directory / "model.safetensors"]
    pickles = sorted(path.name for pattern in ("*.bin", "*.pt", "*.pth") for path in directory.glob(pattern))
    if pickles:
        raise InputError(
            f"{directory}: only {pickles[0]} found, which can run code when loaded; convert it to safetensors"
        )
    raise InputError(f"{directory}: no weights (model.safetensors or model.safetensors.index.json)")


def _model_class(config):
    from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

    return AutoModelForSeq2SeqLM if config.model_type in ENCODER_DECODERS else AutoModelForCausalLM


def load_base(directory: Path, half: bool = False):
    """Load a base model's safetensors in float32 (`half`: bfloat16); no code of the model's directory is run."""
    from safetensors import SafetensorError

    weight_files(directory)
    config = read_config(directory)
    try:
        model, report = _model_class(config).from_pretrained(
            directory,
            config=config,
            dtype=torch.bfloat16 if half else torch.float32,
            use_safetensors=True,
            local_files_only=True,
            attn_implementation="eager",
            output_loading_info=True,
        )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise InputError(f"{directory}: the model cannot be loaded: {error}") from error
    if report["missing_keys"]:  # transformers would go on with random values
        missing = sorted(report["missing_keys"])
        raise InputError(f"{directory}: {len(missing)} tensors of the model are not in its files, first {missing[0]}")
    return model


def init_base(config_directory: Path, seed: int):
    """Return a randomly initialised float32 model of `config.json`, the same for the same seed."""
    config = read_config(config_directory)
    config._attn_implementation = "eager"
    torch.manual_seed(seed)
    # not `from_config`: under ZeRO-3 it cuts the model before it draws the weights, in another order
    return _model_class(config)._model_mapping[type(config)](config).float()


def check_vocabulary(config, vocabulary: int, directory: Path) -> None:
    """Raise `InputError` if token ids can exceed the model's embedding."""
    if config.vocab_size < vocabulary:
        raise InputError(
            f"{directory}/config.json: 'vocab_size' is {config.vocab_size}, the tokens need {vocabulary}; "
            "were they made with another tokenizer?"
        )


def check_positions(config, longest: int, directory: Path) -> None:
    """Raise `InputError` if a row of `longest` tokens has more positions than the model has learned (GPT-2, mGPT)."""
    if config.model_type == "gpt2" and longest > config.n_positions:
        raise InputError(
            f"{directory}/config.json: 'n_positions' is {config.n_positions}, the longest row has {longest} tokens; "
            f"set max_length_tokens to {config.n_positions} or less"
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
