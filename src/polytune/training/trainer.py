"""transformers' Trainer, one whole update at a time.

Trainer keeps what it is good at (optimizer, parameter groups, clipping, checkpoints, resuming, DeepSpeed). Its data
loader yields one `Update` per step and `training_step` loops over the update's packs; only the last pack's backward
pass ends in an optimizer step. The loss is normalised over the whole update, so the gradient does not depend on how
rows are packed or spread.
"""

from __future__ import annotations

import json
import math
import time
from operator import itemgetter
from pathlib import Path

import torch
from transformers import Trainer
from transformers.trainer_callback import PrinterCallback

from polytune.errors import InputError
from polytune.files import write_json
from polytune.machine import energy_joules, keep_freed_memory, peak_memory_bytes
from polytune.training.batches import Update, Updates
from polytune.training.checkpoints import explain_failure, seal_checkpoint
from polytune.training.schedules import learning_rate_factor
from polytune.training.spec import Hyperparameters

PROGRESS = "progress.json"


class TrainingDiverged(InputError):
    """The loss or the gradient is not finite, or the loss has exploded."""


class UpdateTrainer(Trainer):
    """Trains on `Updates`; see the module's docstring."""

    def __init__(self, model, arguments, updates: Updates, hyperparameters: Hyperparameters, callbacks=()) -> None:
        self.updates, self.hyperparameters = updates, hyperparameters
        self.seconds_before = self.joules_before = 0.0
        self.started, self.joules_started = time.monotonic(), energy_joules()
        self.loss_limit = math.inf
        self._window = {"seconds": time.monotonic(), "tokens": 0, "fed": 0}
        if arguments.device.type == "cpu":
            keep_freed_memory()
        super().__init__(
            model=model,
            args=arguments,
            train_dataset=updates,
            data_collator=itemgetter(0),
            callbacks=list(callbacks),
        )
        self.remove_callback(PrinterCallback)

    @property
    def wall_seconds(self) -> float:
        """Return the seconds spent on this run, those of earlier starts that it resumed from included."""
        return self.seconds_before + time.monotonic() - self.started

    @property
    def energy(self) -> float | None:
        """Return the joules that this process's device took for the run, or None where it does not tell."""
        now = energy_joules()
        return None if now is None or self.joules_started is None else self.joules_before + now - self.joules_started

    def get_train_dataloader(self):
        """Return a loader that yields `Update`s in order; every process sees every update, with its own packs."""
        workers = 0 if self.args.device.type == "cpu" else 2  # packing is cheap; on a GPU it must not make it wait
        return torch.utils.data.DataLoader(
            self.updates, batch_size=1, shuffle=False, collate_fn=itemgetter(0), num_workers=workers
        )

    def get_batch_samples(self, epoch_iterator, num_batches, device):
        """Return the next update; it knows its own normalisation."""
        return [next(epoch_iterator)], None

    def floating_point_ops(self, inputs) -> int:
        """Return 0: Trainer's estimate needs padded tensors, and nothing here uses it."""
        return 0

    def create_optimizer(self, model=None):
        """Create the optimizer; without ZeRO, DeepSpeed does not tell the gradient's norm, so it is computed here."""
        optimizer = super().create_optimizer(model)
        if self.is_deepspeed_enabled and self.accelerator.state.deepspeed_plugin.zero_stage == 0:
            optimizer.register_step_pre_hook(lambda optimizer, *unused: self._check_norm(_gradient_norm(optimizer)))
        return optimizer

    def create_scheduler(self, num_training_steps: int, optimizer=None):
        """Create the learning-rate schedule of the run's hyperparameters."""
        if self.lr_scheduler is None:
            hyper = self.hyperparameters
            warmup = math.ceil(num_training_steps * hyper.warmup_ratio)
            self.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(
                optimizer or self.optimizer,
                lambda update: learning_rate_factor(
                    update, num_training_steps, warmup, hyper.scheduler, hyper.final_learning_rate_ratio
                ),
            )
            self._created_lr_scheduler = True
        return self.lr_scheduler

    def training_step(self, model, inputs: Update, num_items_in_batch=None) -> torch.Tensor:
        """Compute the gradient of one update; return its loss, which is the same on every process.

        Out of memory, packs of half the size are tried, down to one row a pack. With several processes this one cannot
        repeat alone, so it stops; the next start, a retry of the workflow, uses smaller packs (`run.py`).
        """
        update = inputs
        while True:
            if update.micro_batch_tokens != self.updates.micro_batch_tokens:  # read ahead before the size changed
                update = self.updates[update.number]
            try:
                return self._compute_update(model, update)
            except (torch.OutOfMemoryError, RuntimeError) as error:
                if not is_out_of_memory(error):
                    raise
                self._shrink_packs(error)
                model.zero_grad()
                if torch.cuda.is_available():
                    torch.cuda.empty_cache()

    @property
    def _is_alone(self) -> bool:
        return self.args.world_size == 1

    def _shrink_packs(self, error: Exception) -> None:
        micro = self.updates.micro_batch_tokens
        if micro <= int(self.updates.rows.lengths.max()):
            raise InputError(
                f"out of memory although each pack holds one row ({micro} tokens at most): "
                "use more devices with a higher --zero-stage, activation checkpointing, "
                "a smaller max_length_tokens or method lora"
            ) from error
        self.updates.micro_batch_tokens = micro // 2
        print(f"out of memory with packs of {micro} tokens; trying {micro // 2}, the update stays the same", flush=True)
        if not self._is_alone:
            raise OutOfMemory(micro // 2) from error

    def _compute_update(self, model, update: Update) -> torch.Tensor:
        model.train()
        processes = self.args.world_size
        options = {"scale_wrt_gas": False} if self.is_deepspeed_enabled else {}
        total = torch.zeros((), device=self.args.device)
        for number, pack in enumerate(update.packs, start=1):
            last = number == len(update.packs)
            self.accelerator.gradient_state._set_sync_gradients(last)
            with self.compute_loss_context_manager():
                loss = model(pack=pack.to(self.args.device))
            total += loss.detach()
            if last:  # before the backward pass that ends in DeepSpeed's optimizer step
                if processes > 1:
                    torch.distributed.all_reduce(total)
                self._check_loss(float(total), update)
            # gradients are averaged over the processes, the loss is a sum over them
            self.accelerator.backward(loss * processes if processes > 1 else loss, **options)
        self._window["tokens"] += update.tokens
        self._window["fed"] += update.fed
        return total

    def _check_loss(self, loss: float, update: Update) -> None:
        where = f"at update {update.number + 1} of {len(self.updates)} (learning rate {self._get_learning_rate():g})"
        advice = "the last checkpoint is kept; lower the learning rate, warm up longer or use precision fp32"
        if not math.isfinite(loss):
            raise TrainingDiverged(f"the loss is {loss} {where}; {advice}")
        if self.loss_limit == math.inf:
            # a uniform guess costs ln V nats a token: three times that is worse than knowing nothing, unless the base
            # model starts there (T5 does before its first tuning)
            self.loss_limit = max(3 * math.log(self.updates.rows.vocabulary), 2 * loss)
        if loss > self.loss_limit:
            raise TrainingDiverged(f"the loss has exploded to {loss:.3g} nats per token {where}; {advice}")

    def _get_grad_norm(self, model, grad_norm=None):
        norm = super()._get_grad_norm(model, grad_norm)
        if norm is not None:
            self._check_norm(norm)
        return norm

    def _check_norm(self, norm: float) -> None:
        if not math.isfinite(norm):
            raise TrainingDiverged(
                f"the gradient's norm is {float(norm)} at update {self.state.global_step + 1} of {len(self.updates)}; "
                "the last checkpoint is kept; lower the learning rate, warm up longer or use precision fp32"
            )

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Add throughput, padding and memory to Trainer's values and pass them to the callbacks."""
        now, window = time.monotonic(), self._window
        if window["tokens"]:
            logs["tokens_per_second"] = window["tokens"] / (now - window["seconds"])
            logs["padding_share"] = 1.0 - window["tokens"] / window["fed"]
        logs["memory_gib"] = peak_memory_bytes() / 2**30
        logs["epoch"] = self.state.global_step * self.updates.global_batch_rows / len(self.updates.rows)
        self._window = {"seconds": now, "tokens": 0, "fed": 0}
        self.state.log_history.append({**logs, "step": self.state.global_step})
        self.control = self.callback_handler.on_log(self.args, self.state, self.control, logs)

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Save the model; below ZeRO stage 3 from this process's whole parameters: tied weights stay one tensor."""
        if self.is_deepspeed_enabled and self.accelerator.state.deepspeed_plugin.zero_stage < 3:
            if self.args.should_save:
                self._save(output_dir)
        else:
            super().save_model(output_dir, _internal_call)

    def _save_checkpoint(self, model, trial) -> None:
        checkpoint = Path(self.args.output_dir) / f"checkpoint-{self.state.global_step}"
        with explain_failure(checkpoint):
            super()._save_checkpoint(model, trial)
        energies = self.gather(self.energy)  # every process has written its part
        if self.args.should_save:
            progress = {"wall_seconds": self.wall_seconds, "energy_joules": energies, "loss_limit": self.loss_limit}
            with explain_failure(checkpoint):
                write_json(checkpoint / PROGRESS, progress)
                seal_checkpoint(checkpoint)
        if self.args.world_size > 1:
            torch.distributed.barrier()

    def gather(self, value) -> list:
        """Return the values of all processes, in their order; they wait for each other."""
        if self.args.world_size == 1:
            return [value]
        values = [None] * self.args.world_size
        torch.distributed.all_gather_object(values, value)
        return values

    def resume_progress(self, checkpoint: Path) -> None:
        """Add the time and energy of the run up to `checkpoint`; go on with the limit that its first loss set."""
        progress = json.loads((checkpoint / PROGRESS).read_text(encoding="utf-8"))
        self.seconds_before = progress["wall_seconds"]
        self.joules_before = progress["energy_joules"][self.args.process_index] or 0.0
        self.loss_limit = progress["loss_limit"]


class OutOfMemory(InputError):
    """One of several processes ran out of memory; `micro_batch_tokens` is the size to start again with."""

    def __init__(self, micro_batch_tokens: int) -> None:
        super().__init__(f"out of memory; the next start uses packs of {micro_batch_tokens} tokens")
        self.micro_batch_tokens = micro_batch_tokens


def _gradient_norm(optimizer) -> float:
    gradients = [
        tensor.grad for group in optimizer.param_groups for tensor in group["params"] if tensor.grad is not None
    ]
    return float(torch.nn.utils.get_total_norm(gradients))


def is_out_of_memory(error: Exception) -> bool:
    """Return whether `error` says that the device's (or the CPU's) memory is exhausted."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)
