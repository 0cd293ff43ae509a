"""Whole tiny runs of `polytune train` on one process: results and equivalences."""

import json
import os

import pytest
import torch

from polytune.files import read_json, sha256_file
from polytune.mixtures.manifest import Mixture
from polytune.training import train
from polytune.training.card import Origin, write_card
from polytune.training.schedules import learning_rate_factor
from polytune.training.spec import Hyperparameters, Lora, Spec
from tests.cases.training_cases import STABLE, Case, assert_same_weights, random_rows, weights


@pytest.fixture
def case(tmp_path) -> Case:
    return Case(tmp_path, hyperparameters=STABLE).write()


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


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o007, 0o660)])
def test_who_may_read_the_model_follows_the_umask(umask, mode, case):
    before = os.umask(umask)
    try:
        train.command(**case.options())
    finally:
        os.umask(before)
    files = [file for file in (case.root / "model").rglob("*") if file.is_file()]
    assert len(files) >= 6
    assert {file.name: oct(file.stat().st_mode & 0o777) for file in files} == {file.name: oct(mode) for file in files}


def test_the_card_carries_the_hub_metadata(case):
    from huggingface_hub import ModelCard

    train.command(**case.options())
    data = ModelCard.load(case.root / "model" / "README.md").data
    assert (data.base_model, data.library_name, data.language) == ("tiny", "transformers", ["en", "fr"])
    assert (data.license, data.license_name) == ("other", None)


@pytest.mark.parametrize(
    ("licence", "said"),
    [("apache-2.0", ("apache-2.0", None)), ("bigscience-bloom-rail-1.0", ("bigscience-bloom-rail-1.0", None)),
     ("Baichuan2 Community", ("other", "baichuan2 community"))],
)  # fmt: skip
def test_the_card_carries_hub_id_and_licence_of_the_base(licence, said, tmp_path):
    from huggingface_hub import ModelCard

    hyper = Hyperparameters(1e-3, 1, 8, 64, lora=Lora(2, 4.0))
    spec = Spec("tiny", "m", hyper, "lora", 1)
    numbers = ("updates", "tokens", "supervised_tokens", "final_loss", "devices", "device", "device_hours")
    manifest = {**dict.fromkeys(numbers, 1), "provenance": {"polytune": "1", "commit": "c"}}
    mixture = Mixture("m", "parallel", "rows", ("en",), ())
    write_card(tmp_path / "README.md", spec, mixture, manifest, "text-generation", Origin("org/tiny", licence))
    card = ModelCard.load(tmp_path / "README.md")
    assert (card.data.license, card.data.license_name) == said and card.data.base_model == "org/tiny"
    assert f"| licence of the base model | {licence} |" in card.content and "| lora | r 2, alpha 4.0" in card.content


def test_logs_hold_loss_rate_speed_padding_and_memory(case):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    train.command(**case.options())
    events = EventAccumulator(str(case.root / "model" / "logs"))
    events.Reload()
    wanted = ("loss", "learning_rate", "grad_norm", "tokens_per_second", "padding_share", "memory_gib", "epoch")
    assert {f"train/{name}" for name in wanted} <= set(events.Tags()["scalars"])
    losses = {event.step: event.value for event in events.Scalars("train/loss")}
    assert sorted(losses) == [1, 2, 3, 4, 5]
    final = read_json(case.root / "model/manifest.json")["final_loss"]
    assert sum(losses.values()) / 5 == pytest.approx(final, abs=1e-5)
    rates = [event.value for event in events.Scalars("train/learning_rate")]
    assert rates == pytest.approx([0.01 * learning_rate_factor(update, 5, 1, "cosine") for update in range(5)])
    assert [event.value for event in events.Scalars("train/padding_share")] == [0.0] * 5  # packs hold none
    for name in ("tokens_per_second", "memory_gib"):
        assert all(event.value > 0 for event in events.Scalars(f"train/{name}"))
    assert events.Scalars("train/epoch")[-1].value == pytest.approx(2.0)


def test_the_whole_run_equals_plain_training_on_separate_rows(case):
    """An independent loop: untouched model, row by row, torch's AdamW, transformers' parameter groups and schedule."""
    from transformers import AutoModelForCausalLM, get_scheduler
    from transformers.trainer_pt_utils import get_parameter_names

    from polytune.mixtures.manifest import Mixture
    from polytune.training.batches import Updates
    from polytune.training.rows import Limits, Rows

    case.write_spec(adam_beta1=0.8, adam_beta2=0.9)
    train.command(**case.options())
    mixture = Mixture.read(case.root / "mixture.json")
    updates = Updates(Rows(mixture, case.root / "tokens", Limits(64)), 3, 2, 8, 1000)
    model = AutoModelForCausalLM.from_pretrained(case.root / "base")
    decayed = set(get_parameter_names(model, [torch.nn.LayerNorm], ["bias", "layernorm", "ln_f"]))
    groups = [
        {"params": [p for name, p in model.named_parameters() if (name in decayed) == decay], "weight_decay": rate}
        for decay, rate in ((True, 0.01), (False, 0.0))
    ]
    optimizer = torch.optim.AdamW(groups, lr=0.01, betas=(0.8, 0.9), eps=1e-3)
    schedule = get_scheduler("cosine", optimizer, num_warmup_steps=1, num_training_steps=5)
    for number in range(5):
        rows = [updates.rows.read(row) for row in updates.rows_of(number)]
        supervised = sum(len(response) for _, response in rows)
        for prompt, response in rows:
            ids = torch.tensor([[*prompt, *response]])
            labels = torch.tensor([[-100] * len(prompt) + [*response]])
            (model(input_ids=ids, labels=labels).loss * len(response) / supervised).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.2)
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
def test_activation_checkpointing_changes_no_gradient(kind, tmp_path, monkeypatch):
    from transformers import modeling_utils

    case = Case(tmp_path, kind, hyperparameters=STABLE).write()
    train.command(**case.options("kept", micro_batch_tokens=60))
    again = []
    original = modeling_utils.checkpoint
    monkeypatch.setattr(modeling_utils, "checkpoint", lambda *a, **o: (again.append(1), original(*a, **o))[1])
    train.command(**case.options("again", micro_batch_tokens=60, activation_checkpointing=True))
    assert again
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


def test_the_manifest_is_json_with_plain_numbers(case):
    train.command(**case.options())
    manifest = json.loads((case.root / "model/manifest.json").read_text())
    assert isinstance(manifest["device_hours"], float) and isinstance(manifest["peak_memory_bytes"], int)
    assert manifest["mixture_digest"] == read_json(case.root / "mixture.json")["digest"]
