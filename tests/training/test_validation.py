"""Rows that are held out, the loss on them, and the weights that a run keeps for it."""

import numpy as np
import pytest
import torch

from polytune.errors import InputError
from polytune.files import read_json, write_json
from polytune.mixtures.manifest import Mixture, Part
from polytune.training import loop, train
from polytune.training.batches import Updates
from polytune.training.rows import Limits, Rows
from polytune.training.spec import Validation
from polytune.training.validation import is_held_out, split_rows
from tests.cases.training_cases import STABLE, Case, assert_same_weights, random_rows, stop_after, weights, write_store
from tests.training.test_deepspeed import CLOSE, finish, start

KEYS = np.random.default_rng(1).integers(0, 2**64, 20_000, dtype=np.uint64)
# the loss on the rows held out falls and then rises: the kept weights are neither the first nor the last ones
RISING = {"learning_rate": 0.1, "epochs": 3, "global_batch_rows": 9, "scheduler": "constant", "warmup_ratio": 0.0}


def make_case(folder, method="full", **changes) -> Case:
    validation = {"share": 0.2, "every_updates": 1, **changes}
    hyperparameters = {**STABLE, **RISING, "validation": validation}
    if method == "lora":
        hyperparameters["learning_rate"] = 1.0
    return Case(folder, method=method, hyperparameters=hyperparameters).write(40)


def read_manifest(case: Case, name: str = "model") -> dict:
    return read_json(case.root / name / "manifest.json")


def curve(manifest: dict) -> dict[int, float]:
    return {point["update"]: point["loss"] for point in manifest["validation"]["losses"]}


def rows_of(case: Case) -> Rows:
    return Rows(Mixture.read(case.root / "mixture.json"), case.root / "tokens", Limits(64))


def measure_saved(case: Case, weight: float = 0.0) -> float:
    """Return the loss of the saved model on the rows held out: transformers' own classes, row by row."""
    from transformers import AutoModelForCausalLM

    rows, adapter = rows_of(case), (case.root / "model/adapter_config.json").is_file()
    model = AutoModelForCausalLM.from_pretrained(case.root / ("base" if adapter else "model"))
    if adapter:
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, str(case.root / "model"))
    total = weighted = 0.0
    for row in split_rows(rows, Validation(0.2))[1]:
        prompt, response = rows.read(row)
        ids = torch.tensor([[*prompt, *response]])
        with torch.no_grad():
            losses = torch.nn.functional.cross_entropy(model(ids).logits[0, :-1], ids[0, 1:], reduction="none")
        scale = torch.ones(len(losses))
        scale[: len(prompt) - 1] = weight
        total, weighted = total + float(scale.sum()), weighted + float((scale * losses).sum())
    return weighted / total


# --- which rows -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.01, 0.3])
def test_the_share_of_the_ids_is_held_out_and_a_larger_share_holds_out_the_same_and_more(share):
    chosen = is_held_out(KEYS, Validation(share))
    assert chosen.mean() == pytest.approx(share, abs=4 * (share * (1 - share) / len(KEYS)) ** 0.5)
    assert is_held_out(KEYS, Validation(2 * share))[chosen].all()
    assert 0 < is_held_out(KEYS[chosen], Validation(share, seed=2)).mean() < 2 * share  # another seed, other rows


def test_a_sample_of_rows_loses_no_more_to_validation_than_all_rows_do():
    """The order that validation goes by is none of those that mixtures sample by."""
    from polytune.mixtures.manifest import Take, select_rows

    for seed in (0, 1, 2, 1001):
        sample = KEYS[select_rows(KEYS, Take(seed, 4000))]
        assert is_held_out(sample, Validation(0.1)).mean() == pytest.approx(0.1, abs=0.02)


def test_the_same_ids_are_held_out_in_every_language_and_no_row_of_replay(tmp_path):
    parts = [("a", "en", "instruction"), ("a", "fr", "instruction"), ("b", "en", "replay")]
    for source, language, _ in parts:
        write_store(tmp_path / source / language, random_rows(60))
    mixture = Mixture(
        "m", "parallel", "a", ("en", "fr"), tuple(Part(s, c, "all", 60, "0" * 64, r) for s, c, r in parts)
    )
    rows = Rows(mixture, tmp_path, Limits(64))
    trained, held_out = split_rows(rows, Validation(0.2))
    assert sorted([*trained, *held_out]) == list(range(180))
    by_part = [set(rows.keys[held_out[rows.owners[held_out] == part]]) for part in range(3)]
    assert by_part[0] == by_part[1] and len(by_part[0]) > 5 and not by_part[2]


@pytest.mark.parametrize(("share", "problem"), [(1e-9, "0 are held out"), (1 - 1e-9, "0 are to train on")])
def test_a_share_that_leaves_nothing_is_refused(share, problem, tmp_path):
    case = make_case(tmp_path, share=share)
    with pytest.raises(InputError, match=rf"validation.share' is .*: of the 40 rows of mixture 'test-02' {problem}"):
        train.command(**case.options())


def test_rows_held_out_are_never_trained_on(tmp_path, monkeypatch):
    case = make_case(tmp_path)
    trained, held_out = split_rows(rows_of(case), Validation(0.2))
    seen, original = set(), loop.compute_update

    def compute_update(engine, update):
        seen.update(tuple(pack.input_ids[0].tolist()) for pack in update.packs)
        return original(engine, update)

    monkeypatch.setattr(loop, "compute_update", compute_update)
    train.command(**case.options(micro_batch_tokens=1))  # a row a pack
    rows = rows_of(case)
    assert seen == {tuple(np.concatenate(rows.read(row)).tolist()) for row in trained}
    manifest = read_manifest(case)
    assert manifest["validation"]["rows"] == len(held_out)
    assert [part["held_out_rows"] for part in manifest["parts"]] == [len(held_out) // 2] * 2
    assert [part["consumed"]["rows"] for part in manifest["parts"]] == [3 * len(trained) // 2] * 2


# --- the loss -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("weight", [0.0, 0.2])
def test_the_loss_is_that_of_transformers_row_by_row(weight, tmp_path):
    """With dropout, which must not count."""
    case = make_case(tmp_path, keep="last")
    config = read_json(tmp_path / "base/config.json")
    write_json(tmp_path / "base/config.json", {**config, "hidden_dropout": 0.2, "attention_dropout": 0.2})
    case.write_spec(prompt_loss_weight=weight)
    train.command(**case.options())
    manifest = read_manifest(case)
    assert curve(manifest)[manifest["updates"]] == pytest.approx(measure_saved(case, weight), abs=2e-6)


@pytest.mark.parametrize(("every", "rows", "batch", "epochs", "due"), [
    (None, 10, 4, 2.5, [3, 5, 7]),  # 10 rows are drawn in the third update, 20 in the fifth, the last is the seventh
    (None, 8, 4, 2, [2, 4]),
    (3, 8, 4, 2, [3, 4]),
    (None, 3, 7, 4, [1, 2]),  # an update that ends several epochs
])  # fmt: skip
def test_when_the_loss_is_measured(every, rows, batch, epochs, due, tmp_path):
    from polytune.training.validation import Validator

    write_store(tmp_path / "test" / "en", random_rows(rows))
    mixture = Mixture("m", "parallel", "test", ("en",), (Part("test", "en", "all", rows, "0" * 64),))
    updates = Updates(Rows(mixture, tmp_path, Limits(64)), 1, epochs, batch, 100)
    validator = Validator(Validation(0.1, every), updates, updates)
    assert [done for done in range(1, len(updates) + 1) if validator.is_due(done)] == due


# --- the weights that are kept --------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["full", "lora"])
def test_the_weights_of_the_lowest_loss_are_kept(method, tmp_path, monkeypatch):
    """The same bytes as those that the run had after that update."""
    case = make_case(tmp_path, method)
    train.command(**case.options())
    manifest = read_manifest(case)
    losses, chosen = curve(manifest), manifest["validation"]["chosen_update"]
    assert list(losses) == list(range(1, manifest["updates"] + 1))
    assert losses[chosen] == min(losses.values()) and 1 < chosen < manifest["updates"], losses
    stopped = {}
    original = loop.check_weights

    def keep(engine, where):
        if f"at update {chosen} " in where:
            trained = {name: value for name, value in engine.model.named_parameters() if value.requires_grad}
            stopped.update({name: value.detach().clone() for name, value in trained.items()})
        original(engine, where)

    monkeypatch.setattr(loop, "check_weights", keep)
    train.command(**case.options("again", checkpoint_updates=1))
    assert read_manifest(case, "again")["weights_sha256"] == manifest["weights_sha256"]
    assert measure_saved(case) == pytest.approx(losses[chosen], abs=2e-6)
    saved = weights(tmp_path / "model")
    for name, value in stopped.items():
        torch.testing.assert_close(saved[name.replace(".default", "")], value, rtol=0, atol=0)
    assert stopped


def test_the_last_weights_are_kept_where_that_is_asked_for(tmp_path):
    case = make_case(tmp_path, keep="last")
    train.command(**case.options())
    manifest = read_manifest(case)
    assert manifest["validation"]["chosen_update"] == manifest["updates"]
    case.write_spec(validation={"share": 0.2, "every_updates": 1, "keep": "best"})
    train.command(**case.options("best"))
    assert curve(read_manifest(case, "best")) == curve(manifest)
    with pytest.raises(AssertionError):
        assert_same_weights(tmp_path / "model", tmp_path / "best")


def test_tensorboard_has_the_curve_and_the_best_update(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    case = make_case(tmp_path)
    train.command(**case.options())
    events = EventAccumulator(str(tmp_path / "model/logs"))
    events.Reload()
    losses = curve(read_manifest(case))
    logged = {event.step: event.value for event in events.Scalars("validation/loss")}
    assert logged == pytest.approx(losses, abs=1e-5)
    best = [event.value for event in events.Scalars("validation/best_update")]
    assert best == [min(list(losses)[: n + 1], key=losses.get) for n in range(len(losses))]


@pytest.mark.parametrize("method", ["full", "lora"])
@pytest.mark.parametrize("update", [1, 3, 6, 10])
def test_resuming_after_any_update_keeps_the_same_bytes(update, method, tmp_path, monkeypatch):
    case = make_case(tmp_path, method)
    train.command(**case.options("whole"))
    assert read_manifest(case, "whole")["updates"] > update
    with monkeypatch.context() as patch:
        stop_after(patch, update)
        with pytest.raises(SystemExit):
            train.command(**case.options())
    train.command(**case.options())
    one, other = read_manifest(case), read_manifest(case, "whole")
    assert one["weights_sha256"] == other["weights_sha256"]
    assert one["validation"] == other["validation"]


class Killed(BaseException):
    """What stands for `kill -9` in one process: nothing catches it."""


@pytest.mark.parametrize("moment", range(1, 9))
def test_a_run_killed_at_any_checkpoint_keeps_the_same_bytes(moment, tmp_path, monkeypatch):
    """Killed before a checkpoint is sealed (odd moments), or after it and before older ones are removed."""
    from polytune.training import checkpoints

    case = make_case(tmp_path)
    train.command(**case.options("whole"))
    seal, count = checkpoints.seal_checkpoint, iter(range(1, 1000))

    def kill(folder):
        number = next(count)
        if number > moment // 2 and not moment % 2:
            seal(folder)
        if number > moment // 2:
            raise Killed
        seal(folder)

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "seal_checkpoint", kill)
        with pytest.raises(Killed):
            train.command(**case.options(checkpoint_updates=2))
    train.command(**case.options(checkpoint_updates=2))
    assert read_manifest(case)["weights_sha256"] == read_manifest(case, "whole")["weights_sha256"]
    assert read_manifest(case)["validation"] == read_manifest(case, "whole")["validation"]


def test_the_best_checkpoint_stays_until_the_run_is_complete(tmp_path, monkeypatch):
    case = make_case(tmp_path)
    train.command(**case.options("whole"))
    best, updates = read_manifest(case, "whole")["validation"]["chosen_update"], read_manifest(case, "whole")["updates"]
    with monkeypatch.context() as patch:
        stop_after(patch, updates - 1)
        with pytest.raises(SystemExit):
            train.command(**case.options(checkpoint_updates=1))
    left = {path.name for path in tmp_path.glob("work/*/checkpoint-*")}
    assert left == {f"checkpoint-{update}" for update in (best, updates - 2, updates - 1)}
    (damaged,) = tmp_path.glob(f"work/*/checkpoint-{best}/state.pt")
    damaged.write_bytes(b"")
    with pytest.raises(
        InputError, match=rf"checkpoint-{best}, the best of the run, is damaged: .*; delete .* to begin"
    ):
        train.command(**case.options())


@pytest.mark.slow
@pytest.mark.parametrize(("method", "stage"), [("full", 2), ("full", 3), ("lora", 3)])
def test_two_processes_keep_what_one_keeps(method, stage, tmp_path):
    """The adapters' learning rate, at which the loss rises again, also enlarges rounding from update to update."""
    case = make_case(tmp_path, method)
    train.command(**case.options("single"))
    codes, output = finish(start(case.arguments(zero_stage=stage, micro_batch_tokens=48)))
    assert codes == [0, 0], output
    one, two = read_manifest(case, "single"), read_manifest(case)
    assert [part["held_out_rows"] for part in two["parts"]] == [part["held_out_rows"] for part in one["parts"]]
    assert two["validation"]["keys_sha256"] == one["validation"]["keys_sha256"]
    assert curve(two)[1] == pytest.approx(curve(one)[1], abs=1e-4)
    chosen = two["validation"]["chosen_update"]
    assert 1 < chosen < two["updates"]
    assert measure_saved(case) == pytest.approx(curve(two)[chosen], abs=1e-5)
    if method == "full":
        assert curve(two) == pytest.approx(curve(one), abs=1e-4)
        assert_same_weights(tmp_path / "single", tmp_path / "model", **CLOSE)
