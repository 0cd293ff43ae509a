"""Losses that are not finite or explode, and memory that does not suffice."""

import math

import pytest
import torch

from polytune.errors import InputError
from polytune.files import read_json, write_json
from polytune.training import loop, train
from polytune.training.checkpoints import find_damage, seal_checkpoint
from polytune.training.engine import OneProcess
from polytune.training.loop import TrainingDiverged
from tests.cases.training_cases import STABLE, VOCABULARY, Case, assert_same_weights, interrupt, weights


@pytest.fixture
def case(tmp_path) -> Case:
    return Case(tmp_path, hyperparameters=STABLE).write()


def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_the_checkpoint(case, monkeypatch):
    interrupt(case, monkeypatch, 2)
    checkpoint = next(case.root.glob("work/*/checkpoint-2"))
    monkeypatch.setattr(loop, "compute_update", lambda engine, update: float("nan"))
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


def test_weights_that_are_not_finite_are_never_published(tmp_path):
    """No row of the run holds token 0, so neither the loss nor the gradient sees that its embedding is broken."""
    from safetensors.torch import save_file

    case = Case(tmp_path, "llama", hyperparameters=STABLE).write()
    tensors = weights(tmp_path / "base")
    tensors["model.embed_tokens.weight"][0] = float("nan")
    save_file(tensors, tmp_path / "base/model.safetensors", {"format": "pt"})
    with pytest.raises(TrainingDiverged, match=r"model\.embed_tokens\.weight is not finite after the last update"):
        train.command(**case.options())
    with pytest.raises(TrainingDiverged, match=r"model\.embed_tokens\.weight is not finite at update 2 of 5"):
        train.command(**case.options(checkpoint_updates=2))
    assert not (tmp_path / "model").exists() and not list(tmp_path.glob("work/*/checkpoint-*"))


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
    original = loop.compute_update
    sizes = []

    def limited(engine, update):
        loss = original(engine, update)  # gradients of this attempt must be forgotten
        sizes.append(update.micro_batch_tokens)
        if update.micro_batch_tokens > 60:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return loss

    monkeypatch.setattr(loop, "compute_update", limited)
    train.command(**case.options(micro_batch_tokens=200))
    assert sizes == [200, 100, 50, 50, 50, 50, 50]
    assert "out of memory with packs of 200 tokens; trying 100" in capsys.readouterr().out
    assert read_json(case.root / "model/manifest.json")["micro_batch_tokens"] == 50
    assert_same_weights(case.root / "whole", case.root / "model")


def test_the_next_start_uses_the_pack_size_that_an_out_of_memory_stop_left(case, monkeypatch):
    """With several processes, one that runs out of memory cannot repeat the update alone: it stops with a note."""
    with monkeypatch.context() as patch:
        failing = torch.OutOfMemoryError("CUDA out of memory")
        patch.setattr(OneProcess, "processes", 2)
        patch.setattr(loop, "compute_update", lambda *arguments: (_ for _ in ()).throw(failing))
        with pytest.raises(loop.OutOfMemory, match="the next start uses packs of 100 tokens"):
            train.command(**case.options(micro_batch_tokens=200))
    train.command(**case.options(micro_batch_tokens=200))
    assert read_json(case.root / "model/manifest.json")["micro_batch_tokens"] == 100


def test_out_of_memory_with_single_rows_says_what_to_do(case, monkeypatch):
    def failing(engine, update):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes")

    monkeypatch.setattr("polytune.training.loop.compute_update", failing)
    with pytest.raises(InputError, match="out of memory although each pack holds one row"):
        train.command(**case.options())
