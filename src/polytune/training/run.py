"""The engine of `polytune train` and `polytune pretrain-base`: one run, from its inputs to `model/`."""

from __future__ import annotations

import contextlib
import gc
import os
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path

from polytune.errors import InputError
from polytune.files import digest, sha256_file
from polytune.mixtures.manifest import Mixture
from polytune.training.card import Origin
from polytune.training.options import Hardware
from polytune.training.spec import Spec
from polytune.training.startup import import_libraries, without_collection


@dataclass(frozen=True)
class Run:
    """A run and where its files are; `base` has config.json and, unless the weights are drawn at random, weights."""

    spec: Spec
    mixture: Mixture
    tokens: Path
    base: Path
    tokenizer: Path
    output: Path
    work: Path
    hardware: Hardware
    random_weights: bool = False
    largest_cut_share: float = 1.0
    """Largest share of a language's rows whose answer may be cut."""
    origin: Origin = field(default_factory=Origin)

    @cached_property
    def base_digest(self) -> str:
        """Return a digest of config.json and of the weights."""
        from polytune.models.directory import base_digest

        return digest(sha256_file(self.base / "config.json")) if self.random_weights else base_digest(self.base)

    @property
    def digest(self) -> str:
        """Return a digest of all that decides the weights, which a resumed run must share: 16 hexadecimal digits."""
        return digest({"spec": self.spec.digest, "mixture": self.mixture.digest, "base": self.base_digest})[:16]


def execute(run: Run) -> None:
    """Train `run` (or resume it from its newest good checkpoint) and write its model directory."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # everything is local; no library may ask the hub for what it misses
    with without_collection():
        import_libraries()
        from polytune.cluster.guard import own_work
        from polytune.training import checkpoints
        from polytune.training.loop import train
        from polytune.training.output import write_model

    first = run.hardware.process == 0
    folder = checkpoints.run_folder(run.work, run.digest, run.hardware.processes, run.hardware.zero_stage)
    updates, validator = plan_updates(run, folder)
    with checkpoints.report_failed_write(folder), own_work(run.work) if first else contextlib.nullcontext():
        if first:
            checkpoints.check_geometry(folder)
        folder.mkdir(parents=True, exist_ok=True)
        with without_collection():
            engine = start_engine(run)
        checkpoint = engine.gather(checkpoints.latest_checkpoint(folder) if first else None)[0]
        if checkpoint is not None:
            print(f"resuming from {checkpoint}", flush=True)

        progress = train(engine, updates, validator, run.hardware, folder, checkpoint)
        with checkpoints.report_failed_write(run.output):
            write_model(run, engine, updates, validator, progress, folder)
        engine.leave()
        if first:
            checkpoints.remove_folders(run.work)
    gc.freeze()  # what is left needs no collection at exit


def plan_updates(run: Run, folder: Path):
    """Return the updates of `run` and what measures it on held-out rows, if anything does.

    The rows and the base's configuration are checked against each other.
    """
    from polytune.data.cutting import check_cut
    from polytune.models.tokenizer import read_tokenizer
    from polytune.training.batches import Updates
    from polytune.training.loop import SHRUNK
    from polytune.training.model import check_positions, check_vocabulary, read_config
    from polytune.training.rows import Limits, Rows
    from polytune.training.validation import Validator, split_rows

    hyper, hardware, config = run.spec.hyperparameters, run.hardware, read_config(run.base)
    if run.spec.mixture != run.mixture.mixture:
        raise InputError(f"the spec's 'mixture' is '{run.spec.mixture}', --mixture is that of '{run.mixture.mixture}'")
    limits = Limits(hyper.max_length_tokens, hyper.max_source_length_tokens, hyper.prompt_loss_weight)
    rows = Rows(run.mixture, run.tokens, limits, encoder_decoder=bool(config.is_encoder_decoder))
    cuts = rows.count_cut()
    if hardware.process == 0:
        for name, cut in cuts.items():
            if cut.share:
                print(f"{name}: {cut}, at {hyper.max_length_tokens} tokens", flush=True)
    check_cut(cuts, hyper.max_length_tokens, run.largest_cut_share, f"mixture '{run.mixture.mixture}'")
    tokenizer = read_tokenizer(run.tokenizer, config=run.base)
    for store in rows.stores:
        store.check_tokenizer(tokenizer)
    check_vocabulary(config, rows.highest_token_id(config.vocab_size) + 1, run.base)
    check_positions(config, int(rows.lengths.max()), run.base)
    start = getattr(config, "decoder_start_token_id", None)
    if rows.encoder_decoder and not (isinstance(start, int) and 0 <= start < config.vocab_size):
        raise InputError(
            f"{run.base}/config.json: 'decoder_start_token_id' is {start}, it must be a token of the model"
        )
    shrunk, micro_batch_tokens = folder / SHRUNK, hardware.micro_batch_tokens
    if shrunk.is_file():  # left by a start that ran out of memory
        micro_batch_tokens = min(int(shrunk.read_text()), micro_batch_tokens)
    machine = {"process": hardware.process, "processes": hardware.processes, "decoder_start_token": start}
    draw = partial(Updates, rows, run.spec.seed, micro_batch_tokens=micro_batch_tokens, **machine)
    if hyper.validation is None:
        return draw(hyper.epochs, hyper.global_batch_rows), None
    trained, held_out = split_rows(rows, hyper.validation)
    updates = draw(hyper.epochs, hyper.global_batch_rows, chosen=trained)
    return updates, Validator(hyper.validation, updates, draw(1, len(held_out), chosen=held_out))


def start_engine(run: Run):
    """Return the model of `run`, ready to be trained: on this process's device, or on those of all processes."""
    import torch

    from polytune.machine import keep_freed_memory, limit_memory
    from polytune.training.engine import OneProcess
    from polytune.training.model import compute_packs, init_base, load_base

    if not torch.cuda.is_available():
        limit_memory()
    hyper, seed, lora, connection = run.spec.hyperparameters, run.spec.seed, run.spec.method == "lora", None
    if run.hardware.processes > 1:
        from polytune.training.deepspeed import Connection, ManyProcesses

        connection = Connection(hyper, run.hardware.zero_stage)
    if run.random_weights:
        model = init_base(run.base, seed)
    else:
        model = load_base(run.base, half=lora and hyper.precision == "bf16")  # frozen weights need no float32 copy
    compute_packs(model)
    if lora:
        from polytune.training.lora import add_adapters

        model = add_adapters(model, hyper.lora, seed)
    if run.hardware.activation_checkpointing:
        model.activation_checkpointing_enable()
    model.config.use_cache = True  # of the saved configuration; packs are computed without a cache
    if not torch.cuda.is_available():
        keep_freed_memory()
    torch.manual_seed(seed)
    return OneProcess(model, hyper) if connection is None else ManyProcesses(model, hyper, connection)
