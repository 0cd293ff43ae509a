"""Pre-train a base model from random weights: the world's tiny base."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from polytune.errors import InputError
from polytune.files import digest, sha256_file
from polytune.mixtures.manifest import Mixture
from polytune.training.run import Hardware, Run, check_hardware, execute
from polytune.training.spec import read_spec


def command(
    spec: Annotated[Path, typer.Option(help="spec.json of the run (method: full).")],
    mixture: Annotated[Path, typer.Option(help="Manifest of the mixture of texts.")],
    tokens: Annotated[Path, typer.Option(help="Folder of token stores: {source}/{language}/.")],
    config: Annotated[Path, typer.Option(help="Directory with the config.json of the model.")],
    tokenizer: Annotated[Path, typer.Option(help="Directory with the tokenizer.")],
    output: Annotated[Path, typer.Option(help="Model directory to write.")],
    work: Annotated[Path, typer.Option(help="Folder for checkpoints in progress; empty again when the run is done.")],
    micro_batch_tokens: Annotated[int, typer.Option(help="Most tokens of one forward pass.")] = 8192,
    zero_stage: Annotated[int, typer.Option(help="DeepSpeed's ZeRO stage with more than one process (0-3).")] = 2,
    checkpoint_minutes: Annotated[float, typer.Option(help="Minutes between checkpoints; 0: only on a signal.")] = 30.0,
    checkpoint_updates: Annotated[int, typer.Option(help="Updates between checkpoints; 0: by time only.")] = 0,
) -> None:
    """Pre-train the world's tiny base model from random weights."""
    from polytune.training.model import init_base

    run_spec = read_spec(spec)
    if run_spec.method != "full":
        raise InputError(f"{spec}: 'method' is '{run_spec.method}'; a base model is pre-trained with 'full'")
    hardware = Hardware(micro_batch_tokens, zero_stage, checkpoint_minutes or None, checkpoint_updates or None)
    check_hardware(hardware)
    if not (config / "config.json").is_file():
        raise InputError(f"{config}: no config.json")
    execute(
        Run(
            spec=run_spec,
            mixture=Mixture.read(mixture),
            tokens=tokens,
            tokenizer=tokenizer,
            config=config,
            base_digest=digest(sha256_file(config / "config.json")),
            output=output,
            work=work,
            hardware=hardware,
            make_model=lambda: init_base(config, run_spec.seed),
        )
    )
