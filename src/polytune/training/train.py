"""Tune a base model on a mixture: full tuning or LoRA."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from polytune.mixtures.manifest import Mixture
from polytune.training.run import Hardware, Run, base_digest, check_hardware, execute
from polytune.training.spec import read_spec


def command(
    spec: Annotated[Path, typer.Option(help="spec.json of the run.")],
    mixture: Annotated[Path, typer.Option(help="Manifest of the mixture.")],
    tokens: Annotated[Path, typer.Option(help="Folder of token stores: {source}/{language}/.")],
    base: Annotated[Path, typer.Option(help="Directory of the base model (safetensors, tokenizer).")],
    output: Annotated[Path, typer.Option(help="Model directory to write.")],
    work: Annotated[Path, typer.Option(help="Folder for checkpoints in progress; empty again when the run is done.")],
    micro_batch_tokens: Annotated[int, typer.Option(help="Most tokens of one forward pass.")] = 8192,
    zero_stage: Annotated[int, typer.Option(help="DeepSpeed's ZeRO stage with more than one process (0-3).")] = 2,
    checkpoint_minutes: Annotated[float, typer.Option(help="Minutes between checkpoints; 0: only on a signal.")] = 30.0,
    checkpoint_updates: Annotated[int, typer.Option(help="Updates between checkpoints; 0: by time only.")] = 0,
    activation_checkpointing: Annotated[bool, typer.Option(help="Less memory for a third more computation.")] = False,
) -> None:
    """Tune a base model on a mixture (full or LoRA).

    One process per device: start it with torchrun or srun, which set RANK, WORLD_SIZE, LOCAL_RANK and MASTER_ADDR.
    """
    from polytune.training.model import load_base

    run_spec = read_spec(spec)
    hardware = Hardware(
        micro_batch_tokens, zero_stage, checkpoint_minutes or None, checkpoint_updates or None, activation_checkpointing
    )
    check_hardware(hardware)
    execute(
        Run(
            spec=run_spec,
            mixture=Mixture.read(mixture),
            tokens=tokens,
            tokenizer=base,
            config=base,
            base_digest=base_digest(base),
            output=output,
            work=work,
            hardware=hardware,
            make_model=lambda: load_base(base, half=_loads_half(run_spec)),
        )
    )


def _loads_half(spec) -> bool:
    """Frozen weights need no float32 copy: LoRA in bf16 loads the base in bf16."""
    return spec.method == "lora" and spec.hyperparameters.precision == "bf16"
