"""Packing, layouts, the stream of updates and the learning-rate schedule."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from polytune.errors import InputError
from polytune.mixtures.manifest import Mixture, Part, Take
from polytune.training.attention import has_variable_length_kernel
from polytune.training.batches import Updates
from polytune.training.layout import build_layout, group_rows
from polytune.training.loop import read_ahead
from polytune.training.packing import balance_rows, pack_rows, plan_update
from polytune.training.rows import Limits, Rows
from polytune.training.schedules import learning_rate_factor
from tests.cases.training_cases import random_rows, write_store


def make_mixture(*parts: Part) -> Mixture:
    return Mixture("m", "incremental", "test", tuple(part.language for part in parts), parts)


def all_of(language: str, rows: int) -> Part:
    return Part("test", language, "all", rows, "0" * 64)


def make_updates(tmp_path, rows: int = 20, limits: Limits | None = None, **changes) -> Updates:
    write_store(tmp_path / "test" / "en", random_rows(rows))
    selected = Rows(make_mixture(all_of("en", rows)), tmp_path, limits or Limits(64))
    return Updates(selected, **{"seed": 1, "epochs": 2, "global_batch_rows": 8, "micro_batch_tokens": 40, **changes})


def test_best_fit_decreasing_takes_the_fullest_pack_that_has_room():
    # 9 | 7 2 | 5 4 : the 2 goes beside the 7 (room 3), not beside the 5 (room 5); the 4 then fills the 5
    assert pack_rows([2, 5, 9, 7, 4], capacity=10) == [[2], [3, 0], [1, 4]]


def test_packs_hold_every_row_once_and_fill_well():
    lengths = np.random.default_rng(0).lognormal(4.5, 0.7, 400).astype(int).clip(1, 768).tolist()
    packs = pack_rows(lengths, 1024)
    assert sorted(row for pack in packs for row in pack) == list(range(400))
    sizes = [sum(lengths[row] for row in pack) for pack in packs]
    assert max(sizes) <= 1024
    assert len(packs) == -(-sum(lengths) // 1024)  # as few as the total allows


def test_a_row_longer_than_the_capacity_stands_alone_and_empty_rows_are_left_out():
    assert pack_rows([3, 50, 0, 4], capacity=10) == [[1], [3, 0]]


def test_balanced_packs_are_refused_when_they_exceed_the_capacity():
    assert balance_rows([4, 4, 4], capacity=8, packs=2) == [[0, 2], [1]]
    assert balance_rows([4, 4, 4], capacity=7, packs=2) is None


@pytest.mark.parametrize("processes", [1, 2, 3])
@pytest.mark.parametrize("micro_batch_tokens", [16, 64, 1000])
def test_processes_get_equally_many_packs_and_all_rows(processes, micro_batch_tokens):
    lengths = np.random.default_rng(1).integers(1, 16, 30).tolist()
    plan = plan_update(lengths, micro_batch_tokens, processes)
    assert len(plan) == processes
    assert len({len(packs) for packs in plan}) == 1
    assert sorted(row for packs in plan for pack in packs for row in pack) == list(range(30))
    assert all(sum(lengths[row] for row in pack) <= micro_batch_tokens for packs in plan for pack in packs)


def test_a_process_without_rows_gets_an_empty_pack():
    assert plan_update([5], 10, processes=2) == [[[0]], [[]]]
    assert plan_update([0, 0], 10, processes=2) == [[[]], [[]]]


def test_layout_pads_and_unpads_without_loss():
    lengths = [7, 5, 5, 2]
    layout = build_layout(lengths, groups=[slice(0, 1), slice(1, 4)], mask_padding=True)
    tokens = torch.arange(sum(lengths) * 3.0).view(-1, 3)
    blocks = layout.pad(tokens)
    assert [tuple(block.shape) for block in blocks] == [(1, 7, 3), (3, 5, 3)]
    assert blocks[1][2, :2].equal(tokens[17:19])
    assert layout.blocks[1].padding.sum() == 3
    assert layout.unpad(blocks).equal(tokens)


def test_layout_gradients_skip_the_padding():
    layout = build_layout([3, 1, 2], groups=[slice(0, 2), slice(2, 3)])
    tokens = torch.randn(6, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda values: layout.unpad([block**2 for block in layout.pad(values)]), tokens)


def test_similar_rows_share_a_block_and_a_long_row_does_not():
    assert group_rows([[20] * 30]) == [slice(0, 30)]
    assert group_rows([[700, 20, 20, 20]]) == [slice(0, 1), slice(1, 4)]


def test_stream_covers_every_row_once_per_epoch_in_another_order(tmp_path):
    updates = make_updates(tmp_path)
    assert len(updates) == 5  # ceil(20 rows * 2 epochs / 8)
    stream = np.concatenate([updates.rows_of(number) for number in range(5)])
    assert len(stream) == 40
    assert sorted(stream[:20]) == sorted(stream[20:]) == list(range(20))
    assert list(stream[:20]) != list(stream[20:])


def test_the_last_update_takes_what_is_left_and_half_epochs_count(tmp_path):
    updates = make_updates(tmp_path, rows=20, epochs=1.5, global_batch_rows=16)
    assert [len(updates.rows_of(number)) for number in range(len(updates))] == [16, 14]


def test_order_depends_on_the_seed_and_not_on_what_was_read_before(tmp_path):
    updates = make_updates(tmp_path)
    last_first = updates.rows_of(4).tolist()
    [updates.rows_of(number) for number in range(5)]
    assert updates.rows_of(4).tolist() == last_first
    updates.seed = 2
    assert updates.rows_of(4).tolist() != last_first


@pytest.mark.parametrize("processes", [1, 2])
def test_weights_of_an_update_sum_to_one_over_all_processes(tmp_path, processes):
    updates = make_updates(tmp_path, limits=Limits(64, prompt_loss_weight=0.2), processes=processes)
    for number in range(len(updates)):
        total = supervised = counted = 0.0
        for process in range(processes):
            updates.process = process
            update = updates[number]
            total += sum(float(pack.weights.sum()) for pack in update.packs)
            supervised += sum(int((pack.weights > 0).sum()) for pack in update.packs)
            counted += sum(tokens for pack in update.packs for _, tokens in pack.origins)
        assert total == pytest.approx(1, abs=1e-6)
        assert supervised == counted == updates.rows.supervised[updates.rows_of(number)].sum()
    updates.process = 0


def test_loss_stands_on_the_response_and_its_end_only(tmp_path):
    write_store(tmp_path / "test" / "en", [([5, 6, 7], [8, 9, 1])])
    rows = Rows(make_mixture(all_of("en", 1)), tmp_path, Limits(64))
    pack = Updates(rows, 1, 1, 1, 100)[0].packs[0]
    assert pack.targets.tolist() == [8, 9, 1]
    assert pack.predict.tolist() == [2, 3, 4]  # the position before each target
    assert pack.input_ids.tolist() == [[5, 6, 7, 8, 9, 1]]


def test_prompt_weight_and_empty_prompts(tmp_path):
    write_store(tmp_path / "test" / "en", [([5, 6], [7, 1]), ([], [8, 9, 1])])
    rows = Rows(make_mixture(all_of("en", 2)), tmp_path, Limits(64, prompt_loss_weight=0.5))
    pack = Updates(rows, 1, 1, 2, 100)[0].packs[0]
    weights = dict(zip(pack.targets.tolist(), pack.weights.tolist(), strict=False))
    assert sorted(pack.targets.tolist()) == [1, 1, 6, 7, 9]  # nothing predicts the first token of a row
    assert weights[6] == pytest.approx(0.5 / 4.5)
    assert weights[9] == pytest.approx(1 / 4.5)


def test_rows_are_cut_when_read_and_counted(tmp_path):
    write_store(tmp_path / "test" / "en", [([5] * 4, [6] * 9 + [1]), ([5] * 12, [6, 1]), ([5], [6, 1])])
    rows = Rows(make_mixture(all_of("en", 3)), tmp_path, Limits(10))
    assert rows.counts == {"rows": 3, "rows_truncated": 2, "rows_without_response": 1}
    assert rows.lengths.tolist() == [10, 0, 3]
    assert [list(part) for part in rows.read(0)] == [[5] * 4, [6] * 6]
    assert Updates(rows, 1, 2, 3, 100).count_tokens() == (26, 16)


@pytest.mark.parametrize("weight", [0.0, 0.5, 1.0])
def test_rows_without_response_are_counted_whatever_prompts_weigh(weight, tmp_path):
    write_store(tmp_path / "test" / "en", [([5] * 12, [6, 1]), ([5] * 10, [6, 1]), ([5] * 9, [6, 1]), ([], [1])])
    rows = Rows(make_mixture(all_of("en", 4)), tmp_path, Limits(10, prompt_loss_weight=weight))
    assert rows.counts["rows_without_response"] == 2
    assert (rows.lengths > 0).tolist() == [weight > 0, weight > 0, True, False]  # nothing predicts a lone first token


def test_a_cut_source_still_ends_with_end_of_sequence(tmp_path):
    write_store(tmp_path / "test" / "en", [([5, 6, 7, 8, 1], [9, 1])], encoder_decoder=True)
    rows = Rows(make_mixture(all_of("en", 1)), tmp_path, Limits(10, 3), encoder_decoder=True)
    assert [list(part) for part in rows.read(0)] == [[5, 6, 1], [9, 1]]


def test_rows_follow_the_selection_of_the_mixture(tmp_path):
    write_store(tmp_path / "test" / "en", random_rows(20))
    write_store(tmp_path / "test" / "fr", random_rows(20, seed=1))
    part = Part("test", "fr", Take(seed=5, count=6), 6, "0" * 64)
    mixture = make_mixture(all_of("en", 20), part)
    rows = Rows(mixture, tmp_path, Limits(64))
    assert len(rows) == 26
    store = rows.stores[1]
    chosen = mixture.select(part, store.keys)
    for place, number in enumerate(chosen):
        assert np.concatenate(rows.read(20 + place)).tolist() == store.row(number).tolist()


def test_store_and_base_of_different_kinds_are_refused(tmp_path):
    write_store(tmp_path / "test" / "en", random_rows(4))
    mixture = make_mixture(all_of("en", 4))
    with pytest.raises(InputError, match=r"index\.json: tokenised for a decoder, the base model is an encoder-decoder"):
        Rows(mixture, tmp_path, Limits(64), encoder_decoder=True)


def test_store_of_other_data_than_the_mixture_is_refused(tmp_path):
    write_store(tmp_path / "test" / "en", random_rows(4))
    mixture = make_mixture(Part("test", "en", "all", 4, "1" * 64))
    with pytest.raises(InputError, match="'data_digest' 000000000000"):
        Rows(mixture, tmp_path, Limits(64))


@pytest.mark.parametrize("scheduler", ["linear", "cosine", "constant"])
def test_schedules_are_those_of_transformers(scheduler):
    from transformers import get_scheduler

    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    name = "constant_with_warmup" if scheduler == "constant" else scheduler
    reference = get_scheduler(name, optimizer, num_warmup_steps=4, num_training_steps=20)
    for update in range(20):
        assert learning_rate_factor(update, 20, 4, scheduler) == pytest.approx(reference.get_last_lr()[0], abs=1e-12)
        optimizer.step()
        reference.step()


@pytest.mark.parametrize("scheduler", ["linear", "cosine"])
def test_schedules_end_at_the_final_ratio(scheduler):
    assert learning_rate_factor(20, 20, 4, scheduler, 0.1) == pytest.approx(0.1)
    assert learning_rate_factor(12, 20, 4, scheduler, 0.1) == pytest.approx(0.55)


def test_updates_read_ahead_come_once_in_order_with_their_errors():
    class Asked:
        def __init__(self):
            self.numbers = []

        def __getitem__(self, number):
            self.numbers.append(number)
            if number == 7:
                raise InputError("row 7 is damaged")
            return number * 10

    asked = Asked()
    assert list(read_ahead(asked, range(2, 6))) == [20, 30, 40, 50]
    assert asked.numbers == [2, 3, 4, 5]
    assert list(read_ahead(asked, range(3, 3))) == []
    with pytest.raises(InputError, match="row 7"):
        list(read_ahead(asked, range(6, 9)))


@pytest.mark.parametrize(("width", "dtype", "fits"), [
    (64, torch.bfloat16, True), (6, torch.bfloat16, False), (264, torch.bfloat16, False), (64, torch.float32, False),
])  # fmt: skip
def test_the_kernel_is_asked_only_for_heads_that_it_takes(width, dtype, fits):
    query = SimpleNamespace(is_cuda=True, dtype=dtype, shape=(1, 2, 5, width))
    assert has_variable_length_kernel(query) is fits
