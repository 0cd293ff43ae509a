"""Losses that are not finite or explode, and memory that does not suffice."""

import math

import pytest
import torch

from polytune.errors import InputError
from polytune.files import read_json, write_json
from polytune.training import train
from polytune.training.checkpoints import find_damage, seal_checkpoint
from polytune.training.trainer import TrainingDiverged
from tests.cases.training_cases import STABLE, VOCABULARY, Case, assert_same_weights, interrupt, weights


@pytest.fixture
def case(tmp_path) -> Case:
    return Case(tmp_path, hyperparameters=STABLE).write()


def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_the_checkpoint(case, monkeypatch):
    interrupt(case, monkeypatch, 2)
    checkpoint = next(case.root.glob("work/*/checkpoint-2"))
    from polytune.training import trainer

    original = trainer.UpdateTrainer._check_loss
    monkeypatch.setattr(
        trainer.UpdateTrainer, "_check_loss", lambda self, loss, update: original(self, float("nan"), update)
    )
    message = r"the loss is nan at update 3 of 5 \(learning rate .* last checkpoint is kept"
    with pytest.raises(TrainingDiverged, match=message):
        train.command(**case.options())
    assert find_damage(checkpoint) is None
    assert not (case.root / "model").exists()


def test_weights_that_are_not_finite_stop_the_run(case):
    from safetensors.torch import save_file

    tensors = weights(case.root / "base")
    tensors["transformer.h.0.mlp.dense_h_to_4h.bias"][0] = float("inf")
    save_file(tensors, case.root / "base/model.safetensors", {"format": "pt"})
    with pytest.raises(TrainingDiverged, match="the loss is nan at update 1 of 5"):
        train.command(**case.options())


def test_an_exploding_loss_stops_the_run(case):
    case.write_spec(learning_rate=10.0, warmup_ratio=0.0, epochs=20)
    with pytest.raises(TrainingDiverged, match=r"exploded to .* nats per token at update"):
        train.command(**case.options())
    assert not (case.root / "model").exists()


def test_a_retry_does_not_take_an_exploded_loss_for_the_first_one(case, monkeypatch):
    interrupt(case, monkeypatch, 3)
    checkpoint = next(case.root.glob("work/*/checkpoint-3"))
    progress = read_json(checkpoint / "progress.json")
    assert progress["loss_limit"] == pytest.approx(3 * math.log(VOCABULARY))
    write_json(checkpoint / "progress.json", {**progress, "loss_limit": 1.0})
    seal_checkpoint(checkpoint)
    with pytest.raises(TrainingDiverged, match=r"exploded to .* nats per token at update 4"):
        train.command(**case.options())


def test_out_of_memory_halves_the_packs_and_keeps_the_update(case, monkeypatch, capsys):
    case.write_spec(max_gradient_norm=0.0)  # clipping would hide a gradient that is twice too large
    train.command(**case.options("whole"))
    from polytune.training import trainer

    original = trainer.UpdateTrainer._compute_update
    sizes = []

    def limited(self, model, update):
        loss = original(self, model, update)  # gradients of this attempt must be forgotten
        sizes.append(update.micro_batch_tokens)
        if update.micro_batch_tokens > 60:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return loss

    monkeypatch.setattr(trainer.UpdateTrainer, "_compute_update", limited)
    train.command(**case.options(micro_batch_tokens=200))
    assert sizes == [200, 100, 50, 50, 50, 50, 50]
    assert "out of memory with packs of 200 tokens; trying 100" in capsys.readouterr().out
    assert read_json(case.root / "model/manifest.json")["micro_batch_tokens"] == 50
    assert_same_weights(case.root / "whole", case.root / "model")


def test_the_next_start_uses_the_pack_size_that_an_out_of_memory_stop_left(case, monkeypatch):
    """With several processes, one that runs out of memory cannot repeat the update alone: it stops with a note."""
    from polytune.training import trainer

    monkeypatch.setattr(trainer.UpdateTrainer, "_is_alone", property(lambda self: False))
    with monkeypatch.context() as patch:
        failing = torch.OutOfMemoryError("CUDA out of memory")
        patch.setattr(trainer.UpdateTrainer, "_compute_update", lambda *arguments: (_ for _ in ()).throw(failing))
        with pytest.raises(trainer.OutOfMemory, match="the next start uses packs of 100 tokens"):
            train.command(**case.options(micro_batch_tokens=200))
    train.command(**case.options(micro_batch_tokens=200))
    assert read_json(case.root / "model/manifest.json")["micro_batch_tokens"] == 100


def test_out_of_memory_with_single_rows_says_what_to_do(case, monkeypatch):
    def failing(self, model, update):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes")

    monkeypatch.setattr("polytune.training.trainer.UpdateTrainer._compute_update", failing)
    with pytest.raises(InputError, match="out of memory although each pack holds one row"):
        train.command(**case.options())
