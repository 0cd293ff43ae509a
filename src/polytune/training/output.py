"""The model directory that a run leaves: weights, tokenizer, card, logs and the manifest."""

from __future__ import annotations

import math
import os
import shutil
from pathlib import Path

import numpy as np

from polytune.errors import InputError
from polytune.files import atomic_directory, sha256_file, write_json
from polytune.machine import device_name, peak_memory_bytes
from polytune.models.directory import TOKENIZER_FILES
from polytune.models.tokenizer import read_tokenizer
from polytune.provenance import provenance
from polytune.training.batches import Updates
from polytune.training.card import write_card
from polytune.training.checkpoints import Progress
from polytune.training.engine import OneProcess
from polytune.training.lora import name_base
from polytune.training.startup import hide
from polytune.training.validation import Validator


def write_model(
    run, engine: OneProcess, updates: Updates, validator: Validator | None, progress: Progress, folder: Path
) -> None:
    """Write weights, tokenizer, card, logs and, last, the manifest; replace an older model directory in one step.

    Raises `InputError` if the run has computed other rows than it was asked to.
    """
    parts = describe_parts(updates, progress, folder)
    weights = engine.whole_weights()  # every process takes part where parameters are cut
    if engine.process:
        return
    staged = folder / "model"
    with hide("deepspeed"):  # one process has not loaded it, and need not to see that the model is not wrapped by it
        engine.model.save_pretrained(staged, state_dict=weights)
    with atomic_directory(run.output) as directory:
        for file in sorted(staged.iterdir()):
            if file.name != "README.md":  # peft's card without content
                shutil.move(file, directory / file.name)
        if run.spec.method == "lora":
            name_base(directory, run.spec.base)
        for name in TOKENIZER_FILES:
            if (run.tokenizer / name).is_file():
                shutil.copyfile(run.tokenizer / name, directory / name)
        _copy_logs(folder / "logs", directory / "logs")
        manifest = _manifest(run, updates, progress, directory) | {"parts": parts}
        if validator is not None:
            manifest["validation"] = validator.describe(progress)
        pipeline = "text2text-generation" if updates.rows.encoder_decoder else "text-generation"
        write_card(directory / "README.md", run.spec, run.mixture, manifest, pipeline, run.origin)
        write_json(directory / "manifest.json", manifest)
        _follow_umask(directory)
    print(
        f"{manifest['updates']} updates, {manifest['tokens']} tokens, loss {manifest['final_loss']}, "
        f"{manifest['wall_seconds']} s"
    )


def describe_parts(updates: Updates, progress: Progress, folder: Path) -> list[dict]:
    """Return, for each language of each source, the rows asked for and what was planned and consumed of them.

    Cut: answers that are cut, in one epoch. Asked: rows of the mixture's manifest that are not held out, times epochs.
    Planned: from the rows' lengths, the limits and the order of the run. Consumed: counted from the packs that were
    computed. Raises `InputError` where they differ.
    """
    rows, parts, cuts = updates.rows, updates.rows.mixture.parts, updates.rows.count_cut()
    names = [f"{part.source}/{part.language}" for part in parts]
    described = []
    for name in dict.fromkeys(names):
        places = [place for place, other in enumerate(names) if other == name]
        ours = np.isin(rows.owners, places)
        one_epoch = int(np.isin(updates.chosen, np.flatnonzero(ours)).sum())
        draws, supervised = updates.draws[ours], rows.supervised[ours]
        counted = {"rows": int(draws[supervised > 0].sum()), "supervised_tokens": int((draws * supervised).sum())}
        part = {
            "source": parts[places[0]].source,
            "language": parts[places[0]].language,
            "held_out_rows": sum(parts[i].rows for i in places) - one_epoch,
            "cut": cuts[name].to_json(),
            "asked": {"rows": round(one_epoch * updates.epochs, 6)},
            "planned": {**counted, "rows_without_loss": int(draws[supervised == 0].sum())},
            "consumed": {kind: getattr(progress, kind)[name] for kind in counted},
        }
        described.append(part)
        fewest, most = (one_epoch * whole(updates.epochs) for whole in (math.floor, math.ceil))
        if part["consumed"] != counted or not fewest <= draws.sum() <= most:
            told = ", ".join(f"{kind} {part[kind]}" for kind in ("asked", "planned", "consumed"))
            raise InputError(
                f"{name} was not trained as asked: {told}. No model is written; delete {folder} to begin anew"
            )
    if others := sorted(set(progress.rows) - set(names)):
        raise InputError(f"rows of {others[0]} were computed, which the mixture does not hold; no model is written")
    return described


def _copy_logs(source: Path, target: Path) -> None:
    """Copy TensorBoard's event files without the host's name, which they carry in theirs; one file per start."""
    target.mkdir()
    for number, file in enumerate(sorted(source.iterdir())):
        shutil.copyfile(file, target / f"events.out.tfevents.{number}")


def _follow_umask(directory: Path) -> None:
    """Let everybody read what the umask lets them read: safetensors writes files for their owner alone."""
    umask = os.umask(0)
    os.umask(umask)
    for file in directory.rglob("*"):
        if file.is_file():
            file.chmod(0o666 & ~umask)


def _manifest(run, updates: Updates, progress: Progress, directory: Path) -> dict:
    weights = sorted(directory.glob("*.safetensors"))
    if not weights:
        raise RuntimeError(f"no weights were saved in {directory}")
    tokens, supervised = updates.count_tokens()
    processes, energies = run.hardware.processes, progress.energy_joules
    return {
        "base": run.spec.base,
        "method": run.spec.method,
        "mixture": run.mixture.mixture,
        "seed": run.spec.seed,
        "spec": run.spec.content,
        "spec_digest": run.spec.digest,
        "mixture_digest": run.mixture.digest,
        "base_digest": run.base_digest,
        "tokenizer_digest": read_tokenizer(run.tokenizer, config=run.base).digest,
        "weights_sha256": {file.name: sha256_file(file) for file in weights},
        **updates.rows.counts,
        "updates": len(updates),
        "tokens": tokens,
        "supervised_tokens": supervised,
        "final_loss": round(sum(progress.logged) / len(progress.logged), 6),  # the last ten logged values
        "wall_seconds": round(progress.wall_seconds, 1),
        "device_hours": round(progress.wall_seconds * processes / 3600, 4),
        "devices": processes,
        "device": device_name(),
        "energy_joules": None if None in energies else round(sum(energies)),
        "peak_memory_bytes": peak_memory_bytes(),
        "micro_batch_tokens": updates.micro_batch_tokens,
        "zero_stage": run.hardware.zero_stage if processes > 1 else None,
        "provenance": provenance("torch", "transformers", "peft", "deepspeed", "numpy", "safetensors"),
    }
