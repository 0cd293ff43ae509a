"""What happens beside the updates: checkpoints and signals, the progress bar, TensorBoard."""

from __future__ import annotations

import time
from pathlib import Path

import torch
from transformers.trainer_callback import TrainerCallback


class Interruption(TrainerCallback):
    """Saves checkpoints by time or number of updates, and on a signal; after a signal it stops the run.

    The processes agree on each decision, because their clocks differ and a signal may reach only one of them.
    """

    def __init__(self, minutes: float | None, updates: int | None, processes: int, device: torch.device) -> None:
        self.seconds = None if minutes is None else minutes * 60
        self.updates, self.processes, self.device = updates, processes, device
        self.signalled = self.interrupted = False
        self.saved = time.monotonic()

    def on_step_end(self, args, state, control, **unused):
        """Decide after each update whether to save and whether to stop."""
        due = self.seconds is not None and time.monotonic() - self.saved >= self.seconds
        due, signalled = self._agree(due, self.signalled)
        due |= bool(self.updates) and state.global_step % self.updates == 0
        if state.global_step >= state.max_steps:
            return  # the model itself is written next
        if signalled:
            self.interrupted = control.should_training_stop = True
        if due or signalled:
            control.should_save = True
            self.saved = time.monotonic()

    def _agree(self, *flags: bool) -> tuple[bool, ...]:
        if self.processes == 1:
            return flags
        shared = torch.tensor(flags, dtype=torch.int32, device=self.device)
        torch.distributed.all_reduce(shared, op=torch.distributed.ReduceOp.MAX)
        return tuple(bool(flag) for flag in shared.tolist())


class ProgressBar(TrainerCallback):
    """One bar over the updates of the run, with the loss."""

    def on_train_begin(self, args, state, control, **unused):
        """Open the bar at the update from which the run resumes."""
        from polytune.progress import track

        self.bar = track(None, "training", total=state.max_steps, unit="update", initial=state.global_step)

    def on_step_end(self, args, state, control, **unused):
        """Move the bar."""
        self.bar.update(state.global_step - self.bar.n)

    def on_log(self, args, state, control, logs=None, **unused):
        """Show the loss."""
        if "loss" in (logs or {}):
            self.bar.set_postfix(loss=f"{logs['loss']:.3f}", refresh=False)

    def on_train_end(self, args, state, control, **unused):
        """Close the bar."""
        self.bar.close()


class TensorBoardLog(TrainerCallback):
    """Writes what Trainer logs to TensorBoard event files in `folder`."""

    def __init__(self, folder: Path) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.writer = SummaryWriter(str(folder))

    def on_log(self, args, state, control, logs=None, **unused):
        """Write one point per value; Trainer's summary of the whole call (`train_loss`, ...) is in the manifest."""
        for name, value in (logs or {}).items():
            if not name.startswith(("train_", "total_")):
                self.writer.add_scalar(f"train/{name}", value, state.global_step)

    def on_train_end(self, args, state, control, **unused):
        """Flush and close the event file."""
        self.writer.close()
