"""Tune a base model on a mixture: full tuning or LoRA."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from polytune.errors import InputError
from polytune.mixtures.manifest import Mixture
from polytune.training import options
from polytune.training.card import Origin
from polytune.training.run import Run, execute
from polytune.training.spec import read_spec


def command(
    spec: options.SpecFile,
    mixture: options.MixtureFile,
    tokens: options.Tokens,
    base: Annotated[Path, typer.Option(help="Directory of the base model (safetensors, tokenizer).")],
    output: options.Output,
    work: options.Work,
    micro_batch_tokens: options.MicroBatchTokens = options.Hardware.micro_batch_tokens,
    zero_stage: options.ZeroStage = options.Hardware.zero_stage,
    checkpoint_minutes: options.CheckpointMinutes = options.Hardware.checkpoint_minutes,
    checkpoint_updates: options.CheckpointUpdates = options.Hardware.checkpoint_updates,
    largest_cut_share: Annotated[
        float, typer.Option(min=0, max=1, help="Largest share of a language's rows whose answer may be cut.")
    ] = Run.largest_cut_share,
    hub_id: Annotated[str, typer.Option(help="The base's id on the hub, for the card.")] = "",
    licence: Annotated[str, typer.Option(help="The base's licence, for the card.")] = "",
    activation_checkpointing: Annotated[bool, typer.Option(help="Less memory for a third more computation.")] = False,
) -> None:
    """Tune a base model on a mixture (full or LoRA).

    One process per device: start it with torchrun or srun, which set RANK, WORLD_SIZE, LOCAL_RANK and MASTER_ADDR.
    """
    wanted = read_spec(spec)
    if wanted.model is not None:
        raise InputError(f"{spec}: key 'model' configures a new base (polytune pretrain-base); --base has its own")
    hardware = options.Hardware(
        micro_batch_tokens, zero_stage, checkpoint_minutes, checkpoint_updates, activation_checkpointing
    )
    others = {"largest_cut_share": largest_cut_share, "origin": Origin(hub_id, licence)}
    execute(Run(wanted, Mixture.read(mixture), tokens, base, base, output, work, hardware, **others))
