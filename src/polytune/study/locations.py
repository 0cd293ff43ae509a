"""The directories that the configuration names for outside things, checked before anything is planned with them."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from polytune.config import tables
from polytune.config.identifiers import identifiers
from polytune.config.judges import judges
from polytune.config.prompts import prompt_sets
from polytune.errors import InputError, nearest


def check_locations(locations: dict, known: Collection[str]) -> None:
    """Raise `InputError` for a name that is in no table, or a directory that cannot be what it is said to be.

    `known` are the names of all bases.
    """
    for name in locations["sources"]:
        tables.find_row(tables.sources(), name, "configuration: locations.sources", "config/sources.tsv")
    named = (
        ("prompts", prompt_sets(), "config/prompts.tsv"),
        ("identifiers", identifiers(), "config/identifiers.tsv"),
        ("judges", judges(), "config/judges.yaml"),
    )
    for kind, rows, table in named:
        for name, path in locations[kind].items():
            tables.find_row(rows, name, f"configuration: locations.{kind}", table)
            if not Path(path).exists():
                raise InputError(f"configuration: locations.{kind}.{name}: {path}: no such file or directory")
    for name, path in locations["bases"].items():
        if name not in known:
            raise InputError(
                f"configuration: locations.bases: '{name}' is no base{nearest(name, known)}; "
                f"there are: {', '.join(known)}"
            )
        where = f"configuration: locations.bases.{name}: {path}"
        if not Path(path).is_dir():
            raise InputError(f"{where}: no such directory")
        if not (Path(path) / "config.json").is_file():
            raise InputError(f"{where}: holds no config.json, so it is no model directory")
        if not any(Path(path).glob("*.safetensors")):
            raise InputError(f"{where}: holds no weights (*.safetensors); only safetensors are loaded")
        if not (Path(path) / "tokenizer.json").is_file():
            raise InputError(
                f"{where}: holds no tokenizer.json; only fast tokenizers are supported. transformers makes one: "
                "AutoTokenizer.from_pretrained(DIR).save_pretrained(DIR)"
            )
    for name, path in locations["sources"].items():
        if "{language}" not in path and not Path(path).is_dir():
            raise InputError(f"configuration: locations.sources.{name}: {path}: no such directory")
    if (path := locations["benchmarks"]) and not Path(path).is_dir():
        raise InputError(f"configuration: locations.benchmarks: {path}: no such directory")
