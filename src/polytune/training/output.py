"""The model directory that a run leaves: weights, tokenizer, card, logs and the manifest."""

from __future__ import annotations

import shutil
from pathlib import Path

from polytune.files import atomic_directory, sha256_file, write_json
from polytune.machine import device_name, peak_memory_bytes
from polytune.provenance import provenance
from polytune.training.card import write_card
from polytune.training.lora import name_base
from polytune.training.model import TOKENIZER_FILES


def write_model(run, trainer, folder: Path) -> None:
    """Write weights, tokenizer, card, logs and, last, the manifest; replace an older model directory in one step."""
    staged = folder / "model"
    trainer.save_model(str(staged))  # every process takes part where parameters are sharded
    energies = trainer.gather(trainer.energy)
    if run.hardware.process:
        return
    with atomic_directory(run.output) as directory:
        for file in sorted(staged.iterdir()):
            if file.name not in ("training_args.bin", "README.md"):  # a pickle with paths; peft's card without content
                shutil.move(file, directory / file.name)
        if run.spec.method == "lora":
            name_base(directory, run.spec.base)
        for name in TOKENIZER_FILES:
            if (run.tokenizer / name).is_file():
                shutil.copyfile(run.tokenizer / name, directory / name)
        _copy_logs(folder / "logs", directory / "logs")
        manifest = _manifest(run, trainer, directory, energies)
        pipeline = "text2text-generation" if trainer.updates.rows.encoder_decoder else "text-generation"
        write_card(directory / "README.md", run.spec, run.mixture, manifest, pipeline)
        write_json(directory / "manifest.json", manifest)
    print(
        f"{manifest['updates']} updates, {manifest['tokens']} tokens, loss {manifest['final_loss']}, "
        f"{manifest['wall_seconds']} s"
    )


def _copy_logs(source: Path, target: Path) -> None:
    """Copy TensorBoard's event files without the host's name, which they carry in theirs; one file per start."""
    target.mkdir()
    for number, file in enumerate(sorted(source.iterdir())):
        shutil.copyfile(file, target / f"events.out.tfevents.{number}")


def _manifest(run, trainer, directory: Path, energies: list) -> dict:
    weights = sorted(directory.glob("*.safetensors"))
    if not weights:
        raise RuntimeError(f"no weights were saved in {directory}")
    updates = trainer.updates
    tokens, supervised = updates.count_tokens()
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    wall, processes = trainer.wall_seconds, run.hardware.processes
    return {
        "base": run.spec.base,
        "method": run.spec.method,
        "mixture": run.mixture.mixture,
        "seed": run.spec.seed,
        "spec_digest": run.spec.digest,
        "mixture_digest": run.mixture.digest,
        "base_digest": run.base_digest,
        "weights_sha256": {file.name: sha256_file(file) for file in weights},
        **updates.rows.counts,
        "updates": len(updates),
        "tokens": tokens,
        "supervised_tokens": supervised,
        "final_loss": round(sum(losses[-10:]) / len(losses[-10:]), 6),
        "wall_seconds": round(wall, 1),
        "device_hours": round(wall * processes / 3600, 4),
        "devices": processes,
        "device": device_name(),
        "energy_joules": None if None in energies else round(sum(energies)),
        "peak_memory_bytes": peak_memory_bytes(),
        "micro_batch_tokens": updates.micro_batch_tokens,
        "zero_stage": run.hardware.zero_stage if processes > 1 else None,
        "provenance": provenance("torch", "transformers", "accelerate", "peft", "deepspeed", "numpy", "safetensors"),
    }
