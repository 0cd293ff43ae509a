"""The options of `polytune train` and `polytune pretrain-base`."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from polytune.errors import InputError

SpecFile = Annotated[Path, typer.Option(help="spec.json of the run.")]
MixtureFile = Annotated[Path, typer.Option(help="Manifest of the mixture.")]
Tokens = Annotated[Path, typer.Option(help="Folder of token stores: {source}/{language}/.")]
Output = Annotated[Path, typer.Option(help="Model directory to write.")]
Work = Annotated[Path, typer.Option(help="Folder for checkpoints in progress; empty again when the run is done.")]
MicroBatchTokens = Annotated[int, typer.Option(help="Most tokens of one forward pass.")]
ZeroStage = Annotated[int, typer.Option(help="DeepSpeed's ZeRO stage with more than one process (0-3).")]
CheckpointMinutes = Annotated[float, typer.Option(help="Minutes between checkpoints; 0: only on a signal.")]
CheckpointUpdates = Annotated[int, typer.Option(help="Updates between checkpoints; 0: by time only.")]


@dataclass(frozen=True)
class Hardware:
    """What depends on the machine and not on the run; raises `InputError` for what cannot work."""

    micro_batch_tokens: int = 8192
    zero_stage: int = 2
    checkpoint_minutes: float = 15.0
    checkpoint_updates: int = 0
    activation_checkpointing: bool = False

    def __post_init__(self) -> None:
        if self.zero_stage not in (0, 1, 2, 3):
            raise InputError(f"--zero-stage is {self.zero_stage}, allowed are 0, 1, 2, 3")
        if self.micro_batch_tokens <= 0:
            raise InputError(f"--micro-batch-tokens is {self.micro_batch_tokens}, it must be above 0")
        for name in ("checkpoint_minutes", "checkpoint_updates"):
            if not 0 <= getattr(self, name) < math.inf:
                raise InputError(f"--{name.replace('_', '-')} is {getattr(self, name)}, it must be 0 or more")

    @property
    def processes(self) -> int:
        """Return the number of processes that train together (`WORLD_SIZE`, as torchrun and srun wrappers set it)."""
        return int(os.environ.get("WORLD_SIZE", "1"))

    @property
    def process(self) -> int:
        """Return the number of this process (`RANK`)."""
        return int(os.environ.get("RANK", "0")) if self.processes > 1 else 0
