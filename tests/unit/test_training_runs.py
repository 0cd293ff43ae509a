"""Whole tiny runs of `polytune train` on one process: results, equivalences, resuming, failures."""

import json
import os
import re
import shutil
import signal

import pytest
import torch
from training_cases import Case, random_rows, tiny_model, weights, write_store

from polytune.cluster.guard import own_work
from polytune.errors import InputError
from polytune.files import read_json, sha256_file, write_json
from polytune.training import pretrain, train
from polytune.training.callbacks import Interruption
from polytune.training.checkpoints import find_damage, latest_checkpoint
from polytune.training.trainer import TrainingDiverged

# Adam divides by the gradient's size: parameters whose gradient is zero but for rounding (BLOOM's key biases) would
# move at random with the usual 1e-8, and no two ways of summing could be compared
STABLE = {"adam_epsilon": 1e-3}


@pytest.fixture
def case(tmp_path) -> Case:
    return Case(tmp_path, hyperparameters=STABLE).write()


def assert_same_weights(one, other, rtol=2e-5, atol=2e-6):
    one, other = weights(one), weights(other)
    assert one.keys() == other.keys()
    for name in one:
        torch.testing.assert_close(one[name], other[name], rtol=rtol, atol=atol, msg=name)


def stop_after(monkeypatch, update: int, number: int = signal.SIGTERM):
    """Send this process a signal while it computes `update`."""
    original = Interruption.on_step_begin

    def on_step_begin(self, args, state, control, **options):
        if state.global_step == update - 1:
            os.kill(os.getpid(), number)
        return original(self, args, state, control, **options)

    monkeypatch.setattr(Interruption, "on_step_begin", on_step_begin)


def test_a_run_leaves_a_whole_model_directory(case):
    train.command(**case.options())
    model = case.root / "model"
    manifest = read_json(model / "manifest.json")
    assert manifest["updates"] == 5
    assert manifest["rows"] == 20
    lengths = [len(prompt) + len(response) for seed in (0, 1) for prompt, response in random_rows(10, seed)]
    assert manifest["tokens"] == 2 * sum(lengths)
    assert manifest["weights_sha256"] == {"model.safetensors": sha256_file(model / "model.safetensors")}
    assert manifest["final_loss"] < 6
    assert manifest["devices"] == 1
    assert manifest["energy_joules"] is None or manifest["energy_joules"] >= 0
    assert not (model / "training_args.bin").exists()
    assert list(case.root.glob("work/*")) == []
    before, after = weights(case.root / "base"), weights(model)
    assert before.keys() == after.keys()
    assert all(not before[name].equal(after[name]) for name in before if name.endswith("weight"))
    for file in model.rglob("*"):
        if file.is_file():
            assert str(case.root).encode() not in file.read_bytes(), f"{file.name} names this machine's paths"


def test_the_card_carries_the_hub_metadata(case):
    from huggingface_hub import ModelCard

    train.command(**case.options())
    data = ModelCard.load(case.root / "model" / "README.md").data
    assert (data.base_model, data.library_name, data.language) == ("tiny", "transformers", ["en", "fr"])


def test_logs_hold_loss_rate_speed_padding_and_memory(case):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    train.command(**case.options())
    events = EventAccumulator(str(case.root / "model" / "logs"))
    events.Reload()
    wanted = ("loss", "learning_rate", "grad_norm", "tokens_per_second", "padding_share", "memory_gib", "epoch")
    assert {f"train/{name}" for name in wanted} <= set(events.Tags()["scalars"])
    assert len(events.Scalars("train/loss")) == 5
    assert events.Scalars("train/epoch")[-1].value == pytest.approx(2.0)


def test_the_whole_run_equals_plain_training_on_separate_rows(case):
    """An independent loop: untouched model, row by row, torch's AdamW, transformers' parameter groups and schedule."""
    from transformers import AutoModelForCausalLM, get_scheduler
    from transformers.trainer_pt_utils import get_parameter_names

    from polytune.mixtures.manifest import Mixture
    from polytune.training.batches import Limits, Rows, Updates

    train.command(**case.options())
    mixture = Mixture.read(case.root / "mixture.json")
    updates = Updates(Rows(mixture, case.root / "tokens", Limits(64)), 3, 2, 8, 1000)
    model = AutoModelForCausalLM.from_pretrained(case.root / "base")
    decayed = set(get_parameter_names(model, [torch.nn.LayerNorm], ["bias", "layernorm", "ln_f"]))
    groups = [
        {"params": [p for name, p in model.named_parameters() if (name in decayed) == decay], "weight_decay": rate}
        for decay, rate in ((True, 0.01), (False, 0.0))
    ]
    optimizer = torch.optim.AdamW(groups, lr=0.01, eps=1e-3)
    schedule = get_scheduler("cosine", optimizer, num_warmup_steps=1, num_training_steps=5)
    for number in range(5):
        rows = [updates.rows.read(row) for row in updates.rows_of(number)]
        supervised = sum(len(response) for _, response in rows)
        for prompt, response in rows:
            ids = torch.tensor([[*prompt, *response]])
            labels = torch.tensor([[-100] * len(prompt) + [*response]])
            (model(input_ids=ids, labels=labels).loss * len(response) / supervised).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    trained = weights(case.root / "model")
    assert len(trained) > 20
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(trained[name], parameter.detach(), rtol=2e-5, atol=2e-6, msg=name)


@pytest.mark.parametrize("kind", ["bloom", "t5"])
def test_one_pack_and_many_packs_give_the_same_weights(kind, tmp_path):
    """Batch 8 x accumulation 1 = batch 1 x accumulation 8: packs of one row against one pack."""
    case = Case(tmp_path, kind, hyperparameters=STABLE).write()
    train.command(**case.options("whole"))
    train.command(**case.options("pieces", micro_batch_tokens=1))
    assert_same_weights(tmp_path / "whole", tmp_path / "pieces")


@pytest.mark.parametrize("kind", ["bloom", "llama", "t5"])
def test_activation_checkpointing_changes_no_gradient(kind, tmp_path):
    case = Case(tmp_path, kind, hyperparameters=STABLE).write()
    train.command(**case.options("kept", micro_batch_tokens=60))
    train.command(**case.options("again", micro_batch_tokens=60, activation_checkpointing=True))
    assert_same_weights(tmp_path / "kept", tmp_path / "again")


@pytest.mark.parametrize("kind", ["bloom", "llama", "mt5"])
def test_half_precision_ends_near_full_precision(kind, tmp_path):
    case = Case(tmp_path, kind, hyperparameters=STABLE).write()
    train.command(**case.options("full"))
    case.write_spec(precision="bf16")
    train.command(**case.options("half"))
    full, half = (read_json(tmp_path / name / "manifest.json")["final_loss"] for name in ("full", "half"))
    assert half == pytest.approx(full, rel=0.02)
    assert half != full
    assert {tensor.dtype for tensor in weights(tmp_path / "half").values()} == {torch.float32}  # master weights


def test_the_same_run_twice_gives_the_same_bytes(case):
    for name in ("one", "two"):
        train.command(**case.options(name))
    assert sha256_file(case.root / "one/model.safetensors") == sha256_file(case.root / "two/model.safetensors")


@pytest.mark.parametrize("update", [1, 2, 3, 4])
def test_resuming_after_any_update_gives_the_same_bytes(update, tmp_path, monkeypatch):
    case = Case(tmp_path, "gpt2", hyperparameters=STABLE).write()
    config = read_json(tmp_path / "base/config.json")
    write_json(tmp_path / "base/config.json", {**config, "resid_pdrop": 0.2, "attn_pdrop": 0.2})  # random state matters
    train.command(**case.options("whole"))
    with monkeypatch.context() as patch:
        stop_after(patch, update, signal.SIGUSR1 if update % 2 else signal.SIGTERM)
        with pytest.raises(SystemExit, match=f"after update {update} of 5; a checkpoint is saved .* resumes from it"):
            train.command(**case.options())
    assert not (tmp_path / "model").exists()
    train.command(**case.options())
    assert sha256_file(tmp_path / "model/model.safetensors") == sha256_file(tmp_path / "whole/model.safetensors")
    one, other = (read_json(tmp_path / name / "manifest.json") for name in ("model", "whole"))
    assert one["final_loss"] == pytest.approx(other["final_loss"], abs=1e-6)


def interrupt(case, monkeypatch, update: int, **changes):
    with monkeypatch.context() as patch:
        stop_after(patch, update)
        with pytest.raises(SystemExit):
            train.command(**case.options(**changes))


@pytest.mark.parametrize("damage", ["truncated", "changed", "missing", "unsealed"])
def test_a_damaged_checkpoint_is_noticed_and_the_one_before_is_used(damage, case, monkeypatch, capsys):
    train.command(**case.options("whole"))
    interrupt(case, monkeypatch, 3, checkpoint_updates=2)
    newest = next(case.root.glob("work/*/checkpoint-3"))
    assert sorted(path.name for path in newest.parent.glob("checkpoint-*")) == ["checkpoint-2", "checkpoint-3"]
    victim = newest / "optimizer.pt"
    content = victim.read_bytes()
    if damage == "truncated":
        victim.write_bytes(content[: len(content) // 2])
    elif damage == "changed":
        victim.write_bytes(content[:-100] + bytes([content[-100] ^ 1]) + content[-99:])
    elif damage == "missing":
        victim.unlink()
    else:
        (newest / "checksums.json").unlink()
    capsys.readouterr()
    train.command(**case.options())
    output = capsys.readouterr()
    reason = {"missing": "is missing", "unsealed": "not completed"}.get(damage, "checksum of optimizer.pt does not fit")
    assert re.search(f"checkpoint-3 is not used and removed: .*{reason}", output.err)
    assert "resuming from" in output.out and "checkpoint-2" in output.out
    assert sha256_file(case.root / "model/model.safetensors") == sha256_file(case.root / "whole/model.safetensors")


def test_checkpoints_come_by_time_and_only_two_are_kept(case, monkeypatch):
    interrupt(case, monkeypatch, 4, checkpoint_minutes=1e-9)
    kept = sorted(path.name for path in case.root.glob("work/*/checkpoint-*"))
    assert kept == ["checkpoint-3", "checkpoint-4"]
    assert all(find_damage(path) is None for path in case.root.glob("work/*/checkpoint-*"))


def test_another_run_does_not_resume_from_this_ones_checkpoints(case, monkeypatch, capsys):
    case.write_spec(learning_rate=0.02)
    train.command(**case.options("whole"))
    case.write_spec(learning_rate=0.01)
    interrupt(case, monkeypatch, 3)
    case.write_spec(learning_rate=0.02)
    capsys.readouterr()
    train.command(**case.options())
    assert "resuming" not in capsys.readouterr().out
    assert sha256_file(case.root / "model/model.safetensors") == sha256_file(case.root / "whole/model.safetensors")


def test_an_older_model_stays_whole_until_the_new_one_is_complete(case, monkeypatch):
    train.command(**case.options())
    before = sha256_file(case.root / "model/manifest.json")
    case.write_spec(learning_rate=0.02)
    interrupt(case, monkeypatch, 2)
    assert sha256_file(case.root / "model/manifest.json") == before
    train.command(**case.options())
    assert sha256_file(case.root / "model/manifest.json") != before


def test_two_processes_cannot_write_one_work_directory(case):
    with own_work(case.root / "work"), pytest.raises(InputError, match="work is in use by process"):
        train.command(**case.options())
    assert not (case.root / "work/owner.json").exists()


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
    case.write_spec(learning_rate=1e4, epochs=20, max_gradient_norm=0.0)
    with pytest.raises(TrainingDiverged, match=r"exploded to .* nats per token at update|norm is"):
        train.command(**case.options())
    assert not (case.root / "model").exists()


def test_out_of_memory_halves_the_packs_and_keeps_the_update(case, monkeypatch, capsys):
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


def test_a_base_is_pretrained_from_a_configuration_alone(tmp_path):
    case = Case(tmp_path).write()
    shutil.rmtree(tmp_path / "tokens")
    for seed, language in enumerate(("en", "fr")):
        rows = [([], prompt + response) for prompt, response in random_rows(10, seed)]
        write_store(tmp_path / "tokens/test" / language, rows)
    case.write_spec(prompt_loss_weight=1.0)
    tiny_model("bloom").config.save_pretrained(tmp_path / "config")
    (tmp_path / "tokenizer").mkdir()
    (tmp_path / "tokenizer/tokenizer.json").write_text("{}")
    options = case.options()
    del options["base"]
    options |= {"config": tmp_path / "config", "tokenizer": tmp_path / "tokenizer"}
    pretrain.command(**options)
    pretrain.command(**{**options, "output": tmp_path / "again"})
    assert sha256_file(tmp_path / "model/model.safetensors") == sha256_file(tmp_path / "again/model.safetensors")
    assert (tmp_path / "model/tokenizer.json").is_file()
    train.command(**case.options("tuned", base=tmp_path / "model"))
    assert read_json(tmp_path / "tuned/manifest.json")["updates"] == 5


def test_the_loaded_model_is_an_ordinary_one(case):
    """What the run saves is read by transformers alone and scores the run's rows better than the base does."""
    from transformers import AutoModelForCausalLM

    case.write_spec(epochs=6)
    train.command(**case.options())
    losses = []
    for directory in ("base", "model"):
        model = AutoModelForCausalLM.from_pretrained(case.root / directory)
        assert model.config.use_cache
        rows = [row for seed in (0, 1) for row in random_rows(10, seed)]
        with torch.no_grad():
            losses.append(
                sum(
                    float(model(input_ids=torch.tensor([p + r]), labels=torch.tensor([[-100] * len(p) + r])).loss)
                    for p, r in rows
                )
            )
    assert losses[1] < 0.95 * losses[0]


def test_latest_checkpoint_of_an_empty_folder_is_none(tmp_path):
    assert latest_checkpoint(tmp_path) is None


def test_the_manifest_is_json_with_plain_numbers(case):
    train.command(**case.options())
    manifest = json.loads((case.root / "model/manifest.json").read_text())
    assert isinstance(manifest["device_hours"], float) and isinstance(manifest["peak_memory_bytes"], int)
    assert manifest["mixture_digest"] == read_json(case.root / "mixture.json")["digest"]
