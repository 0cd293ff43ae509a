"""The engine of `polytune train` and `polytune pretrain-base`: one run, from its inputs to `model/`."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from polytune.errors import InputError
from polytune.files import digest, read_json, sha256_file, write_text
from polytune.mixtures.manifest import Mixture
from polytune.training.checkpoints import (
    KEPT,
    check_geometry,
    explain_failure,
    latest_checkpoint,
    remove_folders,
    run_folder,
)
from polytune.training.spec import Hyperparameters, Spec
from polytune.training.startup import import_trainer, leave_deepspeed_out

LAUNCHER_VARIABLES = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
SHRUNK = "micro_batch_tokens"  # file in the work folder: pack size that an out-of-memory stop left behind


@dataclass(frozen=True)
class Hardware:
    """What depends on the machine and not on the run."""

    micro_batch_tokens: int
    zero_stage: int = 0
    checkpoint_minutes: float | None = 30.0
    checkpoint_updates: int | None = None
    activation_checkpointing: bool = False

    @property
    def processes(self) -> int:
        """Return the number of processes that train together (`WORLD_SIZE`, as torchrun and srun wrappers set it)."""
        return int(os.environ.get("WORLD_SIZE", "1"))

    @property
    def process(self) -> int:
        """Return the number of this process (`RANK`)."""
        return int(os.environ.get("RANK", "0"))


@dataclass(frozen=True)
class Run:
    """A run and where its files are; `make_model()` returns the model to train."""

    spec: Spec
    mixture: Mixture
    tokens: Path
    tokenizer: Path
    config: Path  # directory with config.json
    base_digest: str
    output: Path
    work: Path
    hardware: Hardware
    make_model: Callable


def execute(run: Run) -> None:
    """Train `run` (or resume it from its newest good checkpoint) and write its model directory."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # everything is local; no library may ask the hub for what it misses
    import_trainer()
    import torch

    from polytune.cluster.guard import own_work
    from polytune.training.batches import Limits, Rows, Updates
    from polytune.training.model import check_positions, check_vocabulary, read_config

    hyper, hardware = run.spec.hyperparameters, run.hardware
    config = read_config(run.config)
    rows = Rows(
        run.mixture,
        run.tokens,
        Limits(hyper.max_length_tokens, hyper.max_source_length_tokens, hyper.prompt_loss_weight),
        encoder_decoder=bool(config.is_encoder_decoder),
    )
    check_vocabulary(config, rows.vocabulary, run.config)
    check_positions(config, int(rows.lengths.max()), run.config)
    folder = run_folder(run.work, run_digest(run), hardware.processes, hardware.zero_stage)
    first = hardware.process == 0
    with own_work(run.work) if first else contextlib.nullcontext():
        if first:
            check_geometry(folder)
        folder.mkdir(parents=True, exist_ok=True)
        arguments = training_arguments(hyper, hardware, run.spec.seed, folder)
        updates = Updates(
            rows,
            seed=run.spec.seed,
            epochs=hyper.epochs,
            global_batch_rows=hyper.global_batch_rows,
            micro_batch_tokens=_micro_batch_tokens(folder, hardware),
            process=hardware.process,
            processes=hardware.processes,
            decoder_start_token=getattr(config, "decoder_start_token_id", None),
        )
        arguments.logging_steps = max(1, len(updates) // 200)
        checkpoint = [latest_checkpoint(folder) if first else None]
        if hardware.processes > 1:
            torch.distributed.broadcast_object_list(checkpoint)
        _train(run, arguments, updates, folder, checkpoint[0])
        if first:
            remove_folders(run.work)


def run_digest(run: Run) -> str:
    """Return a digest of all that decides the weights, which a resumed run must share: 16 hexadecimal digits."""
    return digest({"spec": run.spec.digest, "mixture": run.mixture.digest, "base": run.base_digest})[:16]


def _micro_batch_tokens(folder: Path, hardware: Hardware) -> int:
    file = folder / SHRUNK
    return min(int(file.read_text()), hardware.micro_batch_tokens) if file.is_file() else hardware.micro_batch_tokens


def training_arguments(hyper: Hyperparameters, hardware: Hardware, seed: int, folder: Path):
    """Return transformers' TrainingArguments of a run; with several processes this also connects them."""
    import torch

    options = {}
    if hardware.processes == 1:
        for name in LAUNCHER_VARIABLES:  # a group of one is no group: no DistributedDataParallel around the model
            os.environ.pop(name, None)
        leave_deepspeed_out()
    else:
        from polytune.training.deepspeed import deepspeed_config, prepare_deepspeed_on_cpu

        if not torch.cuda.is_available():
            prepare_deepspeed_on_cpu()
        options["deepspeed"] = deepspeed_config(hyper, hardware.zero_stage)
    from transformers import TrainingArguments
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # of reading and writing files; training has its own
    arguments = TrainingArguments(
        output_dir=str(folder),
        learning_rate=hyper.learning_rate,
        num_train_epochs=1,  # Trainer's one epoch is the whole stream of updates
        per_device_train_batch_size=1,  # one update
        adam_beta1=hyper.adam_beta1,
        adam_beta2=hyper.adam_beta2,
        adam_epsilon=hyper.adam_epsilon,
        weight_decay=hyper.weight_decay,
        max_grad_norm=hyper.max_gradient_norm,
        bf16=hyper.precision == "bf16",
        seed=seed,
        use_cpu=not torch.cuda.is_available(),
        ddp_backend=None if torch.cuda.is_available() or hardware.processes == 1 else "gloo",
        activation_checkpointing=hardware.activation_checkpointing,
        use_cache=True,  # of the saved configuration; packs are computed without a cache
        save_strategy="no",  # `Interruption` decides
        save_total_limit=KEPT,
        logging_first_step=True,
        logging_nan_inf_filter=False,
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        log_level="warning",
        **options,
    )
    _ = arguments.device  # sets the devices up
    arguments._n_gpu = min(arguments.n_gpu, 1)  # one process, one device: never DataParallel
    return arguments


def _train(run: Run, arguments, updates, folder: Path, checkpoint: Path | None) -> None:
    from polytune.training.callbacks import Interruption, ProgressBar, TensorBoardLog
    from polytune.training.model import compute_packs
    from polytune.training.output import write_model
    from polytune.training.trainer import OutOfMemory, UpdateTrainer

    hardware, first = run.hardware, run.hardware.process == 0
    model = run.make_model()
    compute_packs(model)
    if run.spec.method == "lora":
        from polytune.training.lora import add_adapters

        model = add_adapters(model, run.spec.hyperparameters.lora, run.spec.seed)
    interruption = Interruption(
        hardware.checkpoint_minutes, hardware.checkpoint_updates, hardware.processes, arguments.device
    )
    callbacks = [interruption, *([ProgressBar(), TensorBoardLog(folder / "logs")] if first else [])]
    trainer = UpdateTrainer(model, arguments, updates, run.spec.hyperparameters, callbacks)
    if checkpoint is not None:
        print(f"resuming from {checkpoint}", flush=True)
        trainer.resume_progress(checkpoint)
    gc.freeze()  # imports leave half a million objects that no collection during training need look at
    with _signals(interruption):
        try:
            trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
        except OutOfMemory as error:
            write_text(folder / SHRUNK, str(error.micro_batch_tokens))
            raise
    if interruption.interrupted:
        _leave_group(hardware.processes)
        sys.exit(
            f"interrupted by a signal after update {trainer.state.global_step} of {len(updates)}; "
            f"a checkpoint is saved in {folder} and the next start resumes from it"
        )
    with explain_failure(run.output):
        write_model(run, trainer, folder)
    _leave_group(hardware.processes)


def _leave_group(processes: int) -> None:
    """End the communication of the processes in order; a process that merely exits may abort the others."""
    if processes > 1:
        import torch

        torch.distributed.barrier()
        torch.distributed.destroy_process_group()


@contextlib.contextmanager
def _signals(interruption):
    """Turn SIGTERM and SIGUSR1 (what Slurm sends before a time limit) into a checkpoint and an orderly stop."""

    def note(number, frame):
        interruption.signalled = True

    previous = {number: signal.signal(number, note) for number in (signal.SIGTERM, signal.SIGUSR1)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def base_digest(directory: Path) -> str:
    """Return a digest of a base model: what its manifest says about its weights, else their names and sizes.

    Downloaded bases are pinned by revision elsewhere; hashing 14 GB again at every start would only cost time.
    """
    from polytune.training.model import weight_files

    files = weight_files(directory)
    config = sha256_file(directory / "config.json") if (directory / "config.json").is_file() else None
    manifest = directory / "manifest.json"
    if manifest.is_file():
        return digest([config, read_json(manifest).get("weights_sha256")])
    return digest([config, [[file.name, file.stat().st_size] for file in files]])


def check_hardware(hardware: Hardware) -> None:
    """Raise `InputError` for hardware options that cannot work."""
    from polytune.training.deepspeed import ZERO_STAGES

    if hardware.zero_stage not in ZERO_STAGES:
        raise InputError(f"--zero-stage is {hardware.zero_stage}, allowed are 0, 1, 2, 3")
    if hardware.micro_batch_tokens <= 0:
        raise InputError(f"--micro-batch-tokens is {hardware.micro_batch_tokens}, it must be above 0")
