"""Validation: rows that a run never trains on, the loss on them meanwhile, and the update whose weights it keeps."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

import numpy as np
import torch

from polytune.errors import InputError
from polytune.mixtures.manifest import mix_keys
from polytune.training.batches import Updates
from polytune.training.checkpoints import Progress
from polytune.training.engine import OneProcess
from polytune.training.rows import Rows
from polytune.training.spec import Validation

ORDER = 1 << 32  # seeds of mixtures' samples lie below: no sample takes more of the held-out rows than another


def is_held_out(keys: np.ndarray, wanted: Validation) -> np.ndarray:
    """Return which rows are held out, a boolean for each uint64 row key.

    A row id is held out in all languages and mixtures or in none, so that no translation of a held-out row is trained
    on; a larger share holds out the same rows and more.
    """
    return mix_keys(keys, ORDER + wanted.seed) < np.uint64(int(wanted.share * 2**64))


def split_rows(rows: Rows, wanted: Validation) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers of the rows to train on and of those held out, ascending; replayed rows are all trained on.

    Raises `InputError` if either side has nothing to learn from or to measure.
    """
    instructions = np.asarray([part.role == "instruction" for part in rows.mixture.parts])[rows.owners]
    held_out = instructions & is_held_out(rows.keys, wanted)
    for side, name in ((~held_out, "to train on"), (held_out, "held out")):
        if not rows.supervised[side].any():
            raise InputError(
                f"'hyperparameters.validation.share' is {wanted.share:g}: of the {len(rows)} rows of mixture "
                f"'{rows.mixture.mixture}' {side.sum()} are {name}, with no token that has a loss"
            )
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)


@dataclass(frozen=True)
class Validator:
    """Measures the loss on the held-out rows of a run: `held_out` has one update, which is all of them."""

    wanted: Validation
    updates: Updates
    held_out: Updates

    def is_due(self, done: int) -> bool:
        """Return whether the loss is to be measured after `done` updates: always after the last one."""
        if self.wanted.every_updates:
            return done == len(self.updates) or done % self.wanted.every_updates == 0
        epochs = [self.updates.rows_after(updates) // len(self.updates.chosen) for updates in (done - 1, done)]
        return done == len(self.updates) or epochs[0] < epochs[1]

    def measure(self, engine: OneProcess) -> float:
        """Return the loss, a mean over the supervised tokens weighted as in training; the same on every process.

        Without gradients and dropout. A pack that could be trained on fits in memory.
        """
        self.held_out.micro_batch_tokens = self.updates.micro_batch_tokens
        engine.model.eval()
        with torch.no_grad():
            total = sum(float(engine.compute_loss(pack)) for pack in self.held_out[0].packs)
        engine.model.train()
        loss = engine.reduce([total])[0]
        if not math.isfinite(loss):
            raise InputError(f"the loss on the held-out rows is {loss}; lower the learning rate or use precision fp32")
        return loss

    def describe(self, progress: Progress) -> dict:
        """Return what the manifest says: the rows held out, the curve, and the update whose weights the run leaves."""
        rows, chosen = self.held_out.rows, self.held_out.chosen
        keys = np.unique(rows.keys[chosen]).astype("<u8")
        best = self.wanted.keep == "best"
        return {
            "rows": len(chosen),
            "supervised_tokens": int(rows.supervised[chosen].sum()),
            "keys_sha256": hashlib.sha256(keys.tobytes()).hexdigest(),
            "losses": [{"update": update, "loss": round(loss, 6)} for update, loss in progress.validation],
            "chosen_update": progress.best_update() if best else progress.updates,
        }
