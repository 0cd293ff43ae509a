"""Tiny runs for the tests of training: token stores, a mixture, a base model and a spec, written to a directory."""

from __future__ import annotations

import json
import os
import signal
import tempfile
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from polytune.files import write_json
from polytune.mixtures.manifest import Mixture, Part

VOCABULARY = 90
DECODERS = ("bloom", "gpt2", "llama", "mistral", "gpt_neox", "mixtral", "qwen3", "gemma3_text")
ENCODER_DECODERS = ("t5", "mt5")
# Adam divides by the gradient's size: parameters whose gradient is zero but for rounding (BLOOM's key biases) would
# move at random with the usual 1e-8, and no two ways of summing could be compared. Some gradients of these runs are
# longer than 1.2 and some are not: clipping happens, and does not hide a gradient of a wrong length.
STABLE = {"adam_epsilon": 1e-3, "max_gradient_norm": 1.2}


def tiny_config(kind: str, vocabulary: int = VOCABULARY):
    """Return the configuration of a tiny model of one architecture, without dropout."""
    import transformers

    if kind == "bloom":
        return transformers.BloomConfig(vocab_size=vocabulary, hidden_size=24, n_layer=2, n_head=4)
    if kind == "gpt2":
        return transformers.GPT2Config(
            vocab_size=vocabulary,
            n_embd=24,
            n_layer=2,
            n_head=4,
            n_positions=64,
            attn_pdrop=0,
            embd_pdrop=0,
            resid_pdrop=0,
        )
    common = {"vocab_size": vocabulary, "hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 2}
    if kind == "llama":
        return transformers.LlamaConfig(**common, num_attention_heads=4, num_key_value_heads=2)
    if kind == "mistral":
        return transformers.MistralConfig(**common, num_attention_heads=4, num_key_value_heads=2, sliding_window=None)
    if kind == "mixtral":
        return transformers.MixtralConfig(
            **common, num_attention_heads=4, num_key_value_heads=2, num_local_experts=4, sliding_window=None
        )
    if kind == "qwen3":
        return transformers.Qwen3Config(**common, num_attention_heads=4, num_key_value_heads=2, head_dim=8)
    if kind == "gemma3_text":  # layers over a window and over the whole row, as the model has them
        return transformers.Gemma3TextConfig(
            **common, num_attention_heads=4, num_key_value_heads=2, head_dim=8, query_pre_attn_scalar=8,
            sliding_window=32, layer_types=["sliding_attention", "full_attention"], pad_token_id=0, eos_token_id=1,
        )  # fmt: skip
    if kind == "gpt_neox":
        return transformers.GPTNeoXConfig(**common, num_attention_heads=4)
    return {"t5": transformers.T5Config, "mt5": transformers.MT5Config}[kind](
        vocab_size=vocabulary, d_model=24, d_kv=6, d_ff=40, num_layers=2, num_heads=4, dropout_rate=0.0,
        decoder_start_token_id=0, tie_word_embeddings=kind == "t5",
    )  # fmt: skip


def tiny_model(kind: str, seed: int = 0):
    """Return a tiny model whose weights are large enough that attention matters."""
    import torch
    from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

    torch.manual_seed(seed)
    auto = AutoModelForSeq2SeqLM if kind in ENCODER_DECODERS else AutoModelForCausalLM
    model = auto.from_config(tiny_config(kind), attn_implementation="eager")
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.normal_(std=0.15)
    model.tie_weights()
    return model


def write_tokenizer(directory: Path) -> Path:
    """Write a tokenizer of as many words as the tiny models know; return the directory."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = ["<pad>", "</s>", *(f"w{number}" for number in range(2, VOCABULARY))]
    tokenizer = Tokenizer(models.WordLevel({word: id for id, word in enumerate(words)}, unk_token="w2"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.add_special_tokens(words[:2])
    directory.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(directory / "tokenizer.json"))
    names = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "</s>", "pad_token": "<pad>"}
    (directory / "tokenizer_config.json").write_text(json.dumps(names))
    return directory


@cache
def tokenizer_digest() -> str:
    """Return the digest of that tokenizer."""
    from polytune.models.tokenizer import read_tokenizer

    with tempfile.TemporaryDirectory() as name:
        return read_tokenizer(write_tokenizer(Path(name))).digest


def write_store(
    directory: Path,
    rows: list[tuple[list[int], list[int]]],
    encoder_decoder: bool = False,
    vocabulary: int = VOCABULARY,
) -> None:
    """Write a token store of (prompt, response) rows in the layout of docs/architecture.md."""
    directory.mkdir(parents=True)
    tokens = [np.asarray([*prompt, *response], "<u2") for prompt, response in rows]
    np.concatenate(tokens).tofile(directory / "tokens.bin")
    np.save(directory / "offsets.npy", np.concatenate([[0], np.cumsum([len(row) for row in tokens])]).astype(np.int64))
    np.save(directory / "prompt_lengths.npy", np.asarray([len(prompt) for prompt, _ in rows], np.int32))
    np.save(directory / "keys.npy", np.arange(len(rows), dtype=np.uint64))
    write_json(
        directory / "index.json",
        {
            "rows": len(rows),
            "tokens": int(sum(map(len, tokens))),
            "dtype": "<u2",
            "highest_token_id": vocabulary - 1,
            "eos_token_id": 1,
            "encoder_decoder": encoder_decoder,
            "template": "test",
            "data_digest": "0" * 64,
            "tokenizer_digest": tokenizer_digest(),
        },
    )


def random_rows(count: int, seed: int = 0, longest: int = 14) -> list[tuple[list[int], list[int]]]:
    """Return rows of random tokens (prompt, response ending with token 1), with a pattern that can be learned."""
    generator = np.random.default_rng(seed)
    rows = []
    for _ in range(count):
        prompt, response = generator.integers(2, longest, 2)
        start = generator.integers(2, VOCABULARY)
        tokens = (start + np.arange(prompt + response)) % (VOCABULARY - 2) + 2
        rows.append((tokens[:prompt].tolist(), [*tokens[prompt:].tolist(), 1]))
    return rows


@dataclass
class Case:
    """Paths and options of a tiny run; `options()` are the command line's."""

    root: Path
    kind: str = "bloom"
    method: str = "full"
    hyperparameters: dict = field(default_factory=dict)
    model: dict | None = None  # of a base that is to be pre-trained

    def write(self, rows: int = 20) -> Case:
        """Write stores for two languages, the mixture, the base model and the spec."""
        encoder_decoder = self.kind in ENCODER_DECODERS
        parts = []
        for number, language in enumerate(("en", "fr")):
            part_rows = random_rows(rows // 2, seed=number)
            write_store(self.root / "tokens" / "test" / language, part_rows, encoder_decoder)
            parts.append(Part("test", language, "all", len(part_rows), "0" * 64))
        Mixture("test-02", "incremental", "test", ("en", "fr"), tuple(parts)).write(self.root / "mixture.json")
        model = tiny_model(self.kind)
        model.save_pretrained(self.root / "base")
        write_tokenizer(self.root / "base")
        self.write_spec()
        return self

    def write_spec(self, **changes) -> Path:
        """Write spec.json with changed hyperparameters; return its path."""
        values = {
            "learning_rate": 0.01,
            "epochs": 2,
            "global_batch_rows": 8,
            "max_length_tokens": 64,
            "warmup_ratio": 0.2,
            "scheduler": "cosine",
            "weight_decay": 0.01,
            "prompt_loss_weight": 0.0,
            **self.hyperparameters,
            **changes,
        }
        if self.method == "lora":
            values.setdefault("lora", {"r": 2, "alpha": 4, "dropout": 0.0, "target_modules": ["query_key_value"]})
        spec = {"base": "tiny", "method": self.method, "mixture": "test-02", "seed": 3, "hyperparameters": values}
        if self.model is not None:
            spec["model"] = self.model
        write_json(self.root / "spec.json", spec)
        return self.root / "spec.json"

    def options(self, output: str = "model", **changes) -> dict:
        """Return the arguments of `polytune.training.train.command`."""
        paths = {name: self.root / name for name in ("tokens", "base")}
        return {
            "spec": self.root / "spec.json",
            "mixture": self.root / "mixture.json",
            **paths,
            "output": self.root / output,
            "work": self.root / "work",
            **changes,
        }

    def pretrain_options(self, output: str = "model", **changes) -> dict:
        """Return the arguments of `polytune.training.pretrain.command`."""
        options = self.options(output, **changes)
        return {"tokenizer": options.pop("base"), **options}

    def arguments(self, output: str = "model", **changes) -> list[str]:
        """Return the same as command line arguments."""
        options = self.options(output, **changes)
        return ["train", *(f"--{name.replace('_', '-')}={value}" for name, value in options.items())]


def weights(directory: Path) -> dict:
    """Return the tensors of a model directory."""
    from safetensors.torch import load_file

    return load_file(next(directory.glob("*.safetensors")))


def assert_same_weights(one: Path, other: Path, rtol: float = 2e-5, atol: float = 2e-6) -> None:
    """Compare the tensors of two model directories."""
    import torch

    one, other = weights(one), weights(other)
    assert one.keys() == other.keys()
    for name in one:
        torch.testing.assert_close(one[name], other[name], rtol=rtol, atol=atol, msg=name)


def stop_after(monkeypatch, update: int, number: int = signal.SIGTERM) -> None:
    """Send this process a signal while it computes `update`."""
    from polytune.training import loop

    original = loop.compute_update

    def compute_update(engine, wanted):
        if wanted.number == update - 1:
            os.kill(os.getpid(), number)
        return original(engine, wanted)

    monkeypatch.setattr(loop, "compute_update", compute_update)


def interrupt(case: Case, monkeypatch, update: int, **changes) -> None:
    """Start the run of `case` and stop it after `update` updates; a checkpoint is left."""
    from polytune.training import train

    with monkeypatch.context() as patch:
        stop_after(patch, update)
        with pytest.raises(SystemExit):
            train.command(**case.options(**changes))
