"""Model directories: what is in them and what identifies them. Imports neither torch nor transformers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from polytune.errors import InputError
from polytune.files import digest, read_json, sha256_file

TOKENIZERS = ("tokenizer.json", "spiece.model", "tokenizer.model", "sentencepiece.bpe.model", "vocab.json")
"""A directory with one of these has a tokenizer."""

TOKENIZER_FILES = (*TOKENIZERS, "merges.txt", "added_tokens.json", "special_tokens_map.json", "tokenizer_config.json")


@dataclass(frozen=True)
class Checkpoint:
    """A model to evaluate: a directory of full weights, or an adapter with the directory of its base."""

    weights: Path
    """Directory with `config.json` and the full weights."""
    adapter: Path | None
    """Directory with `adapter_config.json` and `adapter_model.safetensors`, if the model is a base with an adapter."""

    @property
    def directory(self) -> Path:
        """Return the directory that the user named."""
        return self.adapter or self.weights

    @property
    def tokenizer(self) -> Path:
        """Return the directory of the tokenizer: the adapter's own if it has one."""
        return next((path for path in (self.directory, self.weights) if _has_tokenizer(path)), self.weights)

    @cached_property
    def config(self) -> dict[str, Any]:
        """Return `config.json` of the weights."""
        return read_json(self.weights / "config.json")

    @cached_property
    def digest(self) -> str:
        """Return a SHA-256 that identifies weights, configuration and tokenizer.

        A directory with a `manifest.json` (written last by training) is identified by it and by the sizes of its weight
        files; any other by the bytes of its weight files.
        """
        return digest([_directory_digest(path) for path in (self.weights, self.adapter) if path is not None])


def find_checkpoint(model: Path, base: Path | None) -> Checkpoint:
    """Return the checkpoint at `model`; `base` overrides the base that an adapter names.

    Raises `InputError` if the directory, its configuration, its weights, its tokenizer or its base are missing.
    """
    if not model.is_dir():
        raise InputError(f"--model: {model}: no such directory")
    if not (model / "adapter_config.json").is_file():
        if base is not None:
            raise InputError(f"--base: {model} holds no adapter (no adapter_config.json), so it needs no base")
        checkpoint = Checkpoint(model, None)
    else:
        checkpoint = Checkpoint(base or _named_base(model), model)
        if not (model / "adapter_model.safetensors").is_file():
            raise InputError(f"{model}: the adapter has no weights (adapter_model.safetensors)")
    _check_weights(checkpoint.weights)
    if "auto_map" in checkpoint.config:
        raise InputError(
            f"{checkpoint.weights}/config.json: 'auto_map' asks for code of the model's repository; it is not run"
        )
    if not _has_tokenizer(checkpoint.tokenizer):
        raise InputError(f"{checkpoint.directory}: no tokenizer (none of {', '.join(TOKENIZERS)})")
    return checkpoint


def weight_files(directory: Path) -> list[Path]:
    """Return the safetensors files of a directory, sorted."""
    return sorted(directory.glob("*.safetensors"))


def _named_base(adapter: Path) -> Path:
    """Return the base directory that an adapter's configuration names."""
    file = adapter / "adapter_config.json"
    named = read_json(file).get("base_model_name_or_path")
    if not named:
        raise InputError(f"{file}: 'base_model_name_or_path' is empty; name the base with --base DIR")
    for candidate in (Path(named), adapter / named):
        if candidate.is_dir():
            return candidate
    raise InputError(
        f"{file}: 'base_model_name_or_path' is '{named}', which is no directory here; name it with --base DIR"
    )


def _check_weights(directory: Path) -> None:
    if not (directory / "config.json").is_file():
        raise InputError(f"{directory}: no config.json, so this is no model directory")
    index = directory / "model.safetensors.index.json"
    if index.is_file():
        for name in sorted(set(read_json(index)["weight_map"].values())):
            if not (directory / name).is_file():
                raise InputError(f"{directory}: {name} is missing, {index.name} names it")
    elif not (directory / "model.safetensors").is_file():
        pickles = sorted(path.name for pattern in ("*.bin", "*.pt", "*.pth") for path in directory.glob(pattern))
        reason = f"; {pickles[0]} can run code when loaded: convert it to safetensors" if pickles else ""
        raise InputError(f"{directory}: no weights (model.safetensors or model.safetensors.index.json){reason}")


def _has_tokenizer(directory: Path) -> bool:
    return any((directory / name).is_file() for name in TOKENIZERS)


def _directory_digest(directory: Path) -> str:
    """Return a digest of the files that decide what the model computes."""
    names = ("config.json", "adapter_config.json", "manifest.json", *TOKENIZER_FILES)
    small = {name: sha256_file(directory / name) for name in names if (directory / name).is_file()}
    if "manifest.json" in small:
        large: dict[str, Any] = {path.name: path.stat().st_size for path in weight_files(directory)}
    else:
        large = {path.name: sha256_file(path) for path in weight_files(directory)}
    return digest({"files": small, "weights": large})
