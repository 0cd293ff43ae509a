"""What a command is given of the configuration: files and values on top of `config/config.yaml`, as for snakemake."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from polytune.config.settings import merge_config

CONFIG = Path("config/config.yaml")
Files = Annotated[list[Path] | None, typer.Option("--configfile", help="Configuration on top of config/config.yaml.")]
Values = Annotated[
    list[str] | None, typer.Option("--config", help="KEY=VALUE on top of it, as for snakemake --config.")
]


@dataclass(frozen=True)
class Given:
    """Configuration files and `KEY=VALUE` assignments, later ones over earlier ones."""

    files: Sequence[Path] = ()
    values: Sequence[str] = ()

    @classmethod
    def of(cls, files: Sequence[Path] | None, values: Sequence[str] | None) -> Given:
        """Return what the options of a command hold, which are None where they were not given."""
        return cls(files or (), values or ())

    def merge(self) -> dict:
        """Return the values as the workflow merges them; raises `InputError` as `merge_config` does."""
        return merge_config([CONFIG, *self.files], self.values)

    def words(self) -> list[str]:
        """Return the options that give snakemake the same."""
        files = ["--configfile", *map(str, self.files)] if self.files else []
        return files + (["--config", *self.values] if self.values else [])

    def call(self, *options: str) -> str:
        """Return the command line that gives snakemake the same, up to its targets."""
        words = self.words()
        return f"snakemake {shlex.join([*options, *words, *(['--'] if words else [])])}"
