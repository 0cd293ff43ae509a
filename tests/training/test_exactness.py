"""Packed loss and gradients equal those of the untouched model on each row alone."""

import copy
import inspect
import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
import transformers

from polytune.mixtures.manifest import Mixture, Part
from polytune.training.attention import AlibiDimensions
from polytune.training.batches import Updates
from polytune.training.loss import weighted_nll
from polytune.training.model import compute_packs
from polytune.training.rows import Limits, Rows
from tests.cases.training_cases import DECODERS, ENCODER_DECODERS, VOCABULARY, tiny_config, tiny_model, write_store

PROMPT_WEIGHT = 0.3


def make_rows(longest: int) -> list[tuple[list[int], list[int]]]:
    generator = np.random.default_rng(7)
    sizes = [(3, 5), (1, longest), (9, 2), (4, 4), (2, 2), (6, 13), (5, 1)]
    return [tuple(generator.integers(2, VOCABULARY, size).tolist() for size in pair) for pair in sizes]


def make_updates(tmp_path, rows, encoder_decoder: bool, micro_batch_tokens: int) -> Updates:
    write_store(tmp_path / "test" / "en", rows, encoder_decoder)
    mixture = Mixture("m", "incremental", "test", ("en",), (Part("test", "en", "all", len(rows), "0" * 64),))
    limits = Limits(64, 64, prompt_loss_weight=PROMPT_WEIGHT)
    selected = Rows(mixture, tmp_path, limits, encoder_decoder)
    return Updates(selected, 1, 1, len(rows), micro_batch_tokens, decoder_start_token=0)


def separate_loss(model, rows, encoder_decoder: bool) -> torch.Tensor:
    """The definition: every row alone through the model's own forward pass and logits."""
    total, weight_sum = torch.zeros(()), 0.0
    for prompt, response in rows:
        if encoder_decoder:
            labels = torch.tensor([response])
            logits = model(input_ids=torch.tensor([prompt]), labels=labels).logits[0]
            targets, weights = labels[0], torch.ones(len(response))
        else:
            ids = torch.tensor([prompt + response])
            logits = model(input_ids=ids).logits[0, :-1]
            targets = ids[0, 1:]
            weights = torch.tensor([PROMPT_WEIGHT] * (len(prompt) - 1) + [1.0] * len(response))
        total = total + (torch.nn.functional.cross_entropy(logits, targets, reduction="none") * weights).sum()
        weight_sum += weights.sum()
    return total / weight_sum


def gradients(model) -> dict[str, torch.Tensor]:
    return {name: parameter.grad for name, parameter in model.named_parameters() if parameter.grad is not None}


@pytest.mark.parametrize(
    ("micro_batch_tokens", "pairs_per_block", "blocks"),
    [(1000, 4000, 1), (1000, 30, 4), (24, 4000, 1)],
    ids=["one pack", "several blocks", "several packs"],
)
@pytest.mark.parametrize("kind", DECODERS + ENCODER_DECODERS)
def test_packed_loss_and_gradients_equal_separate_rows(
    kind, micro_batch_tokens, pairs_per_block, blocks, tmp_path, monkeypatch
):
    encoder_decoder = kind in ENCODER_DECODERS
    monkeypatch.setattr("polytune.training.attention.QUERIES_PER_RUN", 10)  # the longest row takes several runs
    monkeypatch.setattr("polytune.training.layout.PAIRS_PER_BLOCK", pairs_per_block)
    rows = make_rows(longest=21)
    model = tiny_model(kind)
    untouched = copy.deepcopy(model)
    expected = separate_loss(untouched, rows, encoder_decoder)
    expected.backward()

    compute_packs(model)
    update = make_updates(tmp_path, rows, encoder_decoder, micro_batch_tokens)[0]
    assert (len(update.packs) == 1) == (micro_batch_tokens == 1000)
    assert len(update.packs[0].layout.blocks) >= blocks
    losses = [model(pack=pack) for pack in update.packs]
    for loss in losses:
        loss.backward()

    torch.testing.assert_close(sum(losses), expected, rtol=1e-5, atol=0)
    expected_gradients = gradients(untouched)
    assert len(expected_gradients) > 10
    assert gradients(model).keys() == expected_gradients.keys()
    for name, gradient in gradients(model).items():
        tolerance = 1e-5 * float(expected_gradients[name].abs().max())  # single entries may cancel to zero
        torch.testing.assert_close(gradient, expected_gradients[name], rtol=1e-5, atol=tolerance, msg=name)


@pytest.mark.parametrize("kind", DECODERS + ENCODER_DECODERS)
def test_rows_of_a_pack_do_not_see_each_other(kind, tmp_path):
    rows = make_rows(longest=21)
    model = tiny_model(kind)
    compute_packs(model)
    model.eval()
    encoder_decoder = kind in ENCODER_DECODERS
    pack = make_updates(tmp_path / "a", rows, encoder_decoder, 1000)[0].packs[0]
    hidden = []
    body = model.decoder if encoder_decoder else model.base_model
    body.register_forward_hook(lambda module, inputs, output: hidden.append(output.last_hidden_state[0].detach()))
    everywhere = torch.arange(pack.input_ids.shape[1])
    pack = replace(pack, predict=everywhere, targets=everywhere, weights=torch.ones(len(everywhere)))
    model(pack=pack)
    changed = pack.input_ids.clone()
    first = pack.layout.longest  # the longest row comes first
    changed[0, :first] = (changed[0, :first] + 1) % VOCABULARY
    model(pack=replace(pack, input_ids=changed))
    assert not torch.equal(hidden[0][:first], hidden[1][:first])
    torch.testing.assert_close(hidden[0][first:], hidden[1][first:], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["gpt2", "llama", "gpt_neox", "mixtral", "bloom"])
def test_the_variable_length_kernel_is_given_the_rows(kind, tmp_path, monkeypatch):
    """Torch's kernel needs a GPU; a stand-in with its signature and definition shows that it is called rightly."""
    import torch.nn.attention.varlen

    from polytune.training import architectures, attention

    real = inspect.signature(torch.nn.attention.varlen.varlen_attn)

    def varlen_attn(
        query, key, value, starts, key_starts, longest, key_longest, *, scale, window_size, enable_gqa=False
    ):
        ends = (starts, key_starts, longest, key_longest)
        real.bind(query, key, value, *ends, scale=scale, window_size=window_size, enable_gqa=enable_gqa)
        assert window_size == (-1, 0) and starts is key_starts and starts.dtype == torch.int32
        assert longest == key_longest == int(starts.diff().max())
        results = []
        for start, stop in itertools.pairwise(starts):
            q, k, v = (tensor[start:stop].transpose(0, 1)[None] for tensor in (query, key, value))
            attended = torch.nn.functional.scaled_dot_product_attention(
                q, k, v, is_causal=True, scale=scale, enable_gqa=enable_gqa
            )
            results.append(attended[0].transpose(0, 1))
        return torch.cat(results)

    pack = make_updates(tmp_path, make_rows(longest=21), False, 1000)[0].packs[0]
    model = tiny_model(kind)
    compute_packs(model)
    expected = model(pack=pack)
    for module in (attention, architectures):
        monkeypatch.setattr(module, "has_variable_length_kernel", lambda query, further=0: True)
    monkeypatch.setattr(torch.nn.attention.varlen, "varlen_attn", varlen_attn)
    torch.testing.assert_close(model(pack=pack), expected, rtol=1e-5, atol=0)


@pytest.mark.parametrize("heads", [32, 12])  # slopes of a power of two and of other numbers
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_dimensions_for_alibi_add_slope_times_position(heads, dtype):
    scale, width, positions = 128**-0.5, 16, torch.tensor([0, 1, 2, 255, 256, 257, 766, 767, 2047, 8191])
    slopes = torch.tensor([2 ** (-8 * (head + 1) / 32) for head in range(32)])[:heads]
    fused = torch.zeros(len(positions), heads, 3, width, dtype=dtype)
    fused[:, :, 2] = 1
    query, key, value = AlibiDimensions(slopes, scale).extend(fused, positions)
    assert query.shape == key.shape == value.shape == (len(positions), heads, width + 8)
    assert query.dtype == key.dtype == value.dtype == dtype
    scores = torch.einsum("qhd,khd->hqk", query.double(), key.double()) * scale  # half types multiply exactly in it
    expected = (slopes.double()[:, None] * positions.double())[:, None].expand_as(scores)
    torch.testing.assert_close(scores, expected, rtol=2**-15, atol=0)
    assert value[..., :width].min() == 1 and value[..., width:].abs().max() == 0


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("kind", DECODERS + ENCODER_DECODERS)
def test_packs_on_a_gpu_equal_packs_on_the_cpu(kind, tmp_path):
    rows, encoder_decoder = make_rows(longest=21), kind in ENCODER_DECODERS
    pack = make_updates(tmp_path, rows, encoder_decoder, 1000)[0].packs[0]
    model = tiny_model(kind)
    compute_packs(model)
    expected = model(pack=pack).detach()
    model.cuda()
    torch.testing.assert_close(model(pack=pack.to(torch.device("cuda"))).cpu(), expected, rtol=1e-4, atol=0)
    with torch.autocast("cuda", torch.bfloat16):
        half = model(pack=pack.to(torch.device("cuda"))).float().cpu()
    torch.testing.assert_close(half, expected, rtol=3e-2, atol=0)


def test_positions_restart_in_every_row(tmp_path):
    rows = make_rows(longest=21)
    pack = make_updates(tmp_path, rows, False, 1000)[0].packs[0]
    lengths = sorted((len(prompt) + len(response) for prompt, response in rows), reverse=True)
    assert pack.position_ids[0].tolist() == [position for length in lengths for position in range(length)]


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("positions", [1, 700], ids=["part of a chunk", "several chunks"])
def test_fused_loss_equals_cross_entropy(frozen, positions, monkeypatch):
    monkeypatch.setattr("polytune.training.loss.CHUNK_ELEMENTS", 1)  # chunks of the minimal 128 rows
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(positions, 16, generator=generator, requires_grad=True)
    weight = torch.randn(50, 16, generator=generator, requires_grad=not frozen)
    targets = torch.randint(0, 50, (positions,), generator=generator)
    weights = torch.rand(positions, generator=generator)
    expected = (torch.nn.functional.cross_entropy(hidden @ weight.T, targets, reduction="none") * weights).sum()
    wanted = [hidden] if frozen else [hidden, weight]
    expected_gradients = torch.autograd.grad(3 * expected, wanted)
    loss = weighted_nll(hidden, weight, targets, weights)
    torch.testing.assert_close(loss, expected, rtol=1e-5, atol=0)
    for found, gradient in zip(torch.autograd.grad(3 * loss, wanted), expected_gradients, strict=True):
        torch.testing.assert_close(found, gradient, rtol=1e-5, atol=1e-5)


def peak_bytes(function) -> int:
    """Most bytes that tensors take during `function().backward()`, by torch's own profiler of allocations."""
    with torch.profiler.profile(profile_memory=True) as profile:
        function().backward()
    held = most = 0
    for event in sorted(profile.profiler.kineto_results.events(), key=lambda event: event.start_ns()):
        if event.name() == "[memory]":
            held += event.nbytes()
            most = max(most, held)
    return most


def test_fused_loss_never_holds_all_logits():
    positions, features, vocabulary = 1024, 8, 20_000
    hidden = torch.randn(positions, features, requires_grad=True)
    weight = torch.randn(vocabulary, features, requires_grad=True)
    targets = torch.randint(0, vocabulary, (positions,))

    fused = peak_bytes(lambda: weighted_nll(hidden, weight, targets, torch.ones(positions)))
    whole = peak_bytes(lambda: torch.nn.functional.cross_entropy(hidden @ weight.T, targets, reduction="sum"))
    assert whole > 2 * positions * vocabulary * 4
    assert fused < 0.6 * positions * vocabulary * 4


@pytest.mark.parametrize("kind", ["bloom", "llama", "t5"])
def test_a_model_never_holds_the_logits_of_a_pack(kind, tmp_path, monkeypatch):
    monkeypatch.setattr("polytune.training.loss.CHUNK_ELEMENTS", 1)  # chunks of the minimal 128 rows
    vocabulary, encoder_decoder = 20_000, kind in ENCODER_DECODERS
    torch.manual_seed(0)
    auto = transformers.AutoModelForSeq2SeqLM if encoder_decoder else transformers.AutoModelForCausalLM
    model = auto.from_config(tiny_config(kind, vocabulary))
    rows = [([3] * 30, [5] * 30)] * 20  # 600 supervised positions
    pack = make_updates(tmp_path, rows, encoder_decoder, 4000)[0].packs[0]
    compute_packs(model)
    logits = 600 * vocabulary * 4
    assert peak_bytes(lambda: model(pack=pack)) < 0.7 * logits
