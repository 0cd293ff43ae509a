"""`polytune add-base`: a model directory as a base of the user's own."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Annotated, Any

import typer

from polytune.data.chat import read_chat_template
from polytune.data.templates import CHAT
from polytune.errors import InputError
from polytune.languages.codes import split_languages
from polytune.models.architectures import find_architecture
from polytune.models.directory import ModelDirectory, weight_files
from polytune.models.tokenizer import read_tokenizer
from polytune.own.writing import write_entries
from polytune.readers.yaml import read_front_matter

LAYERS = ("num_hidden_layers", "n_layer", "num_layers")
HIDDEN = ("hidden_size", "n_embd", "d_model")
"""What `config.json` calls the number of layers and their width, depending on the architecture."""


def describe_base(directory: Path) -> dict[str, Any]:
    """Return the columns of `config/bases.tsv` that a model directory tells; raises `InputError` for what cannot be.

    The directory is looked at as training will: architecture, weights, tokenizer, and whether the two fit each other.
    """
    model = ModelDirectory.find(directory)
    if model.adapter is not None:
        raise InputError(f"{directory}: is an adapter; a base has full weights")
    config, file = model.config, directory / "config.json"
    architecture = find_architecture(config, file)
    tokenizer = read_tokenizer(directory)
    if tokenizer.highest_token_id >= config.get("vocab_size", math.inf):
        raise InputError(
            f"{file}: 'vocab_size' is {config['vocab_size']}, the tokenizer has ids up to {tokenizer.highest_token_id}"
        )
    _ = tokenizer.eos_token_id  # raises where rows could not be ended
    card = read_front_matter(directory / "README.md") if (directory / "README.md").is_file() else {}
    licence = card.get("license")
    return {
        "architecture": "encoder-decoder" if architecture.encoder_decoder else "decoder",
        "location": str(directory.resolve()),
        "parameters": count_parameters(directory),
        "layers": _first(config, LAYERS),
        "hidden": _first(config, HIDDEN),
        "licence": licence if isinstance(licence, str) else "other",
    }


def count_parameters(directory: Path) -> int:
    """Return the parameters of a model directory, from the headers of its safetensors files: tied ones count once."""
    total = 0
    for file in weight_files(directory):
        with open(file, "rb") as stream:
            header = json.loads(stream.read(int.from_bytes(stream.read(8), "little")))
        total += sum(math.prod(tensor["shape"]) for name, tensor in header.items() if name != "__metadata__")
    return total


def _first(config: dict[str, Any], names: tuple[str, ...]) -> int | None:
    return next((config[name] for name in names if isinstance(config.get(name), int)), None)


def name_of(directory: Path) -> str:
    """Return the name of a directory as a name of a base: small letters, digits, dots and dashes."""
    return re.sub("[^a-z0-9.]+", "-", directory.resolve().name.lower()).strip("-.")


def command(
    directory: Annotated[Path, typer.Argument(help="Model directory: config.json, safetensors, tokenizer.json.")],
    config: Annotated[Path, typer.Option("--configfile", help="Your configuration file; made if it is not there.")],
    name: Annotated[str, typer.Option(help="Its name in studies. Default: the directory's.")] = "",
    hub_id: Annotated[str, typer.Option(help="Where it comes from on the hub, for the cards of tuned models.")] = "",
    licence: Annotated[str, typer.Option(help="Licence. Default: what README.md says.")] = "",
    languages: Annotated[
        str,
        typer.Option(help="Languages of its pre-training, comma-separated, as far as they are documented."),
    ] = "",
    tokenizer: Annotated[
        str, typer.Option(help="Name of its tokenizer, if it shares one with another base. Default: its own name.")
    ] = "",
    chat: Annotated[
        bool, typer.Option(help="Tune and prompt it with the chat template of its tokenizer, whatever a study names.")
    ] = False,
) -> None:
    """Add a base of your own to a configuration; everything that its files tell is read from them."""
    name = name or name_of(directory)
    row = describe_base(directory)
    row |= {"tokenizer": tokenizer or name, "licence": licence or row["licence"]}
    row["location"] = hub_id or row["location"]
    if chat:
        read_chat_template(read_tokenizer(directory))  # raises for one that rows cannot follow
        row["template"] = CHAT
    if seen := split_languages(languages, "--languages"):
        row["pretraining_languages"] = seen
    row = {key: value for key, value in row.items() if value is not None}
    entries = [(("own", "bases", name), row), (("locations", "bases", name), str(directory.resolve()))]
    write_entries(config, entries)
    print(f"{config}: base '{name}': {row['parameters']:,} parameters, {row['architecture']}, licence {row['licence']}")
    if not seen:
        print("No language counts as seen in its pre-training; say which are: --languages en,fr")
