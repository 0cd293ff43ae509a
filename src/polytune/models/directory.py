"""Model directories: what lies in one, what identifies it, and what is refused. Imports neither torch nor transformers.

A directory holds `config.json`, weights in safetensors and a tokenizer; an adapter's holds `adapter_config.json`, its
weights and, mostly, the base's tokenizer. Only files that are named are read (`weight_files`), never what a pattern
finds: an older save may have left shards behind. Pickles and code of a repository are refused.

Everything that opens a model begins with `ModelDirectory.find`. Scoring and generation go on with
`models.load.load_scorer` and `models.tokenizer.read_tokenizer`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from polytune.errors import InputError
from polytune.files import digest, read_json, sha256_file
from polytune.readers.text import first_bytes

SENTENCEPIECE = ("spiece.model", "tokenizer.model", "sentencepiece.bpe.model")
TOKENIZERS = ("tokenizer.json", *SENTENCEPIECE, "vocab.json")
"""A directory with one of these has a tokenizer."""

TOKENIZER_FILES = (
    *TOKENIZERS,
    "merges.txt",
    "added_tokens.json",
    "special_tokens_map.json",
    "tokenizer_config.json",
    "chat_template.jinja",
)

WEIGHTS, INDEX, ADAPTER = "model.safetensors", "model.safetensors.index.json", "adapter_model.safetensors"

HASHED_BYTES = 2**26
"""Files up to this size are hashed whenever they are asked for, which takes no time; larger ones if there is doubt."""


@dataclass(frozen=True)
class ModelDirectory:
    """A model: a directory of full weights, or an adapter with the directory of its base."""

    weights: Path
    """Directory with `config.json` and the full weights."""
    adapter: Path | None = None
    """Directory with `adapter_config.json` and `adapter_model.safetensors`, if the model is a base with an adapter."""

    @classmethod
    def find(cls, model: Path, base: Path | None = None) -> ModelDirectory:
        """Return the model at `model`; `base` overrides the base that an adapter names.

        Raises `InputError` if the directory, its configuration, its weights, its tokenizer or its base are missing, or
        are not what they have to be.
        """
        if not model.is_dir():
            raise InputError(f"--model: {model}: no such directory")
        if not (model / "adapter_config.json").is_file():
            if base is not None:
                raise InputError(f"--base: {model} holds no adapter (no adapter_config.json), so it needs no base")
            found = cls(model)
        else:
            found = cls(base or _named_base(model), model)
            if (found.weights / "adapter_config.json").is_file():
                raise InputError(f"{found.weights}: is an adapter itself; the base of {model} must have full weights")
            _check_file(model / ADAPTER, f"{model}: the adapter has no weights ({ADAPTER})")
        _ = found.config, weight_files(found.weights)  # raises for what is wrong with them
        if not _has_tokenizer(found.tokenizer):
            raise InputError(f"{found.directory}: no tokenizer (none of {', '.join(TOKENIZERS)})")
        return found

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
        return read_config_file(self.weights)

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """Return what training wrote about the model; empty for one from elsewhere."""
        file = self.directory / "manifest.json"
        return read_object(file) if file.is_file() else {}

    @cached_property
    def digest(self) -> str:
        """Return a SHA-256 of the content that decides what the model computes: weights, configuration, tokenizer."""
        return digest([_content(path) for path in (self.weights, self.adapter) if path is not None])

    def check_base(self) -> None:
        """Raise `InputError` if training says that this adapter belongs to another base than the one at hand."""
        wanted = self.manifest.get("base_digest")
        if self.adapter is not None and wanted is not None and wanted != (found := base_digest(self.weights)):
            raise InputError(
                f"{self.adapter}: was trained on another base than {self.weights} (digests of configuration and "
                f"weights {wanted[:12]}... and {found[:12]}...); name its own base with --base DIR"
            )


def read_object(file: Path) -> dict[str, Any]:
    """Return a JSON file that holds an object; raises `InputError` for any other."""
    content = read_json(file)
    if not isinstance(content, dict):
        raise InputError(f"{file}: is no object of keys and values")
    return content


def read_config_file(directory: Path) -> dict[str, Any]:
    """Return `config.json`; raises `InputError` if it is missing, asks for code, or names weights of its own."""
    file = directory / "config.json"
    if not file.is_file():
        raise InputError(f"{file}: no such file; no config.json, no model directory")
    config = read_object(file)
    if "auto_map" in config:
        raise InputError(f"{file}: 'auto_map' asks for code of the model's repository; Polytune does not run it")
    if "transformers_weights" in config:
        raise InputError(
            f"{file}: 'transformers_weights' is {config['transformers_weights']!r}; Polytune reads {WEIGHTS} or what "
            f"{INDEX} names: remove the key"
        )
    return config


def weight_files(directory: Path) -> list[Path]:
    """Return the safetensors files of a model directory: what its index names, or the single file.

    Raises `InputError` if one is missing or a pointer, lies elsewhere, or if there are none or only pickles.
    """
    directory = Path(directory)
    if not directory.is_dir():
        raise InputError(f"{directory}: no such model directory")
    index, single = directory / INDEX, directory / WEIGHTS
    if index.is_file():
        names = sorted(set(_weight_map(index).values()))
        for name in names:
            if os.path.isabs(name) or os.path.normpath(name).startswith(".."):
                raise InputError(f"{index}: names {name}, which lies outside of the model directory")
            _check_file(directory / name, f"{directory}: {name} is missing, {INDEX} names it")
        if single.is_file() and WEIGHTS not in names:
            raise InputError(
                f"{directory}: {WEIGHTS} and {INDEX}, which does not name it: two saves in one directory; remove the "
                "older one"
            )
        return [directory / name for name in names]
    if single.is_file():
        return [_check_file(single)]
    pickles = sorted(path.name for pattern in ("*.bin", "*.pt", "*.pth") for path in directory.glob(pattern))
    if pickles:
        raise InputError(
            f"{directory}: no weights ({WEIGHTS} or {INDEX}): only {pickles[0]} found, which can run code when loaded; "
            "convert it to safetensors"
        )
    raise InputError(f"{directory}: no weights ({WEIGHTS} or {INDEX})")


def base_digest(directory: Path) -> str:
    """Return a SHA-256 of a base model's configuration and weights; raises `InputError` for what is wrong with them."""
    directory = Path(directory)
    read_config_file(directory)
    return digest([sha256_file(directory / "config.json"), hash_weights(directory, weight_files(directory))])


def hash_weights(directory: Path, files: list[Path]) -> dict[str, str]:
    """Return the SHA-256 of weight files by name.

    A large file that has not been touched since `manifest.json` was written has the one that the manifest says: hashing
    14 GB at every start would cost minutes. Raises `InputError` if the content is not what the manifest says.
    """
    manifest = directory / "manifest.json"
    said = (read_object(manifest).get("weights_sha256") or {}) if manifest.is_file() else {}
    found = {}
    for file in files:
        name, state = str(file.relative_to(directory)), file.stat()
        # the time of change of the inode, which copying and renaming cannot set back
        trusted = name in said and state.st_size > HASHED_BYTES and state.st_ctime_ns <= manifest.stat().st_ctime_ns
        found[name] = said[name] if trusted else sha256_file(file)
        if said.get(name, found[name]) != found[name]:
            raise InputError(
                f"{file}: is not the file that {manifest.name} describes (SHA-256 {found[name][:12]}..., there "
                f"{said[name][:12]}...): it was replaced or damaged; make or fetch the model again, or remove "
                f"{manifest.name} if the weights are meant"
            )
    return found


def _check_file(file: Path, missing: str = "") -> Path:
    if not file.is_file():
        raise InputError(missing)
    first_bytes(file, 0)  # raises for a pointer of Git LFS
    return file


def _weight_map(index: Path) -> dict[str, str]:
    """Return which file holds each tensor."""
    found = read_object(index).get("weight_map")
    if not isinstance(found, dict) or not found or not all(isinstance(name, str) for name in found.values()):
        raise InputError(f"{index}: 'weight_map' must say the file of every tensor")
    return found


def _named_base(adapter: Path) -> Path:
    """Return the base directory that an adapter's configuration names."""
    file = adapter / "adapter_config.json"
    named = read_object(file).get("base_model_name_or_path")
    if not named or not isinstance(named, str):
        raise InputError(f"{file}: 'base_model_name_or_path' is {named!r}; name the base with --base DIR")
    for candidate in (Path(named), adapter / named):
        if candidate.is_dir():
            return candidate
    raise InputError(
        f"{file}: 'base_model_name_or_path' is '{named}', which is no directory here; name it with --base DIR"
    )


def _has_tokenizer(directory: Path) -> bool:
    return any((directory / name).is_file() for name in TOKENIZERS)


def _content(directory: Path) -> dict[str, Any]:
    """Return the digests of the files of one directory that decide what the model computes."""
    names = ("config.json", "adapter_config.json", *TOKENIZER_FILES)
    small = {name: sha256_file(directory / name) for name in names if (directory / name).is_file()}
    adapter = directory / ADAPTER
    files = [adapter] if "adapter_config.json" in small else weight_files(directory)
    return {"files": small, "weights": hash_weights(directory, files)}
